// What the engine's WebAssembly takes, found by validating tiny modules.
// Answers are a property of the process, so they are asked for once.

import { atomics, f32x4, ModuleBuilder, relaxed, type Vector } from "./assembler.js";

/** WebAssembly features that kernels choose by. */
export interface WasmFeatures {
  /** 128-bit SIMD; without it the CPU backend cannot run. */
  readonly simd: boolean;
  /** Relaxed SIMD: `madd` is one instruction with one rounding where the processor has FMA. */
  readonly relaxedSimd: boolean;
  /** Shared memories and atomics, and the right to make them (cross-origin isolation in browsers). */
  readonly threads: boolean;
}

let detected: WasmFeatures | undefined;

/** Detects the features of this engine. */
export function detectFeatures(): WasmFeatures {
  detected ??= {
    simd: takes(f32x4.add),
    relaxedSimd: takes((a) => relaxed.maddF32x4(a, a, a)),
    threads: sharesMemory(),
  };
  return detected;
}

function takes(instruction: (a: Vector, b: Vector) => Vector): boolean {
  const module = new ModuleBuilder();
  module.function({ params: { x: "v128" }, result: "v128" }, (f, { x }) => f.return(instruction(x, x)));
  return WebAssembly.validate(module.finish());
}

function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared: true });
  module.function({ params: {}, result: "i32" }, (f) => f.return(atomics.load(0)));
  if (!WebAssembly.validate(module.finish())) return false;
  try {
    // A page that is not cross-origin isolated cannot hand shared memory to its workers.
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return (
      buffer instanceof SharedArrayBuffer &&
      (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false
    );
  } catch {
    return false;
  }
}
