// Weighs the losses of several tasks by uncertainties that are learned with the model.

import { argumentError, keep, shapeError, stack, type Tensor, zeros } from "@torchium/tensor";
import { Parameter } from "@torchium/tensor/nn";
import { count, listOf, type OptionTable, optional } from "@torchium/tensor/options";
import { checkFloats } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** What a task's loss is: a cross entropy or the like, or a squared error. */
export type TaskKind = "classification" | "regression";

/** Options of `UncertaintyWeightingLoss`. */
export type UncertaintyWeightingLossOptions = {
  readonly numTasks: number;
  /** One a task; all "classification" unless given. */
  readonly kinds?: readonly TaskKind[];
};

const rules = {
  numTasks: count(),
  kinds: optional(listOf(["classification", "regression"])),
} satisfies OptionTable<UncertaintyWeightingLossOptions>;

/**
 * `Σ_i e^(−s_i) L_i + ½ s_i` for classification, `½ e^(−s_i) L_i + ½ s_i` for regression, with one learned
 * `s = ln σ²` a task, 0 at first (Kendall et al., arXiv 1705.07115). Give its parameters to the optimizer with the
 * model's.
 */
export class UncertaintyWeightingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "UncertaintyWeightingLoss", rules } satisfies LossDeclaration;
  /** `s = ln σ²` of each task, [numTasks]. */
  readonly logVariances: Parameter;

  /** @throws TensorError `argument` */
  constructor(options: UncertaintyWeightingLossOptions) {
    super(UncertaintyWeightingLoss.declaration, options);
    const { numTasks, kinds } = this.options;
    if (kinds && kinds.length !== numTasks)
      throw argumentError("UncertaintyWeightingLoss", "kinds", `one a task, ${numTasks}`, kinds.length);
    this.logVariances = new Parameter(zeros(numTasks));
  }

  /**
   * The sum of the weighted losses, of one scalar loss a task. It can be read after the step too, although PCGrad is given
   * its parts and not the sum. @throws TensorError `argument`, `shape`, `dtype`
   */
  forward(losses: readonly Tensor[]): Tensor {
    const total = stack(this.weighted(losses)).sum();
    return total.requiresGrad ? keep(total) : total;
  }

  /** One weighted loss a task, as `PCGrad.pcBackward` takes them. @throws TensorError `argument`, `shape`, `dtype` */
  weighted(losses: readonly Tensor[]): Tensor[] {
    const { numTasks, kinds } = this.options;
    if (!Array.isArray(losses)) throw argumentError("UncertaintyWeightingLoss", "losses", "a list of tensors", losses);
    if (losses.length !== numTasks)
      throw argumentError("UncertaintyWeightingLoss", "losses", `one a task, ${numTasks}`, losses.length);
    return losses.map((loss, i) => {
      checkFloats("UncertaintyWeightingLoss", { [`losses[${i}]`]: loss });
      if (loss.ndim > 0) throw shapeError("UncertaintyWeightingLoss", `losses[${i}] must be a scalar`, [loss.shape]);
      const logVariance = this.logVariances.select(0, i);
      const precision = logVariance.neg().exp().mul(loss);
      const scaled = kinds?.[i] === "regression" ? precision.mul(0.5) : precision;
      return scaled.add(logVariance.mul(0.5));
    });
  }
}
