// Word vectors trained from a text, ours: the example's whole program for skip-gram, and GloVe's loop as its example has it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GloVeLoss } from "@torchium/losses";
import { cooccurrenceBatches, GloVeModel, SeededRandom, splitWhitespace, Vocabulary } from "@torchium/nlp-models";
import { Adagrad, SparseAdam } from "@torchium/optim";
import { fromTypedArray, type Tensor } from "@torchium/tensor";
import { word2vec } from "../../../apps/examples/src/examples/word2vec.js";
import { noProgress } from "../../../apps/examples/src/run/checkpoint-folder.js";
import type { TrainingRun } from "../../../apps/examples/src/run/training-run.js";
import type { Row } from "../rows.js";
import { type Work, type Works, wave, zipfIds } from "../work.js";

type Sizes = Row["sizes"];

/** Lines of made-up words, as frequent as Zipf's law says: word k about 1/(k + 1) as often as the first. */
function textOf({ words, lineLength, vocabulary }: Sizes): readonly string[] {
  let state = 1;
  const word = (): string => {
    // Numerical Recipes' generator: the same numbers in every language.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return `w${Math.floor((vocabulary! + 1) ** (state / 2 ** 32) - 1)}`;
  };
  const line = (): string => Array.from({ length: lineLength! }, word).join(" ");
  return Array.from({ length: words! / lineLength! }, line);
}

/** A run that is neither shown nor kept. */
function unrecordedRun(): TrainingRun {
  const nothing = (): void => {};
  const run = {
    begin: async () => noProgress,
    save: async () => undefined,
    ...{ clock: () => performance.now(), stopAfter: undefined, checkpoint: { path: "" }, metrics: { append: nothing } },
    ...{ signals: { on: nothing, off: nothing }, display: { update: nothing, note: nothing, end: nothing } },
  };
  return run as unknown as TrainingRun;
}

function word2vecTraining(sizes: Sizes): Work {
  const folder = mkdtempSync(join(tmpdir(), "torchium-bench-"));
  const data = join(folder, "text.txt");
  const text = textOf(sizes);
  writeFileSync(data, `${text.join("\n")}\n`);
  const { width, window, negatives, minCount, batch, epochs, sample } = sizes as Readonly<Record<string, number>> & {
    readonly [name in "width" | "window" | "negatives" | "minCount" | "batch" | "epochs" | "sample"]: number;
  };
  const options = {
    ...{ data, width, window, negatives, minCount, batch, epochs, sample: sample / 1000, lr: 0.025 },
    ...{ wordsim: undefined, steps: undefined, accumulate: 1, out: undefined, resume: undefined },
    ...({ backend: "cpu", blas: "off", wide: false, threads: undefined, seed: 1, help: false } as const),
  };
  return {
    run: () => word2vec.train({ options, run: unrecordedRun(), describe: () => {}, print: () => {} }),
    // The words that are frequent enough: whoever counts the same has read the same text.
    check: () => Vocabulary.build(text.flatMap(splitWhitespace), { minCount }).size,
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const vectorOf = (data: Int32Array | Float32Array): Tensor => fromTypedArray(data, [data.length]);

function gloveTraining({ pairs, vocabulary, width, batch, adagrad }: Sizes): Work {
  const model = new GloVeModel({ vocabSize: vocabulary!, embeddingDim: width!, sparse: true });
  const criterion = new GloVeLoss({ xMax: 10, alpha: 0.75, reduction: "sum" });
  const optimizer = adagrad
    ? new Adagrad(model.parameters(), { lr: 0.2, initialAccumulatorValue: 1 })
    : new SparseAdam(model.parameters(), { lr: 0.01 });
  const words = zipfIds(2 * pairs!, vocabulary!);
  const counted = {
    ...{ targetWords: words.slice(0, pairs), contextWords: words.slice(pairs) },
    counts: Float64Array.from(wave(pairs!, 0), (v) => 2 + v),
  };
  let epoch = 0;
  return {
    run: async () => {
      let loss: Tensor | undefined;
      for (const part of cooccurrenceBatches(counted, batch!, new SeededRandom(epoch++))) {
        const [target, context] = [vectorOf(part.targetWords), vectorOf(part.contextWords)];
        loss = criterion.forward(...model.forward(target, context, vectorOf(part.cooccurrenceCounts))).mul(0.5);
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
      }
      await loss!.item();
    },
  };
}

/** By the rows' `op`. */
export const wordWorks: Works = { word2vecTraining, gloveTraining };
