// Every number of 16 bits, and every place where rounding to one decides, converted on the device as on the host.

import { type Device, fromTypedArray } from "@torchium/tensor";
import { halfFloats } from "@torchium/tensor/backend";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWebGpuDevice } from "../index.js";
import { findTestAdapter, testAdapter } from "../testing/adapter.js";

const available = (await findTestAdapter()) !== undefined;

/** The float32 number whose bits are `steps` more: next to `x`, away from zero. */
function beside(x: number, steps: number): number {
  const single = Float32Array.of(x);
  new Uint32Array(single.buffer)[0]! += steps;
  return single[0]!;
}

/** All numbers of a type, by their bits. */
const numbersOf = (dtype: keyof typeof halfFloats): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfFloats[dtype].numberOf(bits));

/** Below, on and above the middle between each number and the next, both signs: where the last bit decides. */
function middles(dtype: keyof typeof halfFloats): Float32Array<ArrayBuffer> {
  const { numberOf } = halfFloats[dtype];
  const values: number[] = [];
  for (let bits = 0; bits < 0x8000; bits++) {
    const [x, next] = [numberOf(bits), numberOf(bits + 1)];
    if (!Number.isFinite(x)) break;
    const middle = Number.isFinite(next) ? (x + next) / 2 : x + (x - numberOf(bits - 1)) / 2;
    for (const y of [beside(middle, -1), middle, beside(middle, 1)]) values.push(y, -y);
  }
  return Float32Array.from([...values, 65520, 1e5, 3.4028234663852886e38]);
}

/** Where two arrays differ, the signs of zeros included. */
const differences = (got: ArrayLike<number>, expected: ArrayLike<number>, of: ArrayLike<number>): string[] =>
  Array.from(expected, (value, i) => [value, i] as const)
    .filter(([value, i]) => !Object.is(got[i], value))
    .map(([value, i]) => `${of[i]}: got ${got[i]}, expected ${value}`);

describe.skipIf(!available)(`16 bits on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  let device: Device;
  beforeAll(async () => {
    device = await createWebGpuDevice({ adapter: await testAdapter() });
  });
  afterAll(() => device.dispose());

  describe.each(["float16", "bfloat16"] as const)("%s", (dtype) => {
    it("becomes float32: all 65,536 numbers", async () => {
      const numbers = numbersOf(dtype);
      const halves = fromTypedArray(numbers, [numbers.length], { dtype, device });
      expect(differences(await halves.to("float32").data(), numbers, numbers)).toEqual([]);
    });

    it("is made of float32: all numbers, and around the middle between any two", async () => {
      const { bitsOf, numberOf } = halfFloats[dtype];
      for (const values of [numbersOf(dtype), middles(dtype)]) {
        const expected = values.map((x) => numberOf(bitsOf(x)));
        const got = await fromTypedArray(values, [values.length], { device }).to(dtype).data();
        expect(differences(got, expected, values)).toEqual([]);
      }
    });
  });
});
