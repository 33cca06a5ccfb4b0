// A translator: an encoder-decoder Transformer trained with NovoGrad on plain and smoothed cross entropy, scored by BLEU.
import { join } from "node:path";
import { LabelSmoothingLoss } from "@torchium/losses";
import {
  bleuOfTokens,
  collateSequencePairs,
  type IdBlock,
  type IdPair,
  lengthBuckets,
  readParallelText,
  type SentencePair,
  Seq2SeqModel,
  splitWords,
  translate,
  WordTokenizer,
} from "@torchium/nlp-models";
import { clipGradNorm, NovoGrad } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { functional as F } from "@torchium/tensor/nn";
import { integer, number } from "../cli/option.js";
import { toyTranslation } from "../data/toy-translation.js";
import { batchesByStep } from "../epochs.js";
import { defineExample } from "../example.js";
import { setRate, warmupCosineAt } from "../schedule.js";
import { type EachBatch, train } from "../training-loop.js";

const specials = ["<pad>", "<unk>", "<bos>", "<eos>"] as const;
/** Their ids are their places. */
const specialIds = { padId: 0, bosId: 2, eosId: 3 } as const;
const evaluationBatch = 100;
/** A translation is cut after this many words, or where the model ends. */
const longestTranslation = 50;

const modelOptions = {
  layers: integer({ min: 1, help: "layers of the encoder, and of the decoder", default: 2 }),
  heads: integer({ min: 1, help: "attention heads", default: 4 }),
  width: integer({ min: 1, help: "model width, a multiple of the heads", default: 128 }),
  feedforward: integer({ min: 1, help: "width inside the feed-forward networks", default: 512 }),
  longest: integer({ min: 2, help: "words of a sentence that are read", default: 64 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0.1 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

/** The model with the words of both languages. */
function makeTranslator(o: ModelOptions, source: WordTokenizer, target: WordTokenizer, generator: Generator) {
  const model = new Seq2SeqModel({
    inputVocabSize: source.size,
    outputVocabSize: target.size,
    dModel: o.width,
    nhead: o.heads,
    numLayers: o.layers,
    dimFeedforward: o.feedforward,
    maxLen: o.longest,
    dropout: o.dropout,
    generator,
  });
  return { model, source, target };
}

type Translator = ReturnType<typeof makeTranslator>;

/**
 * `(1 − share)·CE + share·(CE smoothed by smoothing)`. Both are sums over one log-softmax, and smoothing is linear in its
 * share: together they are cross entropy smoothed by share·smoothing.
 */
export const mixedLoss = (numClasses: number, share: number, smoothing: number): LabelSmoothingLoss =>
  new LabelSmoothingLoss({ numClasses, smoothing: share * smoothing });

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** Logits [batch · length, vocabulary] of what follows each target word, and what does follow. */
function predict({ model }: Translator, pairs: readonly IdPair[]): [Tensor, Tensor] {
  const batch = collateSequencePairs(pairs, specialIds);
  // Targets need no mask: their padding comes last, where no real word looks.
  const logits = model.forward(toTensor(batch.src), toTensor(batch.tgt), toTensor(batch.srcMask));
  return [logits.view(-1, model.outputVocabSize), toTensor(batch.labels).view(-1)];
}

/** What is predicted: the words and the end of each target. */
const countTargets = (pairs: readonly IdPair[]): number => pairs.reduce((n, { target }) => n + target.length + 1, 0);

const lengthsOf = (pairs: readonly IdPair[]) => pairs.map(({ source, target }) => [source.length, target.length]);

/** Mean loss a target word. */
async function heldOutLoss(translator: Translator, pairs: readonly IdPair[], each: EachBatch): Promise<number> {
  let total = 0;
  translator.model.eval();
  for (const at of each(lengthBuckets(lengthsOf(pairs), evaluationBatch))) {
    const batch = at.map((i) => pairs[i]!);
    total += await noGrad(() => F.crossEntropy(...predict(translator, batch), { reduction: "sum" })).item();
  }
  translator.model.train();
  return total / countTargets(pairs);
}

const unspoken: ReadonlySet<number> = new Set(Object.values(specialIds));

/** The words of each source's translation: found greedily, or by a search with several beams. */
async function translateAll(
  { model, target }: Translator,
  sources: readonly IdPair["source"][],
  { beams = 1, each = (all) => all }: { readonly beams?: number; readonly each?: EachBatch } = {},
) {
  const made: string[][] = sources.map(() => []);
  const { bosId, eosId } = specialIds;
  const limits = { bosId, eosId, maxNewTokens: Math.min(longestTranslation, model.maxLen), beams };
  const lengths = sources.map((ids) => ids.length);
  for (const at of each(lengthBuckets(lengths, evaluationBatch))) {
    const batch = at.map((i) => sources[i]!);
    (await translate(model, batch, limits)).forEach((ids, row) => {
      made[at[row]!] = target.vocabulary.decode(ids.filter((id) => !unspoken.has(id)));
    });
  }
  return made;
}

/** The three parts of a folder; lines without a source are left out. @throws TensorError `file`, `format` */
async function readFolder(folder: string) {
  const read = async (part: string): Promise<SentencePair[]> => {
    const [source, target] = [join(folder, `${part}.de`), join(folder, `${part}.en`)];
    const pairs = (await readParallelText(source, target)).filter((pair) => splitWords(pair.source).length > 0);
    if (pairs.length > 0) return pairs;
    throw new TensorError("format", `seq2seq: no sentences, got blank lines in ${source}, expected text`, { source });
  };
  return { train: await read("train"), validation: await read("val"), test: await read("test_2016_flickr") };
}

export const seq2seq = defineExample({
  name: "seq2seq",
  title: "an encoder-decoder Transformer that translates (NovoGrad, BLEU)",
  data: "a folder with train, val and test_2016_flickr as .de and .en, line by line; without it, made-up captions",
  options: {
    ...modelOptions,
    minCount: integer({ min: 1, help: "rarer words are unknown", default: 2 }),
    batch: integer({ min: 1, help: "sentence pairs a step", default: 64 }),
    epochs: integer({ min: 1, help: "passes over the sentences", default: 3 }),
    lr: number({ min: 0, aboveMin: true, help: "highest learning rate", default: 0.1 }),
    warmup: integer({ min: 0, help: "steps of linear warm-up", default: 100 }),
    weightDecay: number({ min: 0, help: "weight decay", default: 0.001 }),
    smoothing: number({ min: 0, max: 1, help: "label smoothing of the smoothed loss", default: 0.1 }),
    smoothedShare: number({
      min: 0,
      max: 1,
      help: "weight of the smoothed loss; the plain one has the rest",
      default: 0.3,
    }),
    clip: number({ min: 0, aboveMin: true, help: "largest norm of the gradient", default: 1 }),
    testSentences: integer({ min: 1, help: "test sentences to translate at the end", default: 500 }),
  },
  useOptions: {
    beams: integer({ min: 1, help: "partial translations to go on with; 1 is greedy", default: 1 }),
  },
  input: "a sentence to translate",

  async train({ options, run, describe, print }) {
    const data = options.data === undefined ? toyTranslation(options.seed) : await readFolder(options.data);
    const rules = { lowercase: true, split: "words", specials, minCount: options.minCount } as const;
    const wordsOf = (texts: readonly string[]): WordTokenizer => WordTokenizer.train(texts, rules);
    const source = wordsOf(data.train.map((pair) => pair.source));
    const target = wordsOf(data.train.map((pair) => pair.target));
    const encode = (pairs: readonly SentencePair[]): IdPair[] =>
      pairs.map((pair) => ({
        source: source.encode(pair.source).slice(0, options.longest),
        target: target.encode(pair.target).slice(0, options.longest - 1), // room for the mark before or after them
      }));
    const [training, validation] = [encode(data.train), encode(data.validation)];

    const generator = new Generator(options.seed);
    const translator = makeTranslator(options, source, target, generator);
    const { model } = translator;
    const criterion = mixedLoss(target.size, options.smoothedShare, options.smoothing);
    const { lr, weightDecay, warmup } = options;
    const averages = { betas: [0.95, 0.98], gradAveraging: true } as const;
    const optimizer = new NovoGrad(model.parameters(), { lr, weightDecay, ...averages });
    const perEpoch = Math.ceil(training.length / options.batch);
    const steps = options.epochs * perEpoch;
    const parameters = model.parameters().reduce((n, p) => n + p.numel, 0);
    describe({ pairs: training.length, sourceWords: source.size, targetWords: target.size, parameters, steps });

    const test = data.test.slice(0, options.testSentences);
    const translateTest = (sentences: readonly SentencePair[], each?: EachBatch) =>
      translateAll(
        translator,
        encode(sentences).map((pair) => pair.source),
        { ...(each && { each }) },
      );

    const lengths = lengthsOf(training);
    const batchOf = batchesByStep(options.seed, perEpoch, (random) =>
      lengthBuckets(lengths, options.batch, { random }),
    );

    await train({
      context: { run },
      steps,
      unit: "words",
      evaluateEvery: perEpoch,
      step: (index) => {
        const rate = warmupCosineAt(index, { lr, minLr: lr / 10, warmup, steps });
        setRate(optimizer, rate);
        let loss: Tensor | undefined;
        let tokens = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const pairs = batchOf(index * options.accumulate + k).map((i) => training[i]!);
          const part = criterion.forward(...predict(translator, pairs)).div(options.accumulate);
          part.backward();
          loss = loss ? loss.add(part) : part;
          tokens += countTargets(pairs);
        }
        keep(loss!);
        clipGradNorm(model.parameters(), options.clip);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, tokens, extra: { lr: rate } };
      },
      evaluate: async (each) => {
        const loss = await heldOutLoss(translator, validation, each);
        return { loss, perplexity: Math.exp(loss) };
      },
      test: async (each) => {
        const references = test.map((pair) => [target.tokenize(pair.target)]);
        const { score } = bleuOfTokens(await translateTest(test, each), references, { smoothing: "none" });
        return { bleu: score };
      },
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), {
          model,
          optimizer,
          generator,
          source: source.toJSON() as never,
          target: target.toJSON() as never,
        }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, optimizer, generator } });
      },
    });

    const shown = test.slice(0, 3);
    const translations = await translateTest(shown);
    translations.forEach((words, i) => print(`${shown[i]!.source} → ${words.join(" ")}`));
  },

  async use({ options, words, trained, print }) {
    const folder = join(trained.checkpoint, "state");
    const stored = await loadCheckpoint(folder);
    const [source, target] = [WordTokenizer.fromJSON(stored.source), WordTokenizer.fromJSON(stored.target)];
    const translator = makeTranslator(trained.options, source, target, new Generator(options.seed));
    await loadCheckpoint(folder, { into: { model: translator.model } });
    const ids = source.encode(words.join(" "));
    if (ids.length === 0 || ids.length > translator.model.maxLen) {
      const expected = `a sentence of 1 to ${translator.model.maxLen} words`;
      throw new TensorError("argument", `seq2seq: cannot translate, got ${ids.length} words, expected ${expected}`);
    }
    const [translation] = await translateAll(translator, [ids], { beams: options.beams });
    print(translation!.join(" "));
  },
});
