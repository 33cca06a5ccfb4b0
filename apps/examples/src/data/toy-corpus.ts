// A made-up corpus for language models and word vectors: words that belong together occur together, and every
// country has the same relations to its words, so that neighbours and analogies can be learnt and checked.
import type { AnalogyQuestion, WordPairScore } from "@torchium/nlp-models";
import { expand, type Grammar, joinWords } from "./grammar.js";
import { pick, seededRandom } from "./random.js";

interface Topic {
  readonly things: readonly string[];
  readonly acts: readonly string[];
  readonly scenes: readonly string[];
}

const topics: Readonly<Record<string, Topic>> = {
  animals: {
    things: ["cat", "dog", "horse", "cow", "sheep", "rabbit"],
    acts: ["sleeps", "eats", "runs", "hides"],
    scenes: ["on the farm", "in the barn", "near the fence"],
  },
  kitchen: {
    things: ["bread", "soup", "cheese", "rice", "cake", "salad"],
    acts: ["cooks", "burns", "smells", "cools"],
    scenes: ["in the oven", "on the plate", "at the table"],
  },
  weather: {
    things: ["rain", "snow", "wind", "storm", "fog", "hail"],
    acts: ["falls", "blows", "freezes", "melts"],
    scenes: ["over the hills", "under grey clouds", "all winter"],
  },
  music: {
    things: ["piano", "violin", "drum", "flute", "guitar", "trumpet"],
    acts: ["plays", "sounds", "rings", "echoes"],
    scenes: ["in the orchestra", "on the stage", "at the concert"],
  },
};

/** A country and what is its own, in the order of `relations`. */
const countries = [
  ["france", "paris", "french", "seine"],
  ["italy", "rome", "italian", "tiber"],
  ["egypt", "cairo", "arabic", "nile"],
  ["russia", "moscow", "russian", "volga"],
  ["austria", "vienna", "german", "danube"],
  ["portugal", "lisbon", "portuguese", "tagus"],
] as const;

const relations = ["country", "capital", "language", "river"] as const;

/** Lines of made-up English, lower case, words between spaces. */
export function toyCorpus(seed: number, lines = 4000): string[] {
  const random = seededRandom(seed);
  const grammars = [...Object.values(topics).map(topicGrammar), ...countries.map(countryGrammar)];
  return Array.from({ length: lines }, () => joinWords(expand(pick(grammars, random), "sentence", random)[0]));
}

/** Pairs of words of the corpus: 10 for the same kind, 5 for the same topic, 0 for neither. */
export function toySimilarities(): WordPairScore[] {
  const words = Object.entries(topics).flatMap(([topic, { things, acts }]) => [
    ...things.map((word) => ({ word, topic, kind: "thing" })),
    ...acts.map((word) => ({ word, topic, kind: "act" })),
  ]);
  return words.flatMap((a, i) =>
    words.slice(i + 1).map((b) => {
      const score = a.topic !== b.topic ? 0 : a.kind === b.kind ? 10 : 5;
      return { first: a.word, second: b.word, score };
    }),
  );
}

/** "france is to paris as italy is to rome", for every relation and every two countries. */
export function toyAnalogies(): AnalogyQuestion[] {
  return relations
    .slice(1)
    .flatMap((category, k) =>
      countries.flatMap((from) =>
        countries
          .filter((to) => to !== from)
          .map((to): AnalogyQuestion => ({ category, words: [from[0], from[k + 1], to[0], to[k + 1]] })),
      ),
    );
}

function topicGrammar({ things, acts, scenes }: Topic): Grammar {
  return {
    sentence: [
      "the {thing} {act} {scene} .",
      "a {thing} and a {thing:2} , {scene} .",
      "{scene} the {thing} {act} while the {thing:2} {act:2} .",
      "one {thing} {act} and another {thing} {act:2} {scene} .",
    ],
    thing: things,
    act: acts,
    scene: scenes,
  };
}

function countryGrammar([country, capital, language, river]: (typeof countries)[number]): Grammar {
  return {
    sentence: [
      `${capital} is the capital city of ${country} .`,
      `the government of ${country} meets in the city of ${capital} .`,
      `people in the whole country of ${country} speak ${language} .`,
      `many learn to speak the language ${language} in ${country} .`,
      `the water of the river ${river} flows through ${country} .`,
      `boats on the river ${river} bring fish to ${country} .`,
      `in the city of ${capital} children learn to speak ${language} .`,
      `bridges over the river ${river} lead to the city of ${capital} .`,
    ],
  };
}
