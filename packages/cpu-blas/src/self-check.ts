// A library is believed only after it has multiplied right: a build that takes other integers than found out, or that lacks
// kernels for the processor, shows here and not in somebody's model.

import type { BlasProducts } from "@torchium/tensor";

const [rows, columns, inner] = [5, 7, 3] as const;

/** Multiplies small matrices of whole numbers every way. @throws Error where a result is wrong */
export function checkProducts(connect: (memory: WebAssembly.Memory) => BlasProducts): void {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const products = connect(memory);
  for (const [name, View] of [["gemmFloat32", Float32Array] as const, ["gemmFloat64", Float64Array] as const]) {
    for (const [aTransposed, bTransposed] of [[0, 0] as const, [0, 1] as const, [1, 0] as const, [1, 1] as const]) {
      const all = new View(memory.buffer).fill(Number.NaN);
      // Leading dimensions one longer than needed; A at element 16, B at 64, C at 128.
      const [aLeading, bLeading, cLeading] = [(aTransposed ? rows : inner) + 1, (bTransposed ? inner : columns) + 1, 9];
      const aAt = (i: number, k: number) => 16 + (aTransposed ? k * aLeading + i : i * aLeading + k);
      const bAt = (k: number, j: number) => 64 + (bTransposed ? j * bLeading + k : k * bLeading + j);
      for (let k = 0; k < inner; k++) {
        for (let i = 0; i < rows; i++) all[aAt(i, k)] = 3 * i - k;
        for (let j = 0; j < columns; j++) all[bAt(k, j)] = j + 2 * k - 4;
      }
      const address = (element: number) => element * View.BYTES_PER_ELEMENT;
      products[name](
        ...[aTransposed, bTransposed, rows, columns, inner, address(16), aLeading, address(64), bLeading, address(128)],
        cLeading,
      );
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let expected = 0;
          for (let k = 0; k < inner; k++) expected += (3 * i - k) * (j + 2 * k - 4);
          const got = all[128 + i * cLeading + j];
          if (got !== expected) throw new Error(`its products are wrong, got ${got}, expected ${expected}`);
        }
      }
    }
  }
}
