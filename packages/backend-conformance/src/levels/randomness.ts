// Random numbers are the same on every backend: words, what is made of them without rounding, and masks, to the bit;
// normal numbers as closely as their logarithms and cosines are computed.

import { type Device, fromTypedArray, Generator, rand, randint, randn, type Tensor } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import type { CaseContext, CaseTable } from "../case.js";
import { check } from "../failure.js";

type Draw = (device: Device, generator: Generator, length: number) => Tensor;

const lengths = [1, 5, 64, 1003];

async function same(context: CaseContext, draw: Draw, tolerance: number): Promise<void> {
  const { bench, devices, seed } = context;
  bench.need("float32", "int32", "uint32", "bool");
  const own = await devices.own();
  for (const length of lengths) {
    // The second draw of a generator is another stream.
    const [ours, theirs] = [new Generator(seed), new Generator(seed)];
    for (let stream = 0; stream < 2; stream++) {
      const got = await draw(own, ours, length).data();
      const wanted = await draw(devices.reference, theirs, length).data();
      wanted.forEach((w, i) => {
        const near = Object.is(got[i], w) || Math.abs(got[i]! - w) <= tolerance * Math.max(1, Math.abs(w));
        check(near, () => `element ${i} of ${length}, stream ${stream}: got ${got[i]}, expected ${w}`);
      });
    }
  }
}

const dropped: Draw = (device, generator, length) => {
  const x = fromTypedArray(new Float32Array(length).fill(1), [length], { device });
  return F.dropout(x, 0.25, { generator }).ne(0);
};

/** Random numbers. */
export const randomnessCases = {
  "randomness/uniform": (c) => same(c, (device, generator, n) => rand(n, { device, generator }), 0),
  "randomness/integers": (c) => same(c, (device, generator, n) => randint(-5, 1000, [n], { device, generator }), 0),
  "randomness/dropout masks": (c) => same(c, dropped, 0),
  "randomness/normal": (c) => same(c, (device, generator, n) => randn(n, { device, generator }), 1e-5),
} as const satisfies CaseTable;
