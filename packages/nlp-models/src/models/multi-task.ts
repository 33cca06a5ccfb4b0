// MultiTaskNLPModel: one encoder for three tasks with a head each: a sentence's class, a tag a token, an answer.

import { argumentError, type Tensor } from "@torchium/tensor";
import { Linear, Module, ModuleDict, type ParameterOptions, type TransformerEncoder } from "@torchium/tensor/nn";
import { count, type OptionTable } from "@torchium/tensor/options";
import { initialiseTransformer } from "./initialise.js";
import { paddingOf, zeroEmptyRows } from "./inputs.js";
import { checkHeads, readModelOptions } from "./options.js";
import { TextEmbedding } from "./text-embedding.js";
import { encoderStack, type TransformerOptions, transformerRules } from "./transformer-stack.js";

/** The tasks. */
export type MultiTaskName = (typeof multiTaskNames)[number];

/** The tasks in the order in which losses and their weights are given. */
export const multiTaskNames = ["classification", "ner", "qa"] as const;

/** Options of `MultiTaskNLPModel`. */
export type MultiTaskOptions = TransformerOptions & {
  /** Number of ids; 30000 unless given. */
  readonly vocabSize?: number;
  /** Classes of a sentence; 2 unless given. */
  readonly numClasses?: number;
  /** Tags of a token; 9 unless given. */
  readonly numTags?: number;
  /** Answers; 2 unless given. */
  readonly numAnswers?: number;
};

const rules = {
  vocabSize: count(30000),
  ...transformerRules({ dModel: 512, nhead: 8, numLayers: 6, maxLen: 1000 }),
  numClasses: count(2),
  numTags: count(9),
  numAnswers: count(2),
} satisfies OptionTable<MultiTaskOptions>;

/** Shared encoder with three heads. Sizes are 512 wide, 8 heads, 6 layers, 1000 tokens unless given. */
export class MultiTaskNLPModel extends Module {
  readonly embedding: TextEmbedding;
  readonly encoder: TransformerEncoder;
  readonly heads: ModuleDict<Linear>;

  constructor(options: MultiTaskOptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("MultiTaskNLPModel", rules, options);
    checkHeads("MultiTaskNLPModel", sizes);
    const { vocabSize, dModel, maxLen, scaleEmbedding: scale, dropout } = sizes;
    this.embedding = new TextEmbedding("MultiTaskNLPModel", { vocabSize, dModel, maxLen, scale, dropout }, parameters);
    this.encoder = encoderStack(sizes, parameters);
    this.heads = new ModuleDict({
      classification: new Linear(dModel, sizes.numClasses, parameters),
      ner: new Linear(dModel, sizes.numTags, parameters),
      qa: new Linear(dModel, sizes.numAnswers, parameters),
    } satisfies Record<MultiTaskName, Linear>);
    initialiseTransformer(this.heads, parameters);
  }

  /**
   * What a task's head says of `inputIds` [batch, length], whose rows begin with [CLS]: logits [batch, classes] for
   * "classification" and "qa", emissions [batch, length, numTags] for "ner". Without a task, all three from one pass of
   * the encoder. `attentionMask` is 1 at real tokens; a row of padding gives zeros.
   * @throws TensorError `shape`, `dtype`, `index`, `argument` for an unknown task
   */
  forward(inputIds: Tensor, attentionMask: Tensor | undefined, task: MultiTaskName): Tensor;
  forward(inputIds: Tensor, attentionMask?: Tensor): Record<MultiTaskName, Tensor>;
  forward(inputIds: Tensor, attentionMask?: Tensor, task?: MultiTaskName): Tensor | Record<MultiTaskName, Tensor> {
    if (task !== undefined && !multiTaskNames.includes(task)) {
      throw argumentError("MultiTaskNLPModel", "task", `one of ${multiTaskNames.join(", ")}`, task);
    }
    const embedded = this.embedding.forward("inputIds", inputIds);
    const padding = paddingOf("MultiTaskNLPModel", "attentionMask", attentionMask, inputIds);
    const hidden = this.encoder.forward(embedded, { srcKeyPaddingMask: padding }); // [batch, length, dModel]
    const say = (name: MultiTaskName): Tensor =>
      zeroEmptyRows(this.heads.get(name).forward(name === "ner" ? hidden : hidden.select(1, 0)), padding);
    if (task !== undefined) return say(task);
    return { classification: say("classification"), ner: say("ner"), qa: say("qa") };
  }
}
