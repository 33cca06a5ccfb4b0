// Made-up sentences about films: opinions for and against (sentiment), and opinions beside plots (subjectivity).
// Negation and "but" make the order of the words matter, so that counting good and bad words is not enough.
import type { LabelledText } from "@torchium/nlp-models";
import { expand, type Grammar, joinWords } from "./grammar.js";
import { pick, seededRandom } from "./random.js";
import { makeSplit, type Split, type SplitSizes } from "./split.js";

/** The two opinions are mirror images: what is `good` in one is `bad` in the other. */
function opinions(good: string, bad: string): readonly string[] {
  return [
    `{part} was {${good}} .`,
    `{part} was {very} {${good}} .`,
    `{part} was not {${bad}} at all .`,
    `it is hard to call {part} {${bad}} .`,
    `{part} was {${bad}} , but {part:2} was {${good}} .`,
    `although {part} was {${bad}} , {part:2} was {very} {${good}} .`,
    `i expected something {${bad}} and got something {${good}} .`,
    `{part} , {someone} said , was {${good}} .`,
  ];
}

const films: Grammar = {
  positive: opinions("good", "bad"),
  negative: opinions("bad", "good"),
  good: ["wonderful", "funny", "moving", "clever", "charming", "brilliant", "fresh", "warm", "gripping", "honest"],
  bad: ["boring", "awful", "silly", "clumsy", "dull", "tired", "noisy", "cold", "flat", "lifeless"],
  very: ["very", "really", "quite", "truly", "surprisingly"],
  part: [
    "the {piece}",
    "this {kind}",
    "the {piece} of this {kind}",
    "every minute of the {kind}",
    "the {piece} with its {piece:2}",
  ],
  piece: ["story", "acting", "music", "ending", "dialogue", "camera work", "script", "cast", "opening"],
  kind: ["film", "comedy", "thriller", "drama", "sequel", "remake", "western"],
  someone: ["my friend", "a critic", "everyone", "the audience"],
  plot: [
    "{hero} {travels} to {place} to find {goal} .",
    "in {place} , {hero} {meets} {hero:2} and loses {goal} .",
    "when {hero} {meets} {hero:2} , they leave {place} together .",
    "{hero} must return to {place} before {goal} is sold .",
    "after the war {hero} {travels} to {place} .",
    "{hero} , who lives in {place} , {meets} {hero:2} .",
    "in this {kind} {hero} {travels} to {place} with {hero:2} .",
  ],
  hero: [
    "a young doctor",
    "a retired spy",
    "the captain",
    "a farmer",
    "two sisters",
    "a student",
    "the king",
    "a singer",
  ],
  travels: ["travels", "is sent", "escapes", "moves back", "sails"],
  meets: ["meets", "follows", "hides", "remembers", "helps"],
  place: ["paris", "the mountains", "a small village", "the coast", "new york", "an old castle", "the desert"],
  goal: ["a lost letter", "the treasure", "her brother", "a stolen painting", "the truth", "an old map"],
};

/** Opinions about films: label 1 is positive, 0 negative. */
export function toySentiment(
  seed: number,
  sizes: SplitSizes = { train: 2000, validation: 200, test: 200 },
): Split<LabelledText> {
  return makeLabelled(seed, sizes, ["negative", "positive"]);
}

/** Sentences about films: label 1 is subjective (an opinion), 0 objective (a plot). */
export function toySubjectivity(
  seed: number,
  sizes: SplitSizes = { train: 2000, validation: 200, test: 200 },
): Split<LabelledText> {
  return makeLabelled(seed, sizes, ["plot", "opinion"]);
}

function makeLabelled(seed: number, sizes: SplitSizes, classes: readonly [string, string]): Split<LabelledText> {
  const grammar: Grammar = { ...films, opinion: ["{positive}", "{negative}"] };
  const random = seededRandom(seed);
  const make = (): LabelledText => {
    const label = pick([0, 1], random);
    return { label, text: joinWords(expand(grammar, classes[label], random)[0]) };
  };
  return makeSplit(sizes, make, ({ text }) => text);
}
