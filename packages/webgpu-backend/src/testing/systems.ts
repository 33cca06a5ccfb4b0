// The eight systems of the toolkit, small: a model, its loss and its optimizer on the default device, and one step.

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
import { Adam, AdamW, type AnyOptimizer, clipGradNorm, LAMB, NovoGrad, PCGrad, SGD } from "@torchium/optim";
import { Generator, type Tensor, tensor } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";

/** A model with its loss, and what updates it. */
export type System = {
  /** Everything that is trained. */
  readonly modules: readonly Module[];
  readonly optimizer: AnyOptimizer;
  /** The loss of a fixed batch. */
  readonly loss: () => Tensor;
  /** How gradients are made, if not by `backward()` of the loss. */
  readonly backward?: () => void;
};

const vocab = 23;
const width = { dModel: 16, nhead: 2, numLayers: 2, maxLen: 8, dimFeedforward: 24, dropout: 0 } as const;

/** Ids [rows, columns] that look random; every fifth is drawn from the last few of `count`. */
const ids = (rows: number, columns: number, count = vocab, salt = 1): Tensor => {
  const values = Int32Array.from({ length: rows * columns }, (_, i) => (i * i * 7 + i * salt * 13 + salt) % count);
  return tensor(values, { shape: [rows, columns] });
};
const mask = (): Tensor => tensor(Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0), { shape: [2, 6] });
const flat = (x: Tensor): Tensor => x.reshape([x.numel]);
const scores = (x: Tensor): Tensor => x.reshape([-1, x.shape.at(-1)!]);
const parametersOf = (...modules: readonly Module[]) => modules.flatMap((m) => [...m.parameters()]);
const generator = (): Generator => new Generator(7);

/** Makes a system on the default device. */
export const systems = {
  transformer: () => {
    const model = new TransformerModel({ vocabSize: vocab, ...width, generator: generator() });
    const criterion = new LabelSmoothingLoss({ numClasses: vocab, smoothing: 0.1 });
    const loss = () => criterion.forward(scores(model.forward(ids(2, 6), mask())), flat(ids(2, 6, vocab, 3)));
    return { modules: [model], optimizer: new LAMB(model.parameters(), { lr: 1e-2 }), loss };
  },
  seq2seq: () => {
    const model = new Seq2SeqModel({ inputVocabSize: vocab, outputVocabSize: 19, ...width, generator: generator() });
    const criterion = new CrossEntropyLoss();
    const loss = () =>
      criterion.forward(scores(model.forward(ids(2, 6), ids(2, 5, 19, 2), mask())), flat(ids(2, 5, 19, 4)));
    return { modules: [model], optimizer: new NovoGrad(model.parameters(), { lr: 1e-2 }), loss };
  },
  word2vec: () => {
    const model = new Word2VecModel({ vocabSize: vocab, embeddingDim: 12, generator: generator() });
    const criterion = new Word2VecLoss({ vocabSize: vocab, embeddingDim: 12, negativeSamples: 3 });
    const loss = () => {
      const [target, context, negatives] = model.forward(flat(ids(2, 4)), flat(ids(2, 4, vocab, 2)), ids(8, 3));
      return criterion.forward(target, context, negatives);
    };
    return { modules: [model], optimizer: new SGD(model.parameters(), { lr: 0.5 }), loss };
  },
  glove: () => {
    const model = new GloVeModel({ vocabSize: vocab, embeddingDim: 12, generator: generator() });
    const criterion = new GloVeLoss({ vocabSize: vocab, embeddingDim: 12 });
    const loss = () => {
      const counts = tensor(Float32Array.from({ length: 8 }, (_, i) => 1 + ((i * 37) % 150)));
      return criterion.forward(...model.forward(flat(ids(2, 4)), flat(ids(2, 4, vocab, 2)), counts));
    };
    return { modules: [model], optimizer: new Adam(model.parameters(), { lr: 0.05 }), loss };
  },
  bert: () => {
    const model = new BERTClassifier({ vocabSize: vocab, ...width, numClasses: 3, generator: generator() });
    model.eval();
    const criterion = new LabelSmoothingLoss({ numClasses: 3, smoothing: 0.1 });
    const loss = () => criterion.forward(model.forward(ids(2, 6), mask(), ids(2, 6, 2)), tensor(Int32Array.of(2, 0)));
    return { modules: [model], optimizer: new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 }), loss };
  },
  ner: () => {
    const model = new NERModel({ vocabSize: vocab, numTags: 5, embeddingDim: 8, hiddenDim: 6, generator: generator() });
    model.eval();
    const criterion = new CRFLoss({ numTags: 5, generator: generator() });
    const loss = () => criterion.forward(model.forward(ids(2, 6), mask()), ids(2, 6, 5, 2), mask());
    const optimizer = new AdamW(parametersOf(model, criterion), { lr: 1e-2, weightDecay: 1e-4 });
    return { modules: [model, criterion], optimizer, loss };
  },
  gpt: () => {
    const { dimFeedforward: _, ...rest } = width;
    const model = new GPTModel({ vocabSize: vocab, ...rest, generator: generator() });
    const criterion = new PerplexityLoss();
    const loss = () => criterion.forward(model.forward(ids(2, 8)), ids(2, 8, vocab, 3));
    const optimizer = new AdamW(model.parameters(), { lr: 1e-3, betas: [0.9, 0.95], weightDecay: 0.1 });
    return { modules: [model], optimizer, loss };
  },
  multiTask: () => {
    const model = new MultiTaskNLPModel({ vocabSize: vocab, ...width, generator: generator() });
    const crf = new CRFLoss({ numTags: 9, generator: generator() });
    const classes = new CrossEntropyLoss();
    const criterion = new UncertaintyWeightingLoss({ numTasks: 3 });
    const losses = (): Tensor[] => {
      const out = model.forward(ids(2, 6), mask());
      return [
        classes.forward(out.classification, tensor(Int32Array.of(1, 0))),
        crf.forward(out.ner, ids(2, 6, 9, 2), mask()),
        classes.forward(out.qa, tensor(Int32Array.of(0, 1))),
      ];
    };
    const optimizer = new PCGrad(parametersOf(model, crf, criterion), { lr: 1e-3, generator: generator() });
    const loss = () => criterion.forward(losses());
    return {
      modules: [model, crf, criterion],
      optimizer,
      loss,
      backward: () => optimizer.pcBackward(criterion.weighted(losses())),
    };
  },
} as const satisfies Record<string, () => System>;

/** Losses of all steps, and gradients of the first by the name of their parameter. */
export type Training = {
  readonly losses: readonly number[];
  readonly gradients: ReadonlyMap<string, readonly number[]>;
};

/** Takes steps; gives the loss before each. */
export async function train({ modules, optimizer, loss, backward }: System, steps: number): Promise<Training> {
  const losses: number[] = [];
  const gradients = new Map<string, number[]>();
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const value = loss();
    if (backward) backward();
    else value.backward();
    clipGradNorm(parametersOf(...modules), 1);
    losses.push(await value.item());
    for (const [i, module] of (step === 0 ? modules : []).entries())
      for (const [name, { grad }] of module.namedParameters())
        if (grad) gradients.set(`${i}.${name}`, [...(await grad.data())]);
    optimizer.step();
  }
  return { losses, gradients };
}
