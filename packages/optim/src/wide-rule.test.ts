// Parameters of 16 bits take the steps of float32 ones, rounded once a step; their state is rounded too.

import { createCpuDevice, type Device, embedding, type Tensor, tensor } from "@torchium/tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { SGD } from "./optimizers/sgd.js";
import { createOptimizer } from "./registry.js";
import { rows } from "./testing/problems.js";

let device: Device;
beforeAll(async () => {
  device = await createCpuDevice({ threads: 1 });
});

const values = [0.5, -1.25, 3, 0.0078125];
const gradients = [
  [0.25, -0.5, 0.125, 1],
  [1.5, 0.75, -0.25, 0.5],
  [-0.125, 2, 0.5, -1],
];

describe.each(["bfloat16", "float16"] as const)("%s", (dtype) => {
  it.each(rows)("$name", async ({ name, everything: options }) => {
    const narrow = tensor(values, { dtype, device, requiresGrad: true });
    const optimizer = createOptimizer(name, [narrow], options);
    let state = optimizer.stateDict();
    for (const g of gradients) {
      // A float32 twin that begins where the narrow one stands.
      const twin = tensor(await narrow.data(), { dtype: "float32", device, requiresGrad: true });
      const beside = createOptimizer(name, [twin], options);
      beside.loadStateDict(state);
      twin.grad = tensor(g, { device });
      beside.step();
      narrow.grad = tensor(g, { dtype, device });
      optimizer.step();
      state = optimizer.stateDict();
      expect(narrow.dtype).toBe(dtype);
      expect(await narrow.toArray()).toEqual(await twin.detach().to(dtype).toArray());
      for (const [slot, kept] of Object.entries(state.state[0] ?? {})) {
        if (slot === "step") continue;
        const other = (beside.stateDict().state[0] as unknown as Record<string, Tensor>)[slot]!;
        expect((kept as Tensor).dtype).toBe(dtype);
        expect(await (kept as Tensor).toArray(), slot).toEqual(await other.to(dtype).toArray());
      }
    }
  });
});

it("rows of a table in bfloat16 move as those of a float32 one", async () => {
  const moved = async (dtype: "bfloat16" | "float32") => {
    const weight = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { dtype, device, requiresGrad: true },
    );
    embedding(weight, tensor([2, 0, 2], { dtype: "int32", device }), { sparse: true })
      .to("float32")
      .sum()
      .backward();
    new SGD([weight], { lr: 0.25 }).step();
    return weight.toArray();
  };
  expect(await moved("bfloat16")).toEqual(await moved("float32"));
});
