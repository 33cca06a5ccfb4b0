import { type Device, fromTypedArray, grad, ones, type Tensor } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWebGpuDevice } from "./index.js";
import { findTestAdapter, testAdapter } from "./testing/adapter.js";

vi.setConfig({ testTimeout: 120_000 });

const available = (await findTestAdapter()) !== undefined;

// Heads as layers make them, dense along their width: what the conformance suite's layouts seldom are.
describe.skipIf(!available)(`attention on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  let device: Device;
  beforeAll(async () => {
    // Asked for nothing, an adapter gives the least that every device has.
    device = await createWebGpuDevice({ device: await (await testAdapter()).requestDevice() });
  });
  afterAll(() => device.dispose());

  const wave = (seed: number, ...shape: readonly number[]): Tensor => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(3 * i + seed));
    return fromTypedArray(values, shape, { device, requiresGrad: true });
  };

  it("of dense heads equals its composition, where heads are too wide for one work group", async () => {
    const [isCausal, queries, width] = [true, 40, 160] as const;
    const [q, k, v, gradient] = [0, 1, 2, 3].map((seed) => wave(seed, 2, queries, width)) as [
      ...[Tensor, Tensor, Tensor, Tensor],
    ];
    // A mask of its own leaves attention composed.
    const attnMask = ones([queries, queries], { dtype: "bool", device });
    const results = async (options: { readonly attnMask?: Tensor }): Promise<number[][]> => {
      const y = F.scaledDotProductAttention(q, k, v, { isCausal, ...options });
      const all = [y, ...grad(y, [q, k, v], { gradients: [gradient.detach()] })];
      return Promise.all(all.map(async (x) => [...(await x.data())] as number[]));
    };
    const [fused, composed] = [await results({}), await results({ attnMask })];
    fused.forEach((values, i) => {
      const scale = Math.max(...composed[i]!.map(Math.abs));
      const worst = Math.max(...values.map((value, at) => Math.abs(value - composed[i]![at]!)));
      expect(worst / scale, `result ${i}`).toBeLessThan(1e-5);
    });
  });
});
