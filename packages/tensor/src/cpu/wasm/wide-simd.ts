// 256-bit arithmetic on engines that can join neighbouring 128-bit operations of a kernel (V8's revectorization).
// It hangs on an experimental flag of the whole process, so it is switched on only by a user who asks for it.

import { detectFeatures } from "./features.js";

/** The first V8 in which the flag makes kernels faster and not only different. */
const firstV8 = 13;

/**
 * Switches 256-bit SIMD on for all WebAssembly that this process compiles from now on, and says whether it could: in Node from
 * version 24 on, with relaxed SIMD. Kernels then want groups of neighbouring vectors and the wide tiles of the matrix product.
 */
export function enableWideSimd(): boolean {
  const { process } = globalThis as { process?: NodeJS.Process };
  const major = Number.parseInt(process?.versions?.v8 ?? "", 10);
  const v8 = process?.getBuiltinModule?.("node:v8");
  if (!v8 || !(major >= firstV8) || !detectFeatures().relaxedSimd) return false;
  v8.setFlagsFromString("--experimental-wasm-revectorize");
  return true;
}
