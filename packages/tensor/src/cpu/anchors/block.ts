// Parameter blocks of hand-written kernels: named words, read by name in the kernel and filled by name on the host.

import { type FunctionBuilder, i32, type Local } from "../wasm/assembler.js";

/** Names of the words of a block, in order. */
export type WordNames = readonly string[];

/** Where a word is, in words from the block's start. */
export const wordOf = <N extends WordNames>(names: N, name: N[number]): number => names.indexOf(name);

/** Loads every word of a block into a local. */
export function loadWords<N extends WordNames>(
  f: FunctionBuilder,
  names: N,
  params: Local<"i32">,
): Readonly<Record<N[number], Local<"i32">>> {
  const locals = names.map((name, i) => [name, f.local("i32", i32.load(params, i * 4))]);
  return Object.fromEntries(locals) as Record<N[number], Local<"i32">>;
}

/** A block with the given words, and `extra` words of 0 after them. */
export function makeBlock<N extends WordNames>(
  names: N,
  values: Partial<Record<N[number], number>>,
  extra = 0,
): readonly number[] {
  const block = new Array<number>(names.length + extra).fill(0);
  names.forEach((name, i) => {
    block[i] = values[name as N[number]] ?? 0;
  });
  return block;
}
