// Tensors of initial values, for layers and for the functions that overwrite what a layer has.

import { rand, randn } from "../../creation.js";
import type { FloatType } from "../../dtype.js";
import type { Shape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import type { ParameterOptions } from "../options.js";

/** Uniform in [low, high). */
export const uniformValues = (shape: Shape, low: number, high: number, options: ParameterOptions): Tensor =>
  rand(shape, drawing(options))
    .mul(high - low)
    .add(low);

/** Normal with a mean and a standard deviation. */
export const normalValues = (shape: Shape, mean: number, std: number, options: ParameterOptions): Tensor =>
  randn(shape, drawing(options)).mul(std).add(mean);

// A layer's options may hold more than what draws its values.
const drawing = ({ dtype, device, generator }: ParameterOptions): ParameterOptions => ({ dtype, device, generator });

/** Options that draw values to overwrite `t` with. */
export const like = (t: Tensor, { generator }: Pick<ParameterOptions, "generator">): ParameterOptions => ({
  dtype: t.dtype as FloatType,
  device: t.device,
  generator,
});
