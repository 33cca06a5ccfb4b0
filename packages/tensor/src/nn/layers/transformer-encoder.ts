// TransformerEncoderLayer and TransformerEncoder (Vaswani et al., arXiv 1706.03762), with PyTorch's names and defaults.

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

/** Masks of an encoder layer, as `MultiheadAttention` reads them: true is ignored. */
export type EncoderLayerMasks = {
  /** [length, length] or [batch·heads, length, length]. */
  readonly srcMask?: Tensor | undefined;
  /** [batch, length]. */
  readonly srcKeyPaddingMask?: Tensor | undefined;
  /** Position i sees positions 0 to i. */
  readonly isCausal?: boolean | undefined;
};

/** Self-attention and a feed-forward block, each with dropout, a residual connection and a norm. */
export class TransformerEncoderLayer extends Module implements Copyable<TransformerEncoderLayer> {
  readonly dModel: number;
  readonly nhead: number;
  readonly options: ResolvedOptions;
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly #activation: (x: Tensor) => Tensor;
  readonly #generator: Generator | undefined;

  /** @throws TensorError `argument` */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    this.options = resolveOptions("TransformerEncoderLayer", options);
    const { dimFeedforward, dropout, activation, layerNormEps: eps, batchFirst, bias } = this.options;
    const { dtype, device, generator } = options;
    const making = { dtype, device, generator };
    this.dModel = dModel;
    this.nhead = nhead;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, ...making });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...making });
    this.dropout = new Dropout(dropout, { generator });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...making });
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.dropout1 = new Dropout(dropout, { generator });
    this.dropout2 = new Dropout(dropout, { generator });
    this.#activation = activationOf("TransformerEncoderLayer", activation);
    this.#generator = generator;
  }

  /** [batch, length, dModel] (or the layout that `batchFirst` says) → the same. @throws TensorError `shape`, `dtype` */
  forward(src: Tensor, masks: EncoderLayerMasks = {}): Tensor {
    checkOptions("TransformerEncoderLayer.forward", masks, ["srcMask", "srcKeyPaddingMask", "isCausal"]);
    checkFloat("TransformerEncoderLayer", "src", src);
    checkShape("TransformerEncoderLayer", "src", src, [any, this.dModel]);
    if (this.options.normFirst) {
      const x = src.add(this.#attend(this.norm1.forward(src), masks));
      return x.add(this.#feedForward(this.norm2.forward(x)));
    }
    const x = this.norm1.forward(src.add(this.#attend(src, masks)));
    return this.norm2.forward(x.add(this.#feedForward(x)));
  }

  copy(): TransformerEncoderLayer {
    const options = { ...this.options, ...makingOf(this.linear1, this.#generator) };
    return copyInto(this, new TransformerEncoderLayer(this.dModel, this.nhead, options));
  }

  #attend(x: Tensor, { srcMask, srcKeyPaddingMask, isCausal }: EncoderLayerMasks): Tensor {
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal };
    return this.dropout1.forward(this.selfAttn.forward(x, x, x, { ...masks, needWeights: false })[0]);
  }

  #feedForward(x: Tensor): Tensor {
    const inner = this.#activation(this.linear1.forward(x));
    return this.dropout2.forward(this.linear2.forward(this.dropout.forward(inner)));
  }
}

/** Options of `TransformerEncoder`. */
export type TransformerEncoderOptions = {
  /** Applied to the last layer's output; pre-norm stacks need one. */
  readonly norm?: Module & { forward(x: Tensor): Tensor };
};

/** Masks of an encoder, the same for every layer. */
export type EncoderMasks = Omit<EncoderLayerMasks, "srcMask"> & {
  /** [length, length] or [batch·heads, length, length]. */
  readonly mask?: Tensor | undefined;
};

type EncoderLayer = Module & { forward(src: Tensor, masks?: EncoderLayerMasks): Tensor };

/** A stack of encoder layers, and a norm after the last where one is given. */
export class TransformerEncoder extends Module {
  readonly layers: ModuleList<EncoderLayer>;
  readonly norm: TransformerEncoderOptions["norm"];

  /**
   * @param layer one to copy, values included as in PyTorch, or a function that makes a fresh one each time
   * @throws TensorError `argument`
   */
  constructor(
    layer: TransformerEncoderLayer | (() => EncoderLayer),
    numLayers: number,
    options: TransformerEncoderOptions = {},
  ) {
    super();
    checkOptions("TransformerEncoder", options, ["norm"]);
    this.layers = new ModuleList(repeatLayer<EncoderLayer>("TransformerEncoder", layer, numLayers));
    this.norm = options.norm;
  }

  /** @throws TensorError `shape`, `dtype`, `argument` */
  forward(src: Tensor, masks: EncoderMasks = {}): Tensor {
    checkOptions("TransformerEncoder.forward", masks, ["mask", "srcKeyPaddingMask", "isCausal"]);
    const { mask: srcMask, srcKeyPaddingMask, isCausal } = masks;
    let x = src;
    for (const layer of this.layers) x = layer.forward(x, { srcMask, srcKeyPaddingMask, isCausal });
    return this.norm ? this.norm.forward(x) : x;
  }
}
