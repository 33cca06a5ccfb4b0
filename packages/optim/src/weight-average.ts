// Exponential moving averages of weights: often better than the weights themselves at evaluation.

import { assignAll, noGrad, Tensor, TensorError, zeros } from "@torchium/tensor";
import { flag, number, readOptions } from "@torchium/tensor/options";
import { checkParameters } from "./parameters.js";

/** Options of `ExponentialMovingAverage`. */
export type ExponentialMovingAverageOptions = {
  /** How much of the average an update keeps. */
  readonly decay: number;
  /** Keep at most `(1 + n) / (10 + n)` at update n, so that early weights are forgotten. */
  readonly warmup: boolean;
};

/** What an `ExponentialMovingAverage` stores in a checkpoint. */
export type ExponentialMovingAverageState = { readonly updates: number; readonly averages: readonly Tensor[] };

const op = "ExponentialMovingAverage";

const table = {
  decay: number({ atLeast: 0, atMost: 1 }, 0.999),
  warmup: flag(false),
} as const;

/**
 * Running averages `a = decay·a + (1 − decay)·p`, which start at the parameters. Call `update()` after each step, and
 * `swap()` before and after an evaluation.
 */
export class ExponentialMovingAverage {
  readonly params: readonly Tensor[];
  /** One average a parameter, in the same order. */
  readonly averages: readonly Tensor[];
  readonly #options: ExponentialMovingAverageOptions;
  #updates = 0;

  /** @throws TensorError `argument` */
  constructor(params: Iterable<Tensor>, options: Partial<ExponentialMovingAverageOptions> = {}) {
    this.#options = readOptions(op, table, options);
    this.params = checkParameters(op, params, new Set());
    this.averages = this.params.map(({ shape, dtype, device }) => zeros(shape, { dtype, device }));
    this.#write(this.averages.map((a, i) => [a, this.params[i]!.detach()]));
  }

  /** Moves the averages towards the parameters. */
  update(): void {
    const { decay, warmup } = this.#options;
    const kept = warmup ? Math.min(decay, (1 + this.#updates) / (10 + this.#updates)) : decay;
    this.#write(noGrad(() => this.averages.map((a, i) => [a, a.lerp(this.params[i]!, 1 - kept)])));
    this.#updates++;
  }

  /** Exchanges parameters and averages; a second call takes it back. */
  swap(): void {
    this.#write(
      this.averages.flatMap((a, i) => [[a, this.params[i]!.detach()] as const, [this.params[i]!, a] as const]),
    );
  }

  /** What to store in a checkpoint. The tensors are those in use, not copies. */
  stateDict(): ExponentialMovingAverageState {
    return { updates: this.#updates, averages: this.averages };
  }

  /** Takes over what `stateDict` gave; tensors are copied. @throws TensorError `format` unless it fits */
  loadStateDict(state: ExponentialMovingAverageState): void {
    const { updates, averages } = state ?? {};
    const fits =
      Array.isArray(averages) &&
      averages.length === this.averages.length &&
      averages.every((t, i) => t instanceof Tensor && t.shape.join() === this.averages[i]!.shape.join());
    if (!fits || !Number.isSafeInteger(updates) || updates < 0) {
      throw new TensorError("format", `${op}.loadStateDict: the state does not fit these parameters`, { op });
    }
    this.#write(this.averages.map((a, i) => [a, (averages as readonly Tensor[])[i]!.to(a.dtype)]));
    this.#updates = updates;
  }

  #write(pairs: readonly (readonly [Tensor, Tensor])[]): void {
    for (const device of new Set(pairs.map(([target]) => target.device))) {
      assignAll(
        pairs.filter(([target]) => target.device === device),
        op,
      );
    }
  }
}
