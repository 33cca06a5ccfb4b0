// Kernels of one thread: modules instantiated over the data memory, by index.

import { TensorError } from "../../errors.js";
import type { NativeFunctions } from "./natives.js";

/** A kernel: (parameters' address, thread, threads). */
export type Kernel = (params: number, thread: number, threads: number) => void;

/** Instantiates modules over one memory, each once. */
export class Instances {
  readonly #imports: WebAssembly.Imports;
  readonly #known = new WeakMap<Uint8Array, WebAssembly.Instance>();

  constructor(memory: WebAssembly.Memory, native: NativeFunctions = {}) {
    this.#imports = { env: { memory }, math: Math as unknown as WebAssembly.ModuleImports, native };
  }

  /** The export `name` of the module. */
  kernel(module: Uint8Array<ArrayBuffer>, name: string): Kernel {
    const kernel = this.#instance(module, name).exports[name];
    if (typeof kernel !== "function")
      throw new TensorError("internal", `cpu: kernel ${name} is not exported`, { name });
    return kernel as Kernel;
  }

  #instance(module: Uint8Array<ArrayBuffer>, name: string): WebAssembly.Instance {
    const known = this.#known.get(module);
    if (known) return known;
    try {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(module), this.#imports);
      this.#known.set(module, instance);
      return instance;
    } catch (error) {
      throw new TensorError("internal", `cpu: kernel ${name} does not compile: ${messageOf(error)}`, { name }, error);
    }
  }
}

/** The error of a kernel that trapped. */
export function trapError(name: string, thread: number, message: string, cause?: unknown): TensorError {
  return new TensorError(
    "internal",
    `cpu: kernel ${name} failed on thread ${thread}: ${message}`,
    { name, thread },
    cause,
  );
}

/** The error of using a pool after its end. */
export function disposedError(): TensorError {
  return new TensorError("disposed", "cpu: the pool has been disposed");
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
