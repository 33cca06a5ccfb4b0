// Which thread writes to a row of a table. Every thread walks all updates and takes those of its own rows, so the updates
// of one row are added in order on any number of threads. Rows are dealt out by a hash: neighbours are often equally
// frequent words, and ids may have a common factor.

import { type Expr, i32, type Local } from "../wasm/assembler.js";

/** Whether `thread` of `threads` owns row `id`. */
export function emitOwns(id: Local<"i32">, thread: Local<"i32">, threads: Local<"i32">): Expr<"i32"> {
  // Fibonacci hashing (Knuth, TAOCP 6.4): the upper half of the product, as a fraction of the number of threads.
  const fraction = i32.shrU(i32.mul(id, 0x9e3779b1 | 0), 16);
  return i32.eq(i32.shrU(i32.mul(fraction, threads), 16), thread);
}
