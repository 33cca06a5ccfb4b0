// One training step of each system, ours: model, loss, gradients, clipping and optimizer, as the examples do it.
import { CRFLoss, GloVeLoss, LabelSmoothingLoss, UncertaintyWeightingLoss, Word2VecLoss } from "@torchium/losses";
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
import { Adam, AdamW, type AnyOptimizer, clipGradNorm, LAMB, NovoGrad, PCGrad, SGD, SparseAdam } from "@torchium/optim";
import { fromTypedArray, type Tensor } from "@torchium/tensor";
import { functional as F, LSTM, type Parameter } from "@torchium/tensor/nn";
import type { Row } from "../rows.js";
import { paddedLength } from "../step-rows.js";
import { idWave, type Work, wave, zipfIds } from "../work.js";

type Sizes = Row["sizes"];
type Loss = () => Tensor;

const whole = (ids: Int32Array, ...shape: readonly number[]): Tensor => fromTypedArray(ids, shape);

/** Ids from `first` on in the rows' real places, 0 behind them; and 1 where an id is real. [batch, length] both. */
function padded(batch: number, length: number, limit: number, first = 3) {
  const ids = idWave(batch * length, limit - first).map((id) => id + first);
  const mask = ids.map((_, i) => +(i % length < paddedLength(Math.floor(i / length), length)));
  return { ids: ids.map((id, i) => id * mask[i]!), mask, shape: [batch, length] as const };
}

/** A step: the loss is made anew from host data each time, as training does. */
function step(loss: Loss, optimizer: AnyOptimizer, clipped?: readonly Parameter[]): Work {
  return {
    run: () => {
      loss().backward();
      if (clipped) clipGradNorm(clipped, 1);
      optimizer.step();
      optimizer.zeroGrad();
    },
  };
}

const stackOptions = ({ layers, heads, width, feedforward }: Sizes) => ({
  ...{ dModel: width!, nhead: heads!, numLayers: layers!, dimFeedforward: feedforward!, dropout: 0.1 },
});

function gpt({ layers, heads, width, block, batch, vocabulary }: Sizes): Work {
  const model = new GPTModel({
    ...{ vocabSize: vocabulary!, dModel: width!, nhead: heads!, numLayers: layers!, maxLen: block! },
    ...{ dropout: 0, bias: false },
  });
  const parameters = [...model.parameters()];
  const groups = [
    { params: parameters.filter((p) => p.ndim > 1), weightDecay: 0.1 },
    { params: parameters.filter((p) => p.ndim < 2), weightDecay: 0 },
  ];
  const text = idWave(batch! * block! + 1, vocabulary!);
  const loss = (): Tensor =>
    F.crossEntropy(
      model.forward(whole(text.slice(0, -1), batch!, block!)).view(-1, vocabulary!),
      whole(text.slice(1), batch! * block!),
    );
  return step(loss, new AdamW(groups, { lr: 1e-3, betas: [0.9, 0.99], eps: 1e-8 }), parameters);
}

function languageModel(sizes: Sizes): Work {
  const { block, batch, vocabulary } = sizes;
  const model = new TransformerModel({ ...stackOptions(sizes), vocabSize: vocabulary!, maxLen: block! });
  const criterion = new LabelSmoothingLoss({ numClasses: vocabulary!, smoothing: 0.1 });
  const parameters = [...model.parameters()];
  const text = zipfIds(batch! * block! + 1, vocabulary!);
  const loss = (): Tensor =>
    criterion.forward(
      model.forward(whole(text.slice(0, -1), batch!, block!)).view(-1, vocabulary!),
      whole(text.slice(1), batch! * block!),
    );
  return step(loss, new LAMB(parameters, { lr: 1e-2, eps: 1e-6, weightDecay: 0.01, clampValue: 10 }), parameters);
}

function translator(sizes: Sizes): Work {
  const { batch, source, target, sources, targets } = sizes;
  const model = new Seq2SeqModel({
    ...{ ...stackOptions(sizes), inputVocabSize: sources!, outputVocabSize: targets!, maxLen: 64 },
  });
  const criterion = new LabelSmoothingLoss({ numClasses: targets!, smoothing: 0.03 });
  const parameters = [...model.parameters()];
  const from = padded(batch!, source!, sources!);
  const to = padded(batch!, target!, targets!);
  const labels = to.ids.map((id, i) => (to.mask[i] ? id : -100));
  const loss = (): Tensor => {
    const logits = model.forward(
      whole(from.ids, ...from.shape),
      whole(to.ids, ...to.shape),
      whole(from.mask, ...from.shape),
    );
    return criterion.forward(logits.view(-1, targets!), whole(labels, labels.length));
  };
  return step(loss, new NovoGrad(parameters, { lr: 0.1, weightDecay: 0.001, betas: [0.95, 0.98] }), parameters);
}

function word2vec({ vocabulary, width, batch, negatives }: Sizes): Work {
  const model = new Word2VecModel({ vocabSize: vocabulary!, embeddingDim: width!, sparse: true });
  const criterion = new Word2VecLoss({ reduction: "sum" });
  const words = zipfIds(batch! * (2 + negatives!), vocabulary!);
  const [targets, contexts, others] = [
    words.slice(0, batch!),
    words.slice(batch!, 2 * batch!),
    words.slice(2 * batch!),
  ];
  const candidates = new Int32Array(batch! * (1 + negatives!));
  contexts.forEach((context, i) => {
    candidates.set([context, ...others.slice(i * negatives!, (i + 1) * negatives!)], i * (1 + negatives!));
  });
  const loss = (): Tensor =>
    criterion.ofScores(model.scores(whole(targets.slice(), batch!), whole(candidates.slice(), batch!, 1 + negatives!)));
  return step(loss, new SGD(model.parameters(), { lr: 0.025 }));
}

function glove({ vocabulary, width, batch }: Sizes): Work {
  const model = new GloVeModel({ vocabSize: vocabulary!, embeddingDim: width!, sparse: true });
  const criterion = new GloVeLoss({ xMax: 10, reduction: "sum" });
  const words = zipfIds(2 * batch!, vocabulary!);
  const counts = wave(batch!, 0).map((v) => 2 + v);
  const loss = (): Tensor =>
    criterion
      .forward(
        ...model.forward(
          whole(words.slice(0, batch!), batch!),
          whole(words.slice(batch!), batch!),
          fromTypedArray(counts, [batch!]),
        ),
      )
      .mul(0.5);
  return step(loss, new SparseAdam(model.parameters(), { lr: 0.01 }));
}

function classifier(sizes: Sizes): Work {
  const { batch, length, vocabulary } = sizes;
  const model = new BERTClassifier({
    ...{ ...stackOptions(sizes), vocabSize: vocabulary!, maxLen: 64, numClasses: 2, embeddingNorm: false },
  });
  const criterion = new LabelSmoothingLoss({ numClasses: 2, smoothing: 0.1 });
  const parameters = [...model.parameters()];
  const { ids, mask, shape } = padded(batch!, length!, vocabulary!);
  const segments = new Int32Array(ids.length);
  const labels = idWave(batch!, 2);
  const loss = (): Tensor =>
    criterion.forward(
      model.forward(whole(ids, ...shape), whole(mask, ...shape), whole(segments, ...shape)),
      whole(labels, batch!),
    );
  return step(loss, new AdamW(parameters, { lr: 5e-4, weightDecay: 0.01 }), parameters);
}

function tagger({ vocabulary, width, hidden, batch, length, tags }: Sizes): Work {
  const model = new NERModel({
    ...{ vocabSize: vocabulary!, numTags: tags!, embeddingDim: width!, hiddenDim: hidden!, dropout: 0.3 },
  });
  const criterion = new CRFLoss({ numTags: tags! });
  const parameters = [...model.parameters(), ...criterion.parameters()];
  const { ids, mask, shape } = padded(batch!, length!, vocabulary!);
  const truth = idWave(ids.length, tags!);
  const loss = (): Tensor => {
    const real = whole(mask, ...shape);
    return criterion.forward(model.forward(whole(ids, ...shape), real), whole(truth, ...shape), real);
  };
  return step(loss, new AdamW(parameters, { lr: 1e-3, weightDecay: 1e-4 }), parameters);
}

function tasks(sizes: Sizes): Work {
  const { batch, length, vocabulary, tags } = sizes;
  const model = new MultiTaskNLPModel({
    ...{ ...stackOptions(sizes), vocabSize: vocabulary!, maxLen: 128, numClasses: 2, numTags: tags!, numAnswers: 2 },
  });
  const crf = new CRFLoss({ numTags: tags! });
  const weighting = new UncertaintyWeightingLoss({ numTasks: 3 });
  const parameters = [model, crf, weighting].flatMap((module) => [...module.parameters()]);
  const optimizer = new PCGrad(new Adam(parameters, { lr: 1e-3 }));
  const { ids, mask, shape } = padded(batch!, length!, vocabulary!);
  const truth = idWave(batch! * (length! - 1), tags!);
  const labels = idWave(batch!, 2);
  const after = (x: Tensor): Tensor => x.narrow(1, 1, length! - 1);
  const losses = (["classification", "ner", "qa"] as const).map((task) => (): Tensor => {
    const real = whole(mask, ...shape);
    const scores = model.forward(whole(ids, ...shape), real, task);
    if (task !== "ner") return F.crossEntropy(scores, whole(labels, batch!));
    return crf.forward(after(scores), whole(truth, batch!, length! - 1), after(real));
  });
  return {
    run: () => {
      optimizer.pcBackward(weighting.weighted(losses.map((loss) => loss())));
      optimizer.step();
      optimizer.zeroGrad();
    },
  };
}

function lstm({ batch, width, hidden, length }: Sizes): Work {
  const model = new LSTM(width!, hidden!);
  const optimizer = new SGD(model.parameters(), { lr: 1e-3 });
  const x = wave(length! * batch! * width!, 0);
  return step(() => {
    const [output] = model.forward(fromTypedArray(x, [length!, batch!, width!], { requiresGrad: true }));
    return output.sum();
  }, optimizer);
}

/** By the rows' `op`. */
export const stepWorks: Readonly<Record<string, (sizes: Sizes) => Work>> = {
  gptStep: gpt,
  languageModelStep: languageModel,
  translatorStep: translator,
  word2vecStep: word2vec,
  gloveStep: glove,
  classifierStep: classifier,
  taggerStep: tagger,
  tasksStep: tasks,
  lstm,
};
