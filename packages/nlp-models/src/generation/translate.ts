// translate(): an encoder-decoder turns source sequences into target sequences, greedily, by drawing or by beam search.

import { argumentError, noGrad, type Tensor, tensor } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { padRows } from "../batching/id-block.js";
import { beamSearch } from "./beam-search.js";
import { continueRows } from "./continue-rows.js";
import { DecoderCache } from "./decoder-cache.js";
import { evaluating } from "./evaluating.js";
import { ModelSession } from "./model-session.js";
import {
  type BeamSearchOptions,
  checkModel,
  checkRules,
  type GenerateOptions,
  type GenerationRules,
  isOnePrompt,
  promptRows,
  randomRows,
} from "./request.js";
import { inSession } from "./session.js";

/** Sources as a decoder sees them: [batch, length, width], and true at padding [batch, length]. */
export type EncodedSources = { readonly hidden: Tensor; readonly padding?: Tensor | undefined };

/** What an encoder-decoder offers so that sequences can be decoded with it. */
export interface EncoderDecoderModel extends Module {
  readonly inputVocabSize: number;
  readonly outputVocabSize: number;
  /** Longest source, and longest target. */
  readonly maxLen: number;
  /** The sources as the decoder sees them; the mask is 1 at real tokens. */
  encode(src: Tensor, srcMask?: Tensor): EncodedSources;
  /** Logits [batch, outputVocabSize] of what follows the last of `tgt`; with a cache, `tgt` comes after what it holds. */
  nextLogits(tgt: Tensor, memory: EncodedSources, cache?: DecoderCache): Tensor;
}

/** Options of `translate`. */
export type TranslateOptions = Omit<GenerateOptions, "stopIds"> &
  BeamSearchOptions & {
    /** Begins every target. */
    readonly bosId: number;
    /** Ends every target. */
    readonly eosId: number;
  };

/**
 * The target ids of each source, without BOS and EOS: one list for one source, else one a source. Sources may have any
 * lengths and are decoded together. Greedy unless told to draw (`greedy: false`) or to search (`beams`); at most
 * `maxNewTokens` ids, `maxLen` of the model unless given. @throws TensorError `argument`, `index`, `shape`
 */
export function translate(
  model: EncoderDecoderModel,
  source: readonly number[],
  options: TranslateOptions,
): Promise<number[]>;
export function translate(
  model: EncoderDecoderModel,
  sources: readonly (readonly number[])[],
  options: TranslateOptions,
): Promise<number[][]>;
export async function translate(
  model: EncoderDecoderModel,
  sources: readonly number[] | readonly (readonly number[])[],
  options: TranslateOptions,
): Promise<number[] | number[][]> {
  checkModel("translate", model, "encode");
  if (typeof options !== "object" || options === null)
    throw argumentError("translate", "options", "an object with bosId and eosId", options);
  const { bosId, eosId, ...further } = options;
  for (const [name, id] of Object.entries({ bosId, eosId })) {
    const known = Number.isInteger(id) && id >= 0 && id < model.outputVocabSize;
    if (!known) throw argumentError("translate", name, `an id from 0 to ${model.outputVocabSize - 1}`, id);
  }
  const { maxNewTokens = model.maxLen, greedy = !drawsWords(options) } = options;
  const limits = { vocabSize: model.inputVocabSize, maxLen: model.maxLen };
  const rules = checkRules("translate", { ...further, greedy, maxNewTokens, stopIds: [eosId] });
  if (maxNewTokens > model.maxLen)
    throw argumentError("translate", "maxNewTokens", `at most maxLen (${model.maxLen})`, maxNewTokens);
  const rows = await promptRows("translate", "source", sources, limits);
  const targets = await evaluating(model, () =>
    inSession(sessionOver(model, rows, options), (session) => decode(session, rows.length, rules, options)),
  );
  return isOnePrompt(sources) ? targets[0]! : targets;
}

/** Options that only make sense when words are drawn say that they are. */
const drawsWords = ({ temperature, topK, topP }: TranslateOptions): boolean =>
  [temperature, topK, topP].some((option) => option !== undefined);

async function decode(
  session: ModelSession,
  count: number,
  rules: GenerationRules,
  options: TranslateOptions,
): Promise<number[][]> {
  const starts = Array.from({ length: count }, () => [options.bosId]);
  if (rules.beams > 1) return (await beamSearch(session, starts, rules)).map(({ ids }) => [...ids]);
  const targets = starts.map((): number[] => []);
  for await (const { row, id } of continueRows(session, starts, rules, randomRows(options, count))) {
    targets[row]!.push(id);
  }
  return targets;
}

/** A session whose cache holds the encoded sources beside keys and values, so that they follow their rows. */
function sessionOver(
  model: EncoderDecoderModel,
  sources: readonly number[][],
  options: TranslateOptions,
): ModelSession {
  const { device } = model.parameters()[0]!;
  const { ids, attentionMask } = padRows(sources);
  const onDevice = ({ data, shape }: typeof ids): Tensor => tensor(data, { shape, device });
  const mask = onDevice(attentionMask);
  const cache = new DecoderCache();
  cache.set(
    "hidden",
    noGrad(() => model.encode(onDevice(ids), mask).hidden),
  );
  cache.set("mask", mask);
  const step = (tgt: Tensor, held: DecoderCache, remember: boolean): Tensor => {
    const memory = { hidden: held.get("hidden")!, padding: held.get("mask")!.logicalNot() };
    return model.nextLogits(tgt, memory, remember ? held : undefined);
  };
  return new ModelSession({ device, maxLen: model.maxLen, useCache: options.useCache ?? true, step }, cache);
}
