// Connectionist temporal classification: learning to transcribe without knowing where each symbol lies.

import { type Tensor, tensor, where } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { flag, integer, type OptionTable } from "@torchium/tensor/options";
import { checkFloats, checkTensors } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `CTCLoss`. */
export type CTCLossOptions = {
  /** The class that stands for no symbol; 0 unless given. */
  readonly blank?: number;
  /** A target that cannot be spelled costs 0 instead of ∞; false unless given. */
  readonly zeroInfinity?: boolean;
  /** "mean", of each loss over its target's length, unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  blank: integer({ atLeast: 0 }, 0),
  zeroInfinity: flag(false),
  reduction,
} satisfies OptionTable<CTCLossOptions>;

/**
 * `−ln Σ p(path)` over all paths that spell the target once repeats are joined and blanks dropped (Graves et al. 2006).
 * A target that cannot be spelled costs ∞ and has no gradient.
 */
export class CTCLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "CTCLoss", rules } satisfies LossDeclaration;

  constructor(options: CTCLossOptions = {}) {
    super(CTCLoss.declaration, options);
  }

  /**
   * Log-probabilities [time, batch, classes]; targets [batch, length], or one after the other in a vector; the lengths of
   * both, [batch]. One sequence alone: [time, classes], [length] and two lengths of one element.
   * @throws TensorError `shape`, `dtype`, `argument`, `index` for a label that does not exist
   */
  forward(
    logProbabilities: Tensor,
    targets: Tensor,
    inputLengths: functional.CtcLengths,
    targetLengths: functional.CtcLengths,
  ): Tensor {
    checkFloats("CTCLoss", { logProbabilities });
    checkTensors("CTCLoss", { targets });
    const { blank, zeroInfinity, reduction } = this.options;
    const single = logProbabilities.ndim === 2;
    const batched = single ? logProbabilities.unsqueeze(1) : logProbabilities;
    const found = functional.ctcLoss(batched, targets, inputLengths, targetLengths, { blank });
    const losses = zeroInfinity ? where(found.eq(Number.POSITIVE_INFINITY), 0, found) : found;
    if (reduction !== "mean") return reduced(single ? losses.squeeze(0) : losses, reduction);
    const sizes = Array.isArray(targetLengths)
      ? tensor(targetLengths, { device: losses.device })
      : (targetLengths as Tensor);
    return losses.div(sizes.maximum(1)).mean();
  }
}
