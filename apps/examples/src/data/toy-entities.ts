// Made-up news with persons, places and organisations, tagged in BIO form. Names are shared between the types
// ("Berg" is a surname, a town and half of a company), so a word alone does not tell its tag: its neighbours do.
import type { TaggedSentence } from "@torchium/nlp-models";
import { bioTags, expand, type Grammar } from "./grammar.js";
import { seededRandom } from "./random.js";
import { makeSplit, type Split, type SplitSizes } from "./split.js";

const news: Grammar = {
  sentence: [
    "{person|PER} {visited} {town|LOC} {when} .",
    "{person|PER} works for {company|ORG} in {town|LOC} .",
    "{company|ORG} {did} {thing} in {town|LOC} .",
    "{when} {company|ORG} {did} {thing} .",
    "{person|PER} and {person:2|PER} {visited} {town|LOC} .",
    "{company|ORG} and {company:2|ORG} {did} {thing} {when} .",
    "in {town|LOC} , {person|PER} {did} {thing} .",
    "{person|PER} , the head of {company|ORG} , {visited} {town|LOC} .",
    "the road from {town|LOC} to {town:2|LOC} was closed {when} .",
    "{thing} was found in {town|LOC} {when} .",
    "nobody {did} {thing} {when} .",
  ],
  person: ["{first} {last}", "{first} {last}", "{first}", "Mr {last}", "Dr {first} {last}"],
  town: ["{place}", "{place}", "{direction} {place}", "Lake {place}", "Port {last}"],
  company: [
    "{last} Bank",
    "{place} University",
    "{last} and Sons",
    "Bank of {place}",
    "{invented}",
    "{invented} Group",
  ],
  first: ["Anna", "Maria", "Peter", "Ivan", "Lucia", "Omar", "Grace", "Felix", "Paris", "Sofia", "Victoria"],
  last: ["Berg", "Stone", "Rivers", "Hansen", "Moreno", "Field", "Lund", "Sydney", "Okafor", "London"],
  place: ["Berg", "Paris", "London", "Sofia", "Sydney", "Lund", "Victoria", "Field", "Quito", "Oslo", "Stone"],
  direction: ["North", "South", "West", "New"],
  invented: ["Acme", "Novatek", "Lumen", "Felix", "Orbit", "Rivers"],
  visited: ["visited", "left", "moved to", "flew to", "was seen in"],
  did: ["sold", "opened", "built", "lost", "showed", "praised"],
  thing: ["a factory", "the old bridge", "two ships", "a new stone wall", "a painting", "the field", "a school"],
  when: ["yesterday", "on Monday", "in May", "last year", "this week", "after the storm"],
};

/** Sentences with tags of the types PER, LOC and ORG. */
export function toyEntities(
  seed: number,
  sizes: SplitSizes = { train: 2000, validation: 200, test: 200 },
): Split<TaggedSentence> {
  const random = seededRandom(seed);
  const make = (): TaggedSentence => {
    const [words] = expand(news, "sentence", random);
    return { tokens: words.map(({ text }) => text), tags: bioTags(words) };
  };
  return makeSplit(sizes, make, ({ tokens }) => tokens.join(" "));
}
