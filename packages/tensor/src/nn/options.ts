// What layers are made with: the options that all of them take, and checks that name the layer, the field and the value.

import type { FloatType } from "../dtype.js";
import { argumentError } from "../errors.js";
import type { Device } from "../graph/device.js";
import type { Generator } from "../random.js";

/** Where and how a layer's parameters are made. */
export type ParameterOptions = {
  /** float32 unless given. */
  readonly dtype?: FloatType;
  readonly device?: Device;
  /** What initial values are drawn from; the default generator unless given. */
  readonly generator?: Generator;
};

/** The names of `ParameterOptions`. */
export const parameterOptions = ["dtype", "device", "generator"] as const;

export { checkOptions } from "../arguments.js";

/** @throws TensorError `argument` unless `value` is an integer of at least 1 */
export function checkCount(layer: string, field: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1) throw argumentError(layer, field, "a positive integer", value);
}

/** @throws TensorError `argument` unless `value` is from 0 to 1 */
export function checkProbability(layer: string, field: string, value: unknown): void {
  if (!(typeof value === "number" && value >= 0 && value <= 1)) {
    throw argumentError(layer, field, "a number from 0 to 1", value);
  }
}

/** @throws TensorError `argument` unless `value` is a finite number of at least 0 */
export function checkNotNegative(layer: string, field: string, value: unknown): void {
  if (!(typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw argumentError(layer, field, "a finite number of at least 0", value);
  }
}
