// Parameter: a leaf tensor that a module trains. It keeps its identity when it is updated, loaded or moved, so that an
// optimizer and tied layers always see the same object.

import { noGrad } from "../control.js";
import { makeLeaf, Tensor } from "../tensor.js";

/** A tensor that belongs to a module and takes a gradient; assigned to a module's property, it is found by its name. */
export class Parameter extends Tensor {
  /** Takes over the values of `data`, which are computed now and copied if another tensor holds them. */
  constructor(data: Tensor, requiresGrad = true) {
    const { value, layout, dtype, device } = noGrad(() => ownValues(data));
    super({ value, layout, dtype, device });
    makeLeaf(this);
    if (requiresGrad) this.requiresGrad = true;
  }
}

/** The values of `data` in a node that no other tensor holds the memory of. */
function ownValues(data: Tensor): Tensor {
  const whole = data.detach().contiguous();
  const { node, index } = whole.value;
  const held = node.op.kind === "leaf" || node.storage !== undefined || node.leaves?.[index] !== undefined;
  return held ? whole.clone() : whole;
}

type Mutable = { -readonly [K in "value" | "layout" | "dtype" | "device"]: Tensor[K] };

/** Makes a parameter hold `data`, which may be of another device or dtype; its identity and its gradient's stay. */
export function rehouse(parameter: Parameter, data: Tensor): void {
  const { value, layout, dtype, device } = noGrad(() => data.detach().contiguous());
  Object.assign(parameter as Mutable, { value, layout, dtype, device });
  makeLeaf(parameter);
}
