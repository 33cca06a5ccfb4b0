// WebAssembly memories of the pool. A shared memory reserves its maximum as address space when it is made,
// so the largest maximum that the engine grants is looked for.

import { TensorError } from "../../errors.js";
import { maxMemoryPages } from "../wasm/assembler.js";

// Bytes of a page of WebAssembly memory.
const pageByteLength = 65536;

/** A memory of `initial` pages that can grow to `maximum` pages, or to as much of that as the engine grants. */
export function createMemory(shared: boolean, initial: number, maximum: number = maxMemoryPages): WebAssembly.Memory {
  for (let limit = maximum; limit >= initial; limit = Math.floor(limit / 2)) {
    try {
      return new WebAssembly.Memory({ initial, maximum: limit, shared });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new TensorError("out-of-memory", `cpu: the engine grants no WebAssembly memory of ${initial} pages`, {
    initial,
  });
}

/** Grows a memory until it has `byteLength` bytes; false when it cannot. */
export function growTo(memory: WebAssembly.Memory, byteLength: number): boolean {
  const missing = Math.ceil((byteLength - memory.buffer.byteLength) / pageByteLength);
  if (missing <= 0) return true;
  try {
    memory.grow(missing);
    return true;
  } catch {
    return false;
  }
}
