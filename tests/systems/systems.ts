// The eight systems with the names and settings they are known by, at toy sizes and on data that every device gets alike:
// model, criterion and optimizer of each fit together.

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
import { Adam, AdamW, type AnyOptimizer, LAMB, NovoGrad, PCGrad, SGD } from "@torchium/optim";
import { Generator, type Tensor, tensor } from "@torchium/tensor";
import { Module, type Parameter } from "@torchium/tensor/nn";

/** A loss to lower on one batch, and what lowers it. */
export type System = {
  /** Everything that is trained. */
  readonly modules: readonly Module[];
  readonly optimizer: AnyOptimizer;
  /** Records the loss and its gradients; gives the loss. */
  readonly backward: () => Tensor;
};

const stack = { dModel: 16, nhead: 2, numLayers: 2, dimFeedforward: 32, dropout: 0 } as const;
const generator = (): Generator => new Generator(7);

/** Ids below `count` that look random. */
function ids(count: number, shape: readonly number[], salt = 1): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Int32Array.from({ length }, (_, i) => (i * i * 7 + i * salt * 13 + salt) % count),
    { shape },
  );
}

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

/** The parameters of several modules. */
export const parametersOf = (modules: readonly Module[]): Parameter[] => modules.flatMap((m) => [...m.parameters()]);

/** 0.7 cross entropy + 0.3 smoothed: a criterion that a user writes. */
class MixedLoss extends Module {
  readonly plain = new CrossEntropyLoss();
  readonly smoothed = new LabelSmoothingLoss({ numClasses: 20, smoothing: 0.1 });

  forward(logits: Tensor, targets: Tensor): Tensor {
    return this.plain.forward(logits, targets).mul(0.7).add(this.smoothed.forward(logits, targets).mul(0.3));
  }
}

/** Makes a system on the default device, the same on each. */
export const systems = {
  TransformerModel() {
    const model = new TransformerModel({ vocabSize: 30, maxLen: 8, ...stack, generator: generator() });
    const criterion = new LabelSmoothingLoss({ numClasses: 30, smoothing: 0.1 });
    const text = ids(30, [4, 9]);
    const mask = maskOf([8, 8, 3, 6], 8);
    return {
      modules: [model],
      optimizer: new LAMB(model.parameters(), {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-6,
        weightDecay: 0.01,
        clampValue: 10,
      }),
      backward: backwardOf(() =>
        criterion.forward(model.forward(text.slice(1, 0, -1), mask).view(-1, 30), text.slice(1, 1).reshape(-1)),
      ),
    };
  },

  Seq2SeqModel() {
    const model = new Seq2SeqModel({
      inputVocabSize: 30,
      outputVocabSize: 20,
      maxLen: 9,
      ...stack,
      generator: generator(),
    });
    const criterion = new MixedLoss();
    const [src, tgt, labels] = [ids(30, [3, 9]), ids(20, [3, 6], 2), ids(20, [3, 6], 4)];
    const [srcMask, tgtMask] = [maskOf([9, 4, 7], 9), maskOf([6, 6, 2], 6)];
    return {
      modules: [model],
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
    const model = new Word2VecModel({ vocabSize: 50, embeddingDim: 8, generator: generator() });
    const criterion = new Word2VecLoss({ vocabSize: 50, embeddingDim: 8, negativeSamples: 5 });
    const [target, context, negatives] = [ids(50, [16]), ids(50, [16], 2), ids(50, [16, 5], 3)];
    return {
      modules: [model],
      optimizer: new SGD(model.parameters(), { lr: 0.025, momentum: 0.9 }),
      backward: backwardOf(() => criterion.forward(...model.forward(target, context, negatives))),
    };
  },

  GloVeModel() {
    const model = new GloVeModel({ vocabSize: 50, embeddingDim: 8, generator: generator() });
    const criterion = new GloVeLoss({ vocabSize: 50, embeddingDim: 8, xMax: 100, alpha: 0.75 });
    const [target, context, counts] = [ids(50, [16]), ids(50, [16], 2), ids(150, [16], 5).to("float32").add(1)];
    return {
      modules: [model],
      optimizer: new Adam(model.parameters(), { lr: 0.05 }),
      backward: backwardOf(() => criterion.forward(...model.forward(target, context, counts))),
    };
  },

  BERTClassifier() {
    const model = new BERTClassifier({
      vocabSize: 30,
      numClasses: 2,
      maxLen: 9,
      ...stack,
      headDropout: 0,
      generator: generator(),
    });
    const criterion = new LabelSmoothingLoss({ numClasses: 2, smoothing: 0.1 });
    const [inputIds, segmentIds, labels] = [ids(30, [4, 9]), ids(2, [4, 9]), ids(2, [4])];
    const attentionMask = maskOf([9, 5, 1, 7], 9);
    return {
      modules: [model],
      optimizer: new AdamW(model.parameters(), { lr: 2e-5, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01 }),
      backward: backwardOf(() => criterion.forward(model.forward(inputIds, attentionMask, segmentIds), labels)),
    };
  },

  NERModel() {
    const model = new NERModel({
      vocabSize: 30,
      numTags: 9,
      embeddingDim: 8,
      hiddenDim: 8,
      dropout: 0,
      generator: generator(),
    });
    const criterion = new CRFLoss({ numTags: 9, batchFirst: true, generator: generator() });
    const [inputIds, tags, attentionMask] = [ids(30, [3, 7]), ids(9, [3, 7], 2), maskOf([7, 4, 1], 7)];
    return {
      modules: [model, criterion],
      optimizer: new AdamW(parametersOf([model, criterion]), { lr: 1e-3, weightDecay: 1e-4 }),
      backward: backwardOf(() => criterion.forward(model.forward(inputIds, attentionMask), tags, attentionMask)),
    };
  },

  GPTModel() {
    const { dimFeedforward: _, ...sizes } = stack;
    const model = new GPTModel({ vocabSize: 30, maxLen: 8, ...sizes, generator: generator() });
    const criterion = new PerplexityLoss();
    const text = ids(30, [4, 9]);
    return {
      modules: [model],
      optimizer: new AdamW(model.parameters(), { lr: 1e-4, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 }),
      backward: backwardOf(() => criterion.forward(model.forward(text.slice(1, 0, -1)), text.slice(1, 1))),
    };
  },

  MultiTaskNLPModel() {
    const model = new MultiTaskNLPModel({ vocabSize: 30, maxLen: 9, ...stack, generator: generator() });
    const criterion = new UncertaintyWeightingLoss({ numTasks: 3 });
    const crossEntropy = new CrossEntropyLoss();
    const crf = new CRFLoss({ numTags: 9, batchFirst: true, generator: generator() });
    const modules = [model, criterion, crf];
    const optimizer = new PCGrad(parametersOf(modules), { lr: 1e-3, generator: generator() });
    const [inputIds, attentionMask] = [ids(30, [3, 9]), maskOf([9, 5, 2], 9)];
    const [clsTargets, nerTargets, qaTargets] = [ids(2, [3]), ids(9, [3, 9], 2), ids(2, [3], 2)];
    return {
      modules,
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
} as const satisfies Readonly<Record<string, () => System>>;
