// What automatic differentiation sees of a tensor: a value, a layout over it, and how it was made.
// The Tensor that users hold extends this; `make` lets operations return the same class without knowing it.

import { type DType, isFloat } from "../dtype.js";
import type { Device } from "../graph/device.js";
import type { Value } from "../graph/node.js";
import type { Layout, Shape } from "../shape.js";

/** Rows [rows·picks, width] as products: `weights` [rows, picks] times `vectors` [rows, width]. */
export type RowProducts = { readonly weights: Variable; readonly vectors: Variable };

/**
 * A gradient that is zero but for some rows of its first axis: rows [count, width] at ids [count], int32. Rows of one id
 * add up. `dense` gives the whole array; `products` says that the rows need not be in memory to be added somewhere.
 */
export type RowGradient = {
  readonly ids: Variable;
  readonly rows: Variable;
  readonly dense: () => Variable;
  readonly products?: RowProducts;
};

/** How a result came to be. `backward` maps gradients of the outputs to gradients of the inputs. */
export type GradFn = {
  readonly name: string;
  readonly inputs: readonly Variable[];
  /** What backward reads; stored when a value is read before its backward pass. Emptied once used. */
  saved: readonly Variable[];
  /** One gradient an output (undefined: none arrived) in, one an input out. Undefined once its graph was freed. */
  backward:
    | ((
        gradients: readonly (Variable | undefined)[],
        needs: readonly boolean[],
      ) => readonly (Variable | RowGradient | undefined)[])
    | undefined;
  readonly outputs: number;
};

/** What a variable is made of. */
export type VariableInit = {
  readonly value: Value;
  readonly layout: Layout;
  readonly dtype: DType;
  readonly device: Device;
};

/** A tensor, as far as differentiation is concerned. */
export abstract class Variable {
  /** @internal */
  value: Value;
  /** @internal */
  readonly layout: Layout;
  readonly dtype: DType;
  readonly device: Device;
  /** @internal */
  gradFn: GradFn | undefined = undefined;
  /** @internal Which output of `gradFn` this is. */
  gradIndex = 0;
  /** @internal The accumulated gradient of a leaf. */
  gradient: Variable | undefined = undefined;
  /** @internal Accumulated gradients of a leaf that touch some rows only. */
  rowGradients: readonly RowGradient[] = [];
  /** @internal Whether gradients flow to or through this variable. */
  tracked = false;
  /** @internal For a gradient: the one it was added to, whose memory it makes redundant. */
  replaces: Variable | undefined = undefined;
  /** @internal For a gradient: handed to the user, so only garbage collection may free it. */
  exposed = false;

  /** @throws TensorError `dtype` when the device has no such element type */
  constructor(init: VariableInit) {
    init.device.checkDType(init.dtype);
    this.value = init.value;
    this.layout = init.layout;
    this.dtype = init.dtype;
    this.device = init.device;
  }

  /** Sizes of the axes. */
  get shape(): Shape {
    return this.layout.shape;
  }

  /** @internal A variable of the same class. */
  abstract make(init: VariableInit): this;
}

/** Whether any of `inputs` is differentiable and tracked. */
export const anyTracked = (inputs: readonly Variable[]): boolean => inputs.some((x) => x.tracked && isFloat(x.dtype));

/** Attaches a record to results, when recording and any input is tracked. */
export function record<T extends Variable>(outputs: readonly T[], fn: Omit<GradFn, "outputs">): readonly T[] {
  const gradFn: GradFn = { ...fn, outputs: outputs.length };
  outputs.forEach((y, k) => {
    if (!isFloat(y.dtype)) return;
    y.gradFn = gradFn;
    y.gradIndex = k;
    y.tracked = true;
  });
  return outputs;
}
