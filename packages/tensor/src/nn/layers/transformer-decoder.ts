// TransformerDecoderLayer and TransformerDecoder (Vaswani et al., arXiv 1706.03762), with PyTorch's names and defaults.

import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { Module } from "../module.js";
import { checkOptions } from "../options.js";
import { Dropout } from "./activations.js";
import { ModuleList } from "./containers.js";
import { Linear } from "./linear.js";
import { MultiheadAttention } from "./multihead-attention.js";
import { LayerNorm } from "./normalization.js";
import {
  activationOf,
  type Copyable,
  copyInto,
  makingOf,
  type ResolvedOptions,
  repeatLayer,
  resolveOptions,
  type TransformerLayerOptions,
} from "./transformer-options.js";

/** Masks of a decoder and its layers, as `MultiheadAttention` reads them: true is ignored. */
export type DecoderMasks = {
  /** [targets, targets] or [batch·heads, targets, targets]. */
  readonly tgtMask?: Tensor | undefined;
  /** [targets, sources] or [batch·heads, targets, sources]. */
  readonly memoryMask?: Tensor | undefined;
  /** [batch, targets]. */
  readonly tgtKeyPaddingMask?: Tensor | undefined;
  /** [batch, sources]. */
  readonly memoryKeyPaddingMask?: Tensor | undefined;
  /** Target i sees targets 0 to i. */
  readonly tgtIsCausal?: boolean | undefined;
  /** Target i sees sources 0 to i. */
  readonly memoryIsCausal?: boolean | undefined;
};

const maskNames = [
  "tgtMask",
  "memoryMask",
  "tgtKeyPaddingMask",
  "memoryKeyPaddingMask",
  "tgtIsCausal",
  "memoryIsCausal",
] as const satisfies readonly (keyof DecoderMasks)[];

/** Self-attention, attention to the memory and a feed-forward block, each with dropout, a residual connection, a norm. */
export class TransformerDecoderLayer extends Module implements Copyable<TransformerDecoderLayer> {
  readonly dModel: number;
  readonly nhead: number;
  readonly options: ResolvedOptions;
  readonly selfAttn: MultiheadAttention;
  readonly multiheadAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;
  readonly #activation: (x: Tensor) => Tensor;
  readonly #generator: Generator | undefined;

  /** @throws TensorError `argument` */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    this.options = resolveOptions("TransformerDecoderLayer", options);
    const { dimFeedforward, dropout, activation, layerNormEps: eps, batchFirst, bias } = this.options;
    const { dtype, device, generator } = options;
    const making = { dtype, device, generator };
    this.dModel = dModel;
    this.nhead = nhead;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, ...making });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, ...making });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...making });
    this.dropout = new Dropout(dropout, { generator });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...making });
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm3 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.dropout1 = new Dropout(dropout, { generator });
    this.dropout2 = new Dropout(dropout, { generator });
    this.dropout3 = new Dropout(dropout, { generator });
    this.#activation = activationOf("TransformerDecoderLayer", activation);
    this.#generator = generator;
  }

  /** Targets and memory, [batch, length, dModel] (or as `batchFirst` says) → as the targets. @throws TensorError `shape`, `dtype` */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    checkOptions("TransformerDecoderLayer.forward", masks, maskNames);
    for (const [name, x] of [["tgt", tgt] as const, ["memory", memory] as const]) {
      checkFloat("TransformerDecoderLayer", name, x);
      checkShape("TransformerDecoderLayer", name, x, [any, this.dModel]);
    }
    if (this.options.normFirst) {
      const x = tgt.add(this.#attend(this.norm1.forward(tgt), masks));
      const y = x.add(this.#attendTo(this.norm2.forward(x), memory, masks));
      return y.add(this.#feedForward(this.norm3.forward(y)));
    }
    const x = this.norm1.forward(tgt.add(this.#attend(tgt, masks)));
    const y = this.norm2.forward(x.add(this.#attendTo(x, memory, masks)));
    return this.norm3.forward(y.add(this.#feedForward(y)));
  }

  copy(): TransformerDecoderLayer {
    const options = { ...this.options, ...makingOf(this.linear1, this.#generator) };
    return copyInto(this, new TransformerDecoderLayer(this.dModel, this.nhead, options));
  }

  #attend(x: Tensor, { tgtMask, tgtKeyPaddingMask, tgtIsCausal }: DecoderMasks): Tensor {
    const masks = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, isCausal: tgtIsCausal };
    return this.dropout1.forward(this.selfAttn.forward(x, x, x, { ...masks, needWeights: false })[0]);
  }

  #attendTo(x: Tensor, memory: Tensor, { memoryMask, memoryKeyPaddingMask, memoryIsCausal }: DecoderMasks): Tensor {
    const masks = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal };
    return this.dropout2.forward(this.multiheadAttn.forward(x, memory, memory, { ...masks, needWeights: false })[0]);
  }

  #feedForward(x: Tensor): Tensor {
    const inner = this.#activation(this.linear1.forward(x));
    return this.dropout3.forward(this.linear2.forward(this.dropout.forward(inner)));
  }
}

/** Options of `TransformerDecoder`. */
export type TransformerDecoderOptions = {
  /** Applied to the last layer's output; pre-norm stacks need one. */
  readonly norm?: Module & { forward(x: Tensor): Tensor };
};

type DecoderLayer = Module & { forward(tgt: Tensor, memory: Tensor, masks?: DecoderMasks): Tensor };

/** A stack of decoder layers, and a norm after the last where one is given. */
export class TransformerDecoder extends Module {
  readonly layers: ModuleList<DecoderLayer>;
  readonly norm: TransformerDecoderOptions["norm"];

  /**
   * @param layer one to copy, values included as in PyTorch, or a function that makes a fresh one each time
   * @throws TensorError `argument`
   */
  constructor(
    layer: TransformerDecoderLayer | (() => DecoderLayer),
    numLayers: number,
    options: TransformerDecoderOptions = {},
  ) {
    super();
    checkOptions("TransformerDecoder", options, ["norm"]);
    this.layers = new ModuleList(repeatLayer<DecoderLayer>("TransformerDecoder", layer, numLayers));
    this.norm = options.norm;
  }

  /** @throws TensorError `shape`, `dtype`, `argument` */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    checkOptions("TransformerDecoder.forward", masks, maskNames);
    let x = tgt;
    for (const layer of this.layers) x = layer.forward(x, memory, masks);
    return this.norm ? this.norm.forward(x) : x;
  }
}
