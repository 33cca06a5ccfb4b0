// What is asked of a generating model: prompts and options, checked before anything runs.

import { argumentError, defaultGenerator, Generator, shapeError, Tensor, TensorError } from "@torchium/tensor";
import { Module } from "@torchium/tensor/nn";
import {
  count,
  flag,
  instance,
  integer,
  number,
  numbers,
  type OptionTable,
  optional,
  readOptions,
} from "@torchium/tensor/options";
import { type RandomSource, randomInt } from "../batching/random-source.js";
import { SeededRandom } from "../batching/seeded-random.js";
import { type SamplingOptions, samplingRules } from "./sampling.js";

/** Options of generation token by token. */
export type GenerateOptions = SamplingOptions & {
  /** At most this many new tokens a prompt; 100 unless given. */
  readonly maxNewTokens?: number;
  /** Ids that end a continuation; they are not part of it. */
  readonly stopIds?: readonly number[];
  /** Seeds the draws: the same seed gives the same tokens. */
  readonly seed?: number;
  /** What the draws are seeded from where no seed is given; the default generator unless given. */
  readonly generator?: Generator;
  /** Keep keys and values of what was read; true unless given. It changes the time and not the tokens. */
  readonly useCache?: boolean;
};

/** Options of a search for the likeliest whole sequence. */
export type BeamSearchOptions = {
  /** How many partial sequences go on together; 1 unless given, which is no search. */
  readonly beams?: number;
  /** A sequence scores its log-probability divided by its length to this power; 1 unless given, 0 favours short ones. */
  readonly lengthPenalty?: number;
};

/** One prompt, or several of any lengths, or a tensor [batch, length]. */
export type Prompts = readonly number[] | readonly (readonly number[])[] | Tensor;

/** Options with their defaults. */
export type GenerationRules = SamplingOptions & {
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly beams: number;
  readonly lengthPenalty: number;
};

/** What each option may be. */
const generationRules = {
  ...samplingRules,
  maxNewTokens: integer({ atLeast: 0 }, 100),
  stopIds: numbers({ integer: true }, []),
  seed: optional(integer({ atLeast: 0 })),
  generator: optional(instance("a Generator", Generator)),
  useCache: flag(true),
  beams: count(1),
  lengthPenalty: { ...number({ atLeast: 0 }, 1), expected: "a number of at least 0" },
} satisfies OptionTable<GenerateOptions & BeamSearchOptions>;

/** Checks the options and fills in defaults. @throws TensorError `argument`, naming the option and the value */
export function checkRules(op: string, options: GenerateOptions & BeamSearchOptions): GenerationRules {
  const { stopIds, seed, generator, useCache, ...rules } = readOptions(op, generationRules, options);
  const drawing = (["temperature", "topK", "topP"] as const).find((name) => rules[name] !== undefined);
  if (rules.beams > 1 && drawing)
    throw argumentError(op, drawing, "left out with beams, which draw nothing", rules[drawing]);
  const given = Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined));
  return { ...(given as Omit<GenerationRules, "stopIds">), stopIds: new Set(stopIds) };
}

/** @throws TensorError `argument` unless `model` is a module with the method that `op` calls */
export function checkModel(op: string, model: unknown, method: string): void {
  if (model instanceof Module && method in model) return;
  throw argumentError(op, "the model", `a Module with ${method}()`, model);
}

/** Whether prompts are one list of ids. */
export const isOnePrompt = (prompts: Prompts): prompts is readonly number[] =>
  Array.isArray(prompts) && typeof prompts[0] === "number";

/** Prompts as rows of ids; `what` is one of them. @throws TensorError `argument`, `shape`, `index` */
export async function promptRows(
  op: string,
  what: string,
  prompts: Prompts,
  { vocabSize, maxLen }: { readonly vocabSize: number; readonly maxLen: number },
): Promise<number[][]> {
  const rows = isOnePrompt(prompts) ? [[...prompts]] : await allRows(op, what, prompts);
  if (rows.length === 0) throw argumentError(op, `${what}s`, "at least one list of ids", rows.length);
  for (const row of rows) {
    if (row.length === 0) throw argumentError(op, `a ${what}`, "at least one id", row.length);
    if (row.length > maxLen) {
      const message = `${op}: a ${what} is too long, got ${row.length} tokens, expected at most ${maxLen} (maxLen)`;
      throw new TensorError("shape", message, { op, length: row.length, maxLen });
    }
    const wrong = row.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (wrong === undefined) continue;
    throw new TensorError("index", `${op}: id is out of range, got ${wrong}, expected [0, ${vocabSize - 1}]`, {
      op,
      id: wrong,
      size: vocabSize,
    });
  }
  return rows;
}

async function allRows(
  op: string,
  what: string,
  prompts: readonly (readonly number[])[] | Tensor,
): Promise<number[][]> {
  if (!(prompts instanceof Tensor)) {
    const lists = Array.isArray(prompts) && prompts.every((row) => Array.isArray(row));
    if (!lists)
      throw argumentError(op, `the ${what}`, "ids (tokenizer.encode gives them): one list or several", prompts);
    return prompts.map((row) => [...row]);
  }
  if (prompts.ndim !== 2) throw shapeError(op, `${what}s must be [batch, length]`, [prompts.shape]);
  return (await prompts.toArray()) as number[][];
}

/** A source of draws for each row, which depends on the seed and the row's place alone. */
export function randomRows({ seed, generator = defaultGenerator() }: GenerateOptions, rows: number): RandomSource[] {
  const words = (seed === undefined ? generator : new Generator(seed)).nextStream();
  const mixed = words.reduce((before, word) => (randomInt(new SeededRandom(before), 2 ** 32) ^ word) >>> 0, 0);
  const seeds = new SeededRandom(mixed);
  return Array.from({ length: rows }, () => new SeededRandom(randomInt(seeds, 2 ** 32)));
}
