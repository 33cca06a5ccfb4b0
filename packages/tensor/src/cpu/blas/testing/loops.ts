// A library of matrix products in plain loops, so that everything around a real one is tested on every machine.

import type { Blas, BlasProducts } from "../blas.js";

/** Stands alone: it runs in workers as text. Sums in float64, for either type. */
function connect(memory: WebAssembly.Memory, counts: SharedArrayBuffer): BlasProducts {
  const calls = new Int32Array(counts);
  const productOf =
    (View: Float32ArrayConstructor | Float64ArrayConstructor): BlasProducts["gemmFloat32"] =>
    (aTransposed, bTransposed, rows, columns, inner, a, aLeading, b, bLeading, c, cLeading) => {
      Atomics.add(calls, 0, 1);
      const all = new View(memory.buffer);
      const [aAt, bAt, cAt] = [a, b, c].map((address) => (address >>> 0) / View.BYTES_PER_ELEMENT) as [
        number,
        number,
        number,
      ];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          for (let k = 0; k < inner; k++) {
            const x = all[aAt + (aTransposed ? k * aLeading + i : i * aLeading + k)] as number;
            const y = all[bAt + (bTransposed ? j * bLeading + k : k * bLeading + j)] as number;
            sum += x * y;
          }
          all[cAt + i * cLeading + j] = sum;
        }
      }
    };
  return { gemmFloat32: productOf(Float32Array), gemmFloat64: productOf(Float64Array) };
}

/** The library, and how often its products were called on any thread. */
export function loopLibrary(leastMultiplyAdds: number): { readonly blas: Blas; readonly calls: () => number } {
  const counts = new SharedArrayBuffer(4);
  const blas: Blas = {
    description: "plain loops",
    leastMultiplyAdds,
    connect: (memory) => connect(memory, counts),
    worker: { source: connect.toString(), data: counts },
  };
  return { blas, calls: () => new Int32Array(counts)[0] as number };
}
