// Perplexity of a language model: on one batch as a loss, over a whole corpus as a measurement.

import { noGrad, stack, type Tensor, where } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { integer, type OptionTable, readOptions } from "@torchium/tensor/options";
import { checkFloats, checkIntegers, checkShape } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `PerplexityLoss` and `CorpusPerplexity`. */
export type PerplexityLossOptions = {
  /** The target that counts for nothing; −100 unless given. */
  readonly ignoreIndex?: number;
};

const rules = { ignoreIndex: integer({}, -100) } satisfies OptionTable<PerplexityLossOptions>;

/**
 * Mean losses above these no longer raise the result (`value`) or its gradient's factor (`slope`). The first keeps the
 * result finite; the second keeps the squares of gradients finite, so that clipping by norm still works.
 */
const saturation = {
  float32: { value: 88, slope: 40 },
  float64: { value: 709, slope: 320 },
} as const;

/**
 * `P = exp(mean NLL)` over the targets that count; 1 when none does. The gradient is `P·∇NLL`.
 *
 * Both saturate instead of overflowing: the result at e^88 (float64: e^709), the factor of the gradient at e^40
 * (e^320). A uniform guess over a million words has e^13.8.
 */
export class PerplexityLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "PerplexityLoss", rules } satisfies LossDeclaration;

  constructor(options: PerplexityLossOptions = {}) {
    super(PerplexityLoss.declaration, options);
  }

  /** Logits [N, V] or [B, T, V], the vocabulary last; targets [N] or [B, T]. @throws TensorError `shape`, `dtype`, `index` */
  forward(input: Tensor, target: Tensor): Tensor {
    const { rows, ids } = flatten("PerplexityLoss", input, target);
    const loss = functional.crossEntropy(rows, ids, { ignoreIndex: this.options.ignoreIndex });
    const { value, slope } = saturation[rows.dtype as keyof typeof saturation];
    const still = loss.detach();
    const result = still.clamp(undefined, value).exp();
    const factor = still.clamp(undefined, slope).exp();
    // The difference is 0 and carries the gradient; where the loss is infinite there is none.
    return where(still.eq(Number.POSITIVE_INFINITY), result, loss.sub(still).mul(factor).add(result));
  }
}

/** Perplexity of a corpus, `exp(Σ NLL / Σ tokens)`, from its batches in any order and of any sizes. */
export class CorpusPerplexity {
  readonly #ignoreIndex: number;
  #loss = 0;
  #tokens = 0;

  constructor(options: PerplexityLossOptions = {}) {
    this.#ignoreIndex = readOptions("CorpusPerplexity", rules, options).ignoreIndex;
  }

  /** Adds a batch: logits [N, V] or [B, T, V], targets [N] or [B, T]. @throws TensorError `shape`, `dtype`, `index` */
  async add(input: Tensor, target: Tensor): Promise<void> {
    const { rows, ids } = flatten("CorpusPerplexity", input, target);
    const totals = noGrad(() => {
      const loss = functional.crossEntropy(rows, ids, { ignoreIndex: this.#ignoreIndex, reduction: "sum" });
      return stack([loss, ids.ne(this.#ignoreIndex).sum().to(loss.dtype)]);
    });
    const [loss, tokens] = await totals.data();
    this.#loss += loss!;
    this.#tokens += tokens!;
  }

  /** Targets that counted so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Mean negative log-likelihood a token, in nats; NaN before the first. */
  get loss(): number {
    return this.#loss / this.#tokens;
  }

  /** `exp(loss)`. */
  get perplexity(): number {
    return Math.exp(this.loss);
  }
}

/** Logits as [rows, V], those of 16 bits in float32, whose range the perplexity needs; targets as [rows]. */
function flatten(loss: string, input: Tensor, target: Tensor): { readonly rows: Tensor; readonly ids: Tensor } {
  checkFloats(loss, { input });
  checkIntegers(loss, { target });
  checkShape(loss, "input", input, input.ndim === 3 ? [-1, -1, -1] : [-1, -1]);
  checkShape(loss, "target", target, input.shape.slice(0, -1));
  const wide = input.dtype === "float64" ? input : input.to("float32");
  return { rows: wide.reshape([target.numel, input.size(-1)]), ids: target.reshape([target.numel]) };
}
