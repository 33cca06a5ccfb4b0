// The eight systems with the names and settings they are known by, at toy sizes: model, criterion and optimizer of each
// fit together, and training on one batch lowers its loss.

import {
  CRFLoss,
  CrossEntropyLoss,
  GloVeLoss,
  LabelSmoothingLoss,
  PerplexityLoss,
  UncertaintyWeightingLoss,
  Word2VecLoss,
} from "@torchium/losses";
import {
  BERTClassifier,
  GloVeModel,
  GPTModel,
  MultiTaskNLPModel,
  NERModel,
  Seq2SeqModel,
  TransformerModel,
  Word2VecModel,
} from "@torchium/nlp-models";
import { Adam, AdamW, clipGradNorm, LAMB, NovoGrad, PCGrad, SGD } from "@torchium/optim";
import { Generator, rand, randint, type Tensor, tensor } from "@torchium/tensor";
import { Module, type Parameter } from "@torchium/tensor/nn";
import { describe, expect, test } from "vitest";

/** A loss to lower, and what lowers it. */
type System = {
  readonly parameters: readonly Parameter[];
  readonly optimizer: { zeroGrad(): void; step(): void };
  /** Records the loss and its gradients; gives the loss. */
  readonly backward: () => Tensor;
};

const sizes = { dModel: 16, nhead: 2, numLayers: 2, dimFeedforward: 32, dropout: 0 } as const;
const generator = new Generator(1);
const ids = (below: number, ...shape: number[]): Tensor => randint(0, below, shape, { generator });
/** 1 at the first `lengths[i]` tokens of row i. */
const maskOf = (lengths: readonly number[], width: number): Tensor =>
  tensor(
    lengths.map((n) => Array.from({ length: width }, (_, t) => Number(t < n))),
    { dtype: "int32" },
  );

const backwardOf = (loss: () => Tensor) => (): Tensor => {
  const value = loss();
  value.backward();
  return value;
};

/** 0.7 cross entropy + 0.3 smoothed: a criterion that a user writes. */
class MixedLoss extends Module {
  readonly plain = new CrossEntropyLoss();
  readonly smoothed = new LabelSmoothingLoss({ numClasses: 20, smoothing: 0.1 });

  forward(logits: Tensor, targets: Tensor): Tensor {
    return this.plain.forward(logits, targets).mul(0.7).add(this.smoothed.forward(logits, targets).mul(0.3));
  }
}

const systems = {
  TransformerModel() {
    const model = new TransformerModel({ vocabSize: 30, maxLen: 8, ...sizes, generator });
    const criterion = new LabelSmoothingLoss({ numClasses: 30, smoothing: 0.1 });
    const text = ids(30, 4, 9);
    return {
      parameters: model.parameters(),
      optimizer: new LAMB(model.parameters(), {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-6,
        weightDecay: 0.01,
        clampValue: 10,
      }),
      backward: backwardOf(() =>
        criterion.forward(model.forward(text.slice(1, 0, -1)).view(-1, 30), text.slice(1, 1).reshape(-1)),
      ),
    };
  },

  Seq2SeqModel() {
    const model = new Seq2SeqModel({ inputVocabSize: 30, outputVocabSize: 20, maxLen: 9, ...sizes, generator });
    const criterion = new MixedLoss();
    const [src, tgt, labels] = [ids(30, 3, 9), ids(20, 3, 6), ids(20, 3, 6)];
    const [srcMask, tgtMask] = [maskOf([9, 4, 7], 9), maskOf([6, 6, 2], 6)];
    return {
      parameters: model.parameters(),
      optimizer: new NovoGrad(model.parameters(), {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0.01,
        gradAveraging: true,
      }),
      backward: backwardOf(() =>
        criterion.forward(model.forward(src, tgt, srcMask, tgtMask).view(-1, 20), labels.reshape(-1)),
      ),
    };
  },

  Word2VecModel() {
    const model = new Word2VecModel({ vocabSize: 50, embeddingDim: 8, generator });
    const criterion = new Word2VecLoss({ vocabSize: 50, embeddingDim: 8, negativeSamples: 5 });
    const [target, context, negatives] = [ids(50, 16), ids(50, 16), ids(50, 16, 5)];
    return {
      parameters: model.parameters(),
      optimizer: new SGD(model.parameters(), { lr: 0.025, momentum: 0.9 }),
      backward: backwardOf(() => criterion.forward(...model.forward(target, context, negatives))),
    };
  },

  GloVeModel() {
    const model = new GloVeModel({ vocabSize: 50, embeddingDim: 8, generator });
    const criterion = new GloVeLoss({ vocabSize: 50, embeddingDim: 8, xMax: 100, alpha: 0.75 });
    const [target, context, counts] = [ids(50, 16), ids(50, 16), rand(16, { generator }).mul(50).add(1)];
    return {
      parameters: model.parameters(),
      optimizer: new Adam(model.parameters(), { lr: 0.05 }),
      backward: backwardOf(() => criterion.forward(...model.forward(target, context, counts))),
    };
  },

  BERTClassifier() {
    const model = new BERTClassifier({ vocabSize: 30, numClasses: 2, maxLen: 9, ...sizes, headDropout: 0, generator });
    const criterion = new LabelSmoothingLoss({ numClasses: 2, smoothing: 0.1 });
    const [inputIds, segmentIds, labels] = [ids(30, 4, 9), ids(2, 4, 9), ids(2, 4)];
    const attentionMask = maskOf([9, 5, 1, 7], 9);
    return {
      parameters: model.parameters(),
      optimizer: new AdamW(model.parameters(), { lr: 2e-5, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01 }),
      backward: backwardOf(() => criterion.forward(model.forward(inputIds, attentionMask, segmentIds), labels)),
    };
  },

  NERModel() {
    const model = new NERModel({ vocabSize: 30, numTags: 9, embeddingDim: 8, hiddenDim: 8, dropout: 0, generator });
    const criterion = new CRFLoss({ numTags: 9, batchFirst: true });
    const parameters = [...model.parameters(), ...criterion.parameters()];
    const [inputIds, tags, attentionMask] = [ids(30, 3, 7), ids(9, 3, 7), maskOf([7, 4, 1], 7)];
    return {
      parameters,
      optimizer: new AdamW(parameters, { lr: 1e-3, weightDecay: 1e-4 }),
      backward: backwardOf(() => criterion.forward(model.forward(inputIds, attentionMask), tags, attentionMask)),
    };
  },

  GPTModel() {
    const model = new GPTModel({ vocabSize: 30, maxLen: 8, ...sizes, generator });
    const criterion = new PerplexityLoss();
    const text = ids(30, 4, 9);
    return {
      parameters: model.parameters(),
      optimizer: new AdamW(model.parameters(), { lr: 1e-4, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 }),
      backward: backwardOf(() => criterion.forward(model.forward(text.slice(1, 0, -1)), text.slice(1, 1))),
    };
  },

  MultiTaskNLPModel() {
    const model = new MultiTaskNLPModel({ vocabSize: 30, maxLen: 9, ...sizes, generator });
    const criterion = new UncertaintyWeightingLoss({ numTasks: 3 });
    const [crossEntropy, crf] = [new CrossEntropyLoss(), new CRFLoss({ numTags: 9, batchFirst: true })];
    const parameters = [...model.parameters(), ...criterion.parameters(), ...crf.parameters()];
    const optimizer = new PCGrad(parameters, { lr: 1e-3 });
    const [inputIds, attentionMask] = [ids(30, 3, 9), maskOf([9, 5, 2], 9)];
    const [clsTargets, nerTargets, qaTargets] = [ids(2, 3), ids(9, 3, 9), ids(2, 3)];
    return {
      parameters,
      optimizer,
      backward: () => {
        const losses = [
          crossEntropy.forward(model.forward(inputIds, attentionMask, "classification"), clsTargets),
          crf.forward(model.forward(inputIds, attentionMask, "ner"), nerTargets, attentionMask),
          crossEntropy.forward(model.forward(inputIds, attentionMask, "qa"), qaTargets),
        ];
        const total = criterion.forward(losses);
        optimizer.pcBackward(criterion.weighted(losses));
        return total;
      },
    };
  },
} satisfies Readonly<Record<string, () => System>>;

describe("each of the eight trains with its own criterion and optimizer", () => {
  test.each(Object.entries(systems))("%s", async (_, make) => {
    const { parameters, optimizer, backward }: System = make();
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      optimizer.zeroGrad();
      const loss = backward();
      clipGradNorm(parameters, 1.0);
      optimizer.step();
      losses.push(await loss.item());
    }
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });
});
