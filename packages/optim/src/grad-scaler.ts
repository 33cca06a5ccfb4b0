// Loss scaling for float16: gradients that would vanish in 16 bits are made larger, and steps with infinities are left out.

import {
  gradientOf,
  isfinite,
  logicalAnd,
  noGrad,
  replaceGradient,
  replaceRowGradient,
  rowGradientOf,
  type Tensor,
  TensorError,
} from "@torchium/tensor";
import { flag, integer, number, readOptions } from "@torchium/tensor/options";
import type { AnyOptimizer } from "./optimizer.js";

/** Options of `GradScaler`. */
export type GradScalerOptions = {
  /** The first factor. */
  readonly initScale: number;
  /** What the factor is multiplied by after `growthInterval` steps without an infinity. */
  readonly growthFactor: number;
  /** What it is multiplied by after a step that was left out. */
  readonly backoffFactor: number;
  readonly growthInterval: number;
  /** False makes every method do nothing but call the optimizer. */
  readonly enabled: boolean;
};

/** What a `GradScaler` stores in a checkpoint. */
export type GradScalerState = { readonly scale: number; readonly growthTracker: number };

const op = "GradScaler";

const table = {
  initScale: number({ above: 0 }, 65536),
  growthFactor: number({ above: 1 }, 2),
  backoffFactor: number({ above: 0, below: 1 }, 0.5),
  growthInterval: integer({ atLeast: 1 }, 2000),
  enabled: flag(true),
} as const;

/**
 * Scales losses and takes the scale out of gradients again, as PyTorch's class of this name:
 * `scaler.scale(loss).backward(); await scaler.step(optimizer); scaler.update()`. bfloat16 does not need it.
 */
export class GradScaler {
  readonly #options: GradScalerOptions;
  /** Whether all gradients of an optimizer are finite: unscaled, but not used yet. */
  readonly #unscaled = new Map<AnyOptimizer, Tensor | undefined>();
  readonly #stepped = new Set<AnyOptimizer>();
  #scale: number;
  #growthTracker = 0;
  #foundInfinity = false;

  /** @throws TensorError `argument` */
  constructor(options: Partial<GradScalerOptions> = {}) {
    this.#options = readOptions(op, table, options);
    this.#scale = this.#options.initScale;
  }

  /** The factor in use; 1 when disabled. */
  get factor(): number {
    return this.#options.enabled ? this.#scale : 1;
  }

  /** The loss times the factor. */
  scale(loss: Tensor): Tensor {
    return this.#options.enabled ? loss.mul(this.#scale) : loss;
  }

  /**
   * Divides an optimizer's gradients by the factor, for clipping before the step; `step` does it otherwise.
   * @throws TensorError `state` when it has been done since the last update
   */
  unscale(optimizer: AnyOptimizer): void {
    if (!this.#options.enabled) return;
    if (this.#unscaled.has(optimizer)) throw misuse("unscale", "has been called since the last update()");
    const checks = noGrad(() =>
      optimizer.paramGroups.flatMap(({ params }) => params.flatMap((p) => unscaleOne(p, 1 / this.#scale))),
    );
    this.#unscaled.set(
      optimizer,
      noGrad(() => joined(checks)),
    );
  }

  /**
   * Steps the optimizer if all of its gradients are finite, and says whether it did.
   * @throws TensorError `state` when it has been called since the last update
   */
  async step(optimizer: AnyOptimizer): Promise<boolean> {
    if (!this.#options.enabled) {
      optimizer.step();
      return true;
    }
    if (this.#stepped.has(optimizer)) throw misuse("step", "has been called since the last update()");
    if (!this.#unscaled.has(optimizer)) this.unscale(optimizer);
    this.#stepped.add(optimizer);
    const finite = this.#unscaled.get(optimizer);
    const goes = finite === undefined || (await finite.item()) !== 0;
    if (goes) optimizer.step();
    else this.#foundInfinity = true;
    return goes;
  }

  /** Fits the factor to what the steps since the last call found. @throws TensorError `state` before any step */
  update(): void {
    const { enabled, growthFactor, backoffFactor, growthInterval } = this.#options;
    if (!enabled) return;
    if (this.#stepped.size === 0) throw misuse("update", "comes after step()");
    if (this.#foundInfinity) {
      this.#scale *= backoffFactor;
      this.#growthTracker = 0;
    } else if (++this.#growthTracker === growthInterval) {
      this.#scale *= growthFactor;
      this.#growthTracker = 0;
    }
    this.#foundInfinity = false;
    this.#unscaled.clear();
    this.#stepped.clear();
  }

  /** What to store in a checkpoint. */
  stateDict(): GradScalerState {
    return { scale: this.#scale, growthTracker: this.#growthTracker };
  }

  /** Takes over what `stateDict` gave. @throws TensorError `format` unless it is that */
  loadStateDict(state: GradScalerState): void {
    const { scale, growthTracker } = state ?? {};
    if (!(scale > 0 && Number.isFinite(scale) && Number.isSafeInteger(growthTracker) && growthTracker >= 0)) {
      throw new TensorError("format", `${op}.loadStateDict: the state is not a scaler's`, { op });
    }
    this.#scale = scale;
    this.#growthTracker = growthTracker;
  }
}

const misuse = (method: string, why: string): TensorError =>
  new TensorError("state", `${op}.${method}: ${why}`, { op: `${op}.${method}` });

/** Unscales one parameter's gradient; whether all of it is finite. */
function unscaleOne(parameter: Tensor, factor: number): Tensor[] {
  const gradient = gradientOf(parameter);
  if (gradient) {
    replaceGradient(parameter, gradient.mul(factor));
    return [isfinite(gradient).all()];
  }
  const rows = rowGradientOf(parameter);
  if (!rows) return [];
  replaceRowGradient(parameter, rows.indices, rows.values.mul(factor));
  return [isfinite(rows.values).all()];
}

function joined(checks: readonly Tensor[]): Tensor | undefined {
  if (checks.length < 2) return checks[0];
  const middle = Math.ceil(checks.length / 2);
  return logicalAnd(joined(checks.slice(0, middle))!, joined(checks.slice(middle))!);
}
