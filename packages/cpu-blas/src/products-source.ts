// The products of one thread, as text: every thread of the pool evaluates it for itself, since no function can be handed to
// another thread. It must stand alone: everything it uses arrives as an argument.

import type { BlasProducts } from "@torchium/tensor";

/** What a thread needs to call the library. */
export interface ProductsData {
  /** The module to require. */
  readonly koffi: string;
  readonly path: string;
  readonly names: { readonly float32: string; readonly float64: string };
  readonly integer: "int" | "int64_t";
}

/** The type of what `productsSource` evaluates to. */
export type ConnectProducts = (memory: WebAssembly.Memory, data: ProductsData, require: NodeJS.Require) => BlasProducts;

/** JavaScript of a `ConnectProducts`. */
export const productsSource = /* js */ `
(memory, { koffi, path, names, integer }, require) => {
  const native = require(koffi);
  const library = native.load(path);
  const [rowMajor, plain, transposed] = [101, 111, 112];

  // Where the memory is. A shared one never moves; one that is not may when it grows, and then has another buffer.
  let buffer;
  let start = 0;
  const at = (address) => {
    if (memory.buffer !== buffer) {
      buffer = memory.buffer;
      start = Number(native.address(new Uint8Array(buffer)));
    }
    return start + (address >>> 0);
  };

  const product = (name, real) => {
    const sizes = [integer, integer, integer];
    const matrix = ["uintptr_t", integer];
    const gemm = library.func(name, "void", ["int", "int", "int", ...sizes, real, ...matrix, ...matrix, real, ...matrix]);
    return (aTransposed, bTransposed, rows, columns, inner, a, aLeading, b, bLeading, c, cLeading) => {
      gemm(
        rowMajor,
        aTransposed ? transposed : plain,
        bTransposed ? transposed : plain,
        rows,
        columns,
        inner,
        1,
        at(a),
        aLeading,
        at(b),
        bLeading,
        0,
        at(c),
        cLeading,
      );
    };
  };
  return { gemmFloat32: product(names.float32, "float"), gemmFloat64: product(names.float64, "double") };
}`;
