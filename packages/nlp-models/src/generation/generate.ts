// generate(): a language model continues prompts, by drawing token after token or by beam search.
// Dropout is off meanwhile, and what lies more than `maxLen` tokens back is forgotten.

import type { Tensor } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { beamSearch } from "./beam-search.js";
import { continueRows } from "./continue-rows.js";
import type { DecoderCache } from "./decoder-cache.js";
import { beginEvaluation, evaluating } from "./evaluating.js";
import { ModelSession } from "./model-session.js";
import {
  type BeamSearchOptions,
  checkModel,
  checkRules,
  type GenerateOptions,
  isOnePrompt,
  type Prompts,
  promptRows,
  randomRows,
} from "./request.js";
import { inSession } from "./session.js";

/** What a language model offers so that text can be generated with it. */
export interface CausalModel extends Module {
  /** Number of ids. */
  readonly vocabSize: number;
  /** Longest sequence it takes. */
  readonly maxLen: number;
  /**
   * Logits [batch, vocabSize] of what follows the last of the ids [batch, length]. With a cache, the ids are those that
   * come after what it holds, and it then holds them too.
   */
  nextLogits(inputIds: Tensor, cache?: DecoderCache): Tensor;
}

/**
 * Each prompt with what follows it: one list of ids for one list, else one a prompt.
 * @throws TensorError `argument`, `index`, `shape`
 */
export function generate(
  model: CausalModel,
  prompt: readonly number[],
  options?: GenerateOptions & BeamSearchOptions,
): Promise<number[]>;
export function generate(
  model: CausalModel,
  prompts: readonly (readonly number[])[] | Tensor,
  options?: GenerateOptions & BeamSearchOptions,
): Promise<number[][]>;
export async function generate(
  model: CausalModel,
  prompts: Prompts,
  options: GenerateOptions & BeamSearchOptions = {},
): Promise<number[] | number[][]> {
  checkModel("generate", model, "nextLogits");
  const rules = checkRules("generate", options);
  const rows = await promptRows("generate", "prompt", prompts, model);
  const begin = (): ModelSession => sessionOf(model, options);
  await evaluating(model, async () => {
    if (rules.beams > 1) {
      // One by one: prompts of several lengths would need padding side by side.
      for (const row of rows) {
        const [best] = await inSession(begin(), (session) => beamSearch(session, [[...row]], rules));
        row.push(...best!.ids);
      }
      return;
    }
    await inSession(begin(), async (session) => {
      const prompts = rows.map((row) => [...row]);
      const tokens = continueRows(session, prompts, rules, randomRows(options, rows.length));
      for await (const { row, id } of tokens) rows[row]!.push(id);
    });
  });
  return isOnePrompt(prompts) ? rows[0]! : rows;
}

/**
 * The tokens that follow one prompt, each as soon as it is drawn. @throws TensorError `argument`, `index`, `shape`
 */
export async function* generateStream(
  model: CausalModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  checkModel("generateStream", model, "nextLogits");
  const rules = checkRules("generateStream", options);
  const rows = await promptRows("generateStream", "prompt", [prompt], model);
  const session = sessionOf(model, options);
  const endEvaluation = beginEvaluation(model);
  try {
    for await (const { id } of continueRows(session, rows, rules, randomRows(options, 1))) yield id;
  } finally {
    endEvaluation();
    session.close();
  }
}

function sessionOf(model: CausalModel, { useCache = true }: GenerateOptions): ModelSession {
  return new ModelSession({
    device: model.parameters()[0]!.device,
    maxLen: model.maxLen,
    useCache,
    step: (ids, cache, remember) => model.nextLogits(ids, remember ? cache : undefined),
  });
}
