// Gradients by central differences in float64: an oracle that knows nothing of automatic differentiation.

import { noGrad, type Tensor, tensor } from "@torchium/tensor";
import { expect } from "vitest";

const step = 1e-5;

/** Expects the gradient of scalar `f` at each of `leaves` (float64) to equal central differences. */
export async function expectGradients(f: () => Tensor, leaves: Readonly<Record<string, Tensor>>): Promise<void> {
  for (const leaf of Object.values(leaves)) leaf.grad = undefined;
  f().backward();
  const gradients = Object.values(leaves).map((leaf) => leaf.grad);
  const found = await Promise.all(gradients.map((g) => g?.data()));
  for (const [k, [name, leaf]] of Object.entries(leaves).entries()) {
    const values = Float64Array.from(await leaf.data());
    for (let i = 0; i < values.length; i++) {
      const at = async (shift: number): Promise<number> => {
        const moved = values.slice();
        moved[i]! += shift;
        noGrad(() => leaf.assign(tensor(moved, { shape: leaf.shape, dtype: "float64" })));
        return noGrad(f).item();
      };
      const slope = ((await at(step)) - (await at(-step))) / (2 * step);
      const got = found[k]?.[i] ?? 0;
      const near = Math.abs(got - slope) <= 1e-4 * Math.abs(slope) + 1e-7;
      if (!near) expect.fail(`gradient of ${name}[${i}]: got ${got}, central differences give ${slope}`);
    }
    noGrad(() => leaf.assign(tensor(values, { shape: leaf.shape, dtype: "float64" })));
  }
}
