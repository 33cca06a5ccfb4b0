// Faults of kernels that check ids: each thread notes the first bad row of its share in its own two words of the block,
// so that which fault is reported does not depend on timing.

import { type FunctionBuilder, i32, type Local } from "../wasm/assembler.js";

const wordsPerThread = 2;

/** Words that faults of `threads` threads take. */
export const faultWords = (threads: number): number => threads * wordsPerThread;

/** A bad id and the row that has it. */
export type Fault = { readonly row: number; readonly id: number };

/** The fault of the first row, from the words of all threads; undefined when there is none. */
export function firstFault(words: Int32Array): Fault | undefined {
  let first: Fault | undefined;
  for (let i = 0; i < words.length; i += wordsPerThread) {
    const row = words[i]! - 1;
    if (row >= 0 && (!first || row < first.row)) first = { row, id: words[i + 1]! };
  }
  return first;
}

/** Notes row `row` with id `id` as this thread's fault, unless it has one. `faults` is the address of all words. */
export function emitNoteFault(
  f: FunctionBuilder,
  faults: Local<"i32">,
  thread: Local<"i32">,
  row: Local<"i32">,
  id: Local<"i32">,
): void {
  const mine = f.local("i32", i32.add(faults, i32.mul(thread, wordsPerThread * 4)));
  f.if(i32.eqz(i32.load(mine)), () => {
    f.store.i32(mine, i32.add(row, 1));
    f.store.i32(mine, id, 4);
  });
}
