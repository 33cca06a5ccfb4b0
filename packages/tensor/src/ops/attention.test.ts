import { describe, expect, it } from "vitest";
import { autocast, grad } from "../control.js";
import { createCpuDevice } from "../cpu/device.js";
import { fromTypedArray, ones } from "../creation.js";
import type { Device } from "../graph/device.js";
import { scaledDotProductAttention } from "../nn/functional/attention.js";
import type { Tensor } from "../tensor.js";
import { testDevices } from "../testing/devices.js";
import { fusedAttention } from "./attention.js";

type Sizes = {
  readonly batch: readonly number[];
  readonly l: number;
  readonly s: number;
  readonly e: number;
  readonly v: number;
};

const wave = (device: Device, seed: number, shape: readonly number[]): Tensor =>
  fromTypedArray(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 2 * Math.sin(1.7 * i + seed)),
    shape,
    { device, requiresGrad: true },
  );

/** Queries, keys and values whose heads lie inside their rows, as a layer splits them. */
function operands(device: Device, { batch, l, s, e, v }: Sizes): [Tensor, Tensor, Tensor] {
  const outer = batch.slice(0, -1);
  const heads = batch.at(-1)!;
  return [
    wave(device, 1, [...outer, l, heads, e]),
    wave(device, 2, [...outer, s, heads, e]),
    wave(device, 3, [...outer, s, heads, v]),
  ];
}

const toHeads = (x: Tensor): Tensor => x.transpose(x.ndim - 3, x.ndim - 2);

/** The device, made to run attention in one kernel at every size. */
function always(device: Device): Device {
  Object.assign(device.backend, { pays: () => true });
  return device;
}

/** Attention in one kernel, or composed: with a mask, which hides nothing. */
function attention(composed: boolean, heads: readonly Tensor[], causal: boolean): Tensor {
  const [q, k, v] = heads as [Tensor, Tensor, Tensor];
  const attnMask = ones(q.shape.at(-2)!, k.shape.at(-2)!, { dtype: "bool", device: q.device });
  const masked = () => scaledDotProductAttention(q, k, v, { isCausal: causal, attnMask });
  return composed
    ? masked()
    : (fusedAttention([q, k, v], { causal, scale: 1 / Math.sqrt(q.shape.at(-1)!) }) ?? masked());
}

/** Attention and its gradients. */
function attend(device: Device, sizes: Sizes, causal: boolean, composed: boolean): Promise<readonly Float32Array[]> {
  const leaves = operands(device, sizes);
  const y = attention(composed, leaves.map(toHeads), causal);
  const gradients = grad(y.mul(y.detach().add(0.5)).sum(), leaves, { retainGraph: true });
  return Promise.all([y, ...gradients].map((x) => x.data() as Promise<Float32Array>));
}

const cases: readonly (Sizes & { readonly causal: boolean })[] = [
  { batch: [2, 3], l: 5, s: 5, e: 4, v: 4, causal: true },
  { batch: [1], l: 1, s: 1, e: 1, v: 1, causal: true },
  { batch: [2, 2], l: 64, s: 64, e: 32, v: 32, causal: true },
  { batch: [3], l: 131, s: 131, e: 7, v: 9, causal: true },
  { batch: [2], l: 70, s: 33, e: 8, v: 5, causal: false },
  { batch: [2], l: 70, s: 33, e: 8, v: 5, causal: true },
  { batch: [2], l: 3, s: 100, e: 8, v: 16, causal: true },
  { batch: [2, 1, 2], l: 17, s: 40, e: 3, v: 20, causal: false },
];

describe.each(Object.entries(testDevices))("attention without a mask on %s", (name, make) => {
  // The interpreter takes seconds for the larger ones.
  const own = cases.filter(({ l, e }) => name === "cpu" || l * e < 1000);

  it.each(own)("equals the composition, $batch × $l × $s × $e × $v, causal $causal", async ({ causal, ...sizes }) => {
    const device = always(await make());
    const [fused, composed] = [await attend(device, sizes, causal, false), await attend(device, sizes, causal, true)];
    fused.forEach((x, i) => {
      x.forEach((value, at) => expect(value, `${i} at ${at}`).toBeCloseTo(composed[i]![at]!, 4));
    });
  });
});

describe("attention without a mask", () => {
  it("has gradients of gradients", async () => {
    const device = always(await testDevices.cpu());
    const second = async (composed: boolean) => {
      const leaves = operands(device, { batch: [2], l: 6, s: 6, e: 4, v: 4 });
      const y = attention(composed, leaves.map(toHeads), true);
      const first = grad(y.square().sum(), leaves, { createGraph: true });
      const all = grad(
        first.map((g) => g.square().sum()).reduce((x, z) => x.add(z)),
        leaves,
      );
      return Promise.all(all.map((g) => g.data()));
    };
    const [fused, composed] = [await second(false), await second(true)];
    fused.forEach((x, i) => x.forEach((value, at) => expect(value).toBeCloseTo(Number(composed[i]![at]), 3)));
  });

  it("gives the same bits for every number of threads, and close ones without fused multiply-adds", async () => {
    const sizes = { batch: [5], l: 80, s: 80, e: 16, v: 16 };
    const [one, two, plain] = await Promise.all(
      [{ threads: 1 }, { threads: 2, parallelNanoseconds: 0 }, { threads: 1, relaxedSimd: false }].map(
        async (options) => attend(always(await createCpuDevice(options)), sizes, true, false),
      ),
    );
    expect(two).toEqual(one);
    plain!.forEach((x, i) => x.forEach((value, at) => expect(value).toBeCloseTo(one![i]![at]!, 4)));
  });

  it("keeps infinite and missing numbers to the queries that see them", async () => {
    const device = always(await testDevices.cpu());
    const q = ones(1, 4, 2, { device });
    const k = fromTypedArray(Float32Array.of(1, 1, 1, 1, 1, 1, Number.NaN, 1), [1, 4, 2], { device });
    const y = await attention(false, [q, k, ones(1, 4, 2, { device })], true).data();
    expect([...y]).toEqual([1, 1, 1, 1, 1, 1, Number.NaN, Number.NaN].map((x, i) => (i < 6 ? expect.closeTo(x) : x)));
  });

  it("runs in one kernel where the device says that it pays", async () => {
    const device = await testDevices.cpu();
    const asked: unknown[] = [];
    const pays = (call: { readonly op: string }, sizes: readonly number[], withGradient: boolean) => {
      asked.push([call.op, sizes, withGradient]);
      return withGradient;
    };
    Object.assign(device.backend, { pays });
    const [q, k, v] = operands(device, { batch: [2], l: 3, s: 4, e: 5, v: 6 }).map(toHeads) as [Tensor, Tensor, Tensor];
    expect(fusedAttention([q, k, v], { causal: false, scale: 1 })).toBeDefined();
    expect(fusedAttention([q.detach(), k.detach(), v.detach()], { causal: false, scale: 1 })).toBeUndefined();
    expect(asked).toEqual([
      ["attention", [2, 3, 4, 5, 6], true],
      ["attention", [2, 3, 4, 5, 6], false],
    ]);
  });
});

describe.each(["bfloat16", "float16"] as const)("attention inside autocast %s", (dtype) => {
  const sizes = { batch: [2, 2], l: 9, s: 12, e: 8, v: 4 };
  const [coarse, close] = dtype === "bfloat16" ? [0.06, 1] : [0.01, 2];

  it.each(Object.entries(testDevices))(
    "is of 16 bits, its gradients are the operands' own, on %s",
    async (name, make) => {
      const device = await make();
      const leaves = operands(device, sizes);
      const [q, k, v] = leaves.map(toHeads) as [Tensor, Tensor, Tensor];
      const y = autocast(dtype, () => scaledDotProductAttention(q, k, v, { isCausal: true }));
      expect(y.dtype).toBe(dtype);
      // Of these devices only the reference has the anchor in 16 bits.
      expect(y.gradFn?.name === "attention").toBe(name === "reference");
      const wide = y.to("float32");
      const gradients = grad(wide.mul(wide.detach().add(0.5)).sum(), leaves);
      expect(gradients.map((g) => g.dtype)).toEqual(["float32", "float32", "float32"]);
      const exact = await attend(device, sizes, true, true);
      const got = await Promise.all([wide, ...gradients].map((x) => x.data()));
      got.forEach((x, i) => {
        const largest = Math.max(...exact[i]!.map(Math.abs));
        x.forEach((value, at) => {
          expect(Math.abs(Number(value) - exact[i]![at]!), `${i} at ${at}`).toBeLessThan(coarse * largest);
        });
      });
    },
  );

  it("has gradients of gradients", async () => {
    const device = await testDevices.reference();
    const second = async (half: boolean) => {
      const leaves = operands(device, { batch: [2], l: 4, s: 4, e: 4, v: 4 });
      const [q, k, v] = leaves.map(toHeads) as [Tensor, Tensor, Tensor];
      const y = autocast(half ? dtype : "float32", () => scaledDotProductAttention(q, k, v));
      const [first] = grad(y.to("float32").square().sum(), leaves, { createGraph: true });
      const [of] = grad(first!.square().sum(), leaves);
      return of!.div(of!.abs().max()).data();
    };
    const [half, exact] = [await second(true), await second(false)];
    half.forEach((value, at) => expect(Number(value)).toBeCloseTo(Number(exact[at]), close));
  });
});

it("heads that are joined again are a view of the result", async () => {
  const device = always(await createCpuDevice({ threads: 1 }));
  const leaves = operands(device, { batch: [2, 3], l: 5, s: 5, e: 4, v: 4 });
  await Promise.all(leaves.map((x) => x.data()));
  const { launches } = device.counters;
  await attention(false, leaves.map(toHeads), true).transpose(1, 2).reshape(2, 5, 12).data();
  expect(device.counters.launches - launches).toBe(1);
  device.dispose();
});
