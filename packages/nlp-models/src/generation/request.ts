// What is asked of a generating model: prompts and options, checked before anything runs.

import { argumentError, defaultGenerator, Generator, shapeError, Tensor, TensorError } from "@torchium/tensor";
import { type RandomSource, randomInt } from "../batching/random-source.js";
import { SeededRandom } from "../batching/seeded-random.js";
import { checkSampling, type SamplingOptions } from "./sampling.js";

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

/** @throws TensorError `argument`, naming the option and the value */
export function checkRules(op: string, options: GenerateOptions & BeamSearchOptions): GenerationRules {
  const { maxNewTokens = 100, stopIds = [], beams = 1, lengthPenalty = 1, greedy, temperature, topK, topP } = options;
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
    throw argumentError(op, "maxNewTokens", "an integer of at least 0", maxNewTokens);
  if (!Number.isInteger(beams) || beams < 1) throw argumentError(op, "beams", "a positive integer", beams);
  if (!(lengthPenalty >= 0 && lengthPenalty < Number.POSITIVE_INFINITY))
    throw argumentError(op, "lengthPenalty", "a number of at least 0", lengthPenalty);
  const drawing = Object.entries({ temperature, topK, topP }).find(([, value]) => value !== undefined);
  if (beams > 1 && drawing) throw argumentError(op, drawing[0], "left out with beams, which draw nothing", drawing[1]);
  checkSampling(op, options);
  return {
    maxNewTokens,
    stopIds: new Set(stopIds),
    beams,
    lengthPenalty,
    ...(greedy === undefined ? {} : { greedy }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
  };
}

/** Whether prompts are one list of ids. */
export const isOnePrompt = (prompts: Prompts): prompts is readonly number[] =>
  !(prompts instanceof Tensor) && typeof prompts[0] === "number";

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
  if (!(prompts instanceof Tensor)) return prompts.map((row) => [...row]);
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
