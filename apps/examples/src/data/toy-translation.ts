// Made-up German captions and their English translations, in the manner of Multi30k: small enough to learn in
// seconds, and not word by word (genders and cases, one word for two, verbs at the end).
import type { SentencePair } from "@torchium/nlp-models";
import { expand, type Grammar, joinWords } from "./grammar.js";
import { seededRandom } from "./random.js";
import { makeSplit, type Split, type SplitSizes } from "./split.js";

/** German on the left, English on the right. */
const captions: Grammar = {
  caption: [
    ["{one} {act}t {place} .", "{one} is {act}ing {place} ."],
    ["{several} {act}en {place} .", "{several} are {act}ing {place} ."],
    ["{one} {make}t {thing} .", "{one} is {make}ing {thing} ."],
    ["{one} {make}t {place} {thing} .", "{one} is {make}ing {thing} {place} ."],
    ["{several} {make}en {thing} .", "{several} are {make}ing {thing} ."],
    ["{one} will {place} {act}en .", "{one} wants to {act} {place} ."],
    ["{several} wollen {thing} {make}en .", "{several} want to {make} {thing} ."],
    ["{place} {act}t {one} .", "{one} is {act}ing {place} ."],
    ["{one} {act}t und {act:2}t {place} .", "{one} is {act}ing and {act:2}ing {place} ."],
  ],
  one: [
    ["ein {male}", "a {male}"],
    ["eine {female}", "a {female}"],
    ["ein {neuter}", "a {neuter}"],
    ["ein {look}er {male}", "a {look} {male}"],
    ["eine {look}e {female}", "a {look} {female}"],
    ["ein {look}es {neuter}", "a {look} {neuter}"],
  ],
  several: [
    ["{count} {group}", "{count} {group}"],
    ["{count} {look}e {group}", "{count} {look} {group}"],
  ],
  male: [
    ["Mann", "man"],
    ["Junge", "boy"],
    ["Hund", "dog"],
    ["Tänzer", "dancer"],
    ["Lehrer", "teacher"],
  ],
  female: [
    ["Frau", "woman"],
    ["Katze", "cat"],
    ["Tänzerin", "dancer"],
    ["Lehrerin", "teacher"],
  ],
  neuter: [
    ["Mädchen", "girl"],
    ["Kind", "child"],
    ["Pferd", "horse"],
  ],
  group: [
    ["Männer", "men"],
    ["Frauen", "women"],
    ["Kinder", "children"],
    ["Hunde", "dogs"],
    ["Jungen", "boys"],
  ],
  count: [
    ["zwei", "two"],
    ["drei", "three"],
    ["viele", "many"],
  ],
  look: [
    ["klein", "small"],
    ["groß", "big"],
    ["jung", "young"],
    ["fröhlich", "happy"],
    ["blond", "blond"],
    ["still", "quiet"],
  ],
  act: [
    ["spiel", "play"],
    ["lach", "laugh"],
    ["spring", "jump"],
    ["sing", "sing"],
    ["steh", "stand"],
    ["träum", "dream"],
  ],
  make: [
    ["kauf", "buy"],
    ["bau", "build"],
    ["mal", "paint"],
    ["bring", "bring"],
    ["hol", "fetch"],
    ["zeig", "show"],
    ["such", "seek"],
  ],
  thing: [
    ["einen {maleThing}", "a {maleThing}"],
    ["eine {femaleThing}", "a {femaleThing}"],
    ["ein {neuterThing}", "a {neuterThing}"],
    ["einen {look:2}en {maleThing}", "a {look:2} {maleThing}"],
    ["eine {look:2}e {femaleThing}", "a {look:2} {femaleThing}"],
    ["ein {look:2}es {neuterThing}", "a {look:2} {neuterThing}"],
  ],
  maleThing: [
    ["Ball", "ball"],
    ["Hut", "hat"],
    ["Stuhl", "chair"],
    ["Schneemann", "snowman"],
  ],
  femaleThing: [
    ["Tasche", "bag"],
    ["Fahne", "flag"],
    ["Gitarre", "guitar"],
  ],
  neuterThing: [
    ["Buch", "book"],
    ["Bild", "picture"],
    ["Boot", "boat"],
    ["Fahrrad", "bicycle"],
  ],
  place: [
    ["im Park", "in the park"],
    ["am Strand", "on the beach"],
    ["im Schnee", "in the snow"],
    ["am See", "at the lake"],
    ["im Garten", "in the garden"],
    ["auf der Straße", "on the street"],
    ["vor dem Haus", "in front of the house"],
    ["hinter dem Auto", "behind the car"],
  ],
};

/** German sentences (`source`) with their English translations (`target`); no source sentence occurs twice. */
export function toyTranslation(
  seed: number,
  sizes: SplitSizes = { train: 4000, validation: 200, test: 200 },
): Split<SentencePair> {
  const random = seededRandom(seed);
  const make = (): SentencePair => {
    const [german, english] = expand(captions, "caption", random);
    return { source: joinWords(german), target: joinWords(english) };
  };
  return makeSplit(sizes, make, ({ source }) => source);
}
