// Fusion must not change a result: random graphs with their gradients, fused and unfused, against the reference. A
// failure names its seed and the fewest operations that show it.

import { cat, type Device, fromTypedArray, gelu, type Tensor, where } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { CaseContext, CaseTable } from "../case.js";
import { ConformanceFailure, check } from "../failure.js";
import { Random } from "../random.js";

const graphs = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] as const;
/** Graphs of a case at effort 1. */
const graphsPerCase = 5;
const tolerance = 2e-4;

function leaf(device: Device, random: Random, shape: readonly number[]): Tensor {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.number(-1, 1));
  return fromTypedArray(data, shape, { device, requiresGrad: true });
}

/** One random operation on tensors made so far. Values stay within a few units of 1, so that errors stay comparable. */
function grow(pool: readonly Tensor[], device: Device, random: Random, leaves: Tensor[]): Tensor {
  const below = (n: number): number => random.integer(0, n - 1);
  const fresh = (shape: readonly number[]): Tensor => {
    const made = leaf(device, random, shape);
    leaves.push(made);
    return made;
  };
  const x = random.pick(pool);
  const axis = below(x.ndim);
  const last = x.shape[x.ndim - 1]!;
  switch (below(16)) {
    case 0:
      return x.tanh();
    case 1:
      return gelu(x);
    case 2:
      return x.mul(0.5).add(random.number(-1, 1));
    case 3:
      return x.add(fresh(x.shape.map((d) => (random.chance(0.5) ? d : 1))));
    case 4:
      return x.mul(fresh(x.shape.slice(below(x.ndim + 1)))).tanh();
    case 5:
      return x.sub(pool.find((y) => y !== x && y.shape.join() === x.shape.join()) ?? x.sin());
    case 6:
      return x.softmax(axis);
    case 7:
      return x.sub(x.mean(axis, true));
    case 8:
      return x.permute(...x.shape.map((_, i) => (i + 1) % x.ndim));
    case 9:
      return x.reshape(-1, last).tanh();
    case 10:
      return x.ndim >= 2 ? x.transpose(0, 1).reshape(x.shape) : x.flip(0);
    case 11:
      return x.shape[axis]! > 1 ? x.slice(axis, 1) : x.flip(axis);
    case 12:
      return x.matmul(fresh([last, 1 + below(5)])).tanh();
    case 13:
      return cat([x, x.cos()], axis).slice(axis, 0, x.shape[axis]!);
    case 14:
      return x.amax(axis, true).add(x);
    default:
      return where(x.gt(0), x, x.mul(0.1));
  }
}

/** The values and gradients of a random graph of `count` operations. */
async function run(device: Device, seed: number, count: number): Promise<readonly Float32Array[]> {
  const random = new Random(seed);
  const first = leaf(
    device,
    random,
    Array.from({ length: random.integer(1, 3) }, () => random.integer(1, 5)),
  );
  const [leaves, pool] = [[first], [first]];
  for (let i = 0; i < count; i++) pool.push(grow(pool, device, random, leaves));
  const outputs = pool.slice(-3);
  outputs
    .map((y) => y.square().mean())
    .reduce((a, b) => a.add(b))
    .backward();
  const all: Float32Array[] = [];
  for (const t of [...outputs, ...leaves.flatMap((x) => (x.grad ? [x.grad] : []))])
    all.push((await t.data()) as Float32Array);
  return all;
}

/** The largest difference, relative to the largest magnitude of each array. */
function difference(got: readonly Float32Array[], wanted: readonly Float32Array[]): number {
  if (got.length !== wanted.length || got.some((x, i) => x.length !== wanted[i]!.length))
    return Number.POSITIVE_INFINITY;
  let worst = 0;
  wanted.forEach((x, i) => {
    const scale = x.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-2);
    x.forEach((v, k) => {
      const d = Math.abs(v - got[i]![k]!) / scale;
      worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(worst, d);
    });
  });
  return worst;
}

async function fusionCase({ bench, devices, seed, effort }: CaseContext, group: number): Promise<void> {
  bench.need("float32", "bool");
  const under = { fused: await devices.own(), unfused: await devices.unfused() };
  const wrong = async (one: number, count: number): Promise<string | undefined> => {
    const wanted = await run(devices.reference, one, count);
    for (const [name, device] of Object.entries(under)) {
      const d = difference(await run(device, one, count), wanted);
      if (!(d <= tolerance)) return `${name}, it differs by ${d}`;
    }
    return undefined;
  };
  for (const one of new Random(seed + 1000 * group).seeds(Math.ceil(graphsPerCase * effort))) {
    const count = new Random(one).integer(4, 22);
    if ((await wrong(one, count)) === undefined) continue;
    for (let n = 1; n <= count; n++) {
      const why = await wrong(one, n);
      if (why) throw new ConformanceFailure(`graph ${one} of ${n} operations: ${why}`);
    }
  }
}

/** What rows of scores need for a loss and its gradients: memory for the scores, once. */
async function gradientOnScores({ bench, devices, seed }: CaseContext): Promise<void> {
  bench.need("float32");
  const [count, width, classes] = [61, 4, 1021];
  const device = await devices.own();
  const random = new Random(seed);
  const [x, w] = [leaf(device, random, [count, width]), leaf(device, random, [width, classes])];
  const ids = Int32Array.from({ length: count }, () => random.integer(0, classes - 1));
  const targets = fromTypedArray(ids, [count], { device });
  const before = device.memory().peakBytes;
  functional.crossEntropy(x.matmul(w), targets).backward();
  await x.grad!.data();
  await w.grad!.data();
  const needed = (device.memory().peakBytes - before) / (4 * count * classes);
  check(needed < 1.5, () => `the loss and its gradients take ${needed.toFixed(2)} times the memory of the scores`);
}

/** Random graphs in groups, and what results that lie on operands spare. */
export const fusionCases = {
  ...(Object.fromEntries(
    graphs.map((name, group) => [`fusion/graphs ${name}`, (context: CaseContext) => fusionCase(context, group)]),
  ) as CaseTable<`fusion/graphs ${(typeof graphs)[number]}`>),
  "fusion/a gradient on its scores": gradientOnScores,
} as const satisfies CaseTable;
