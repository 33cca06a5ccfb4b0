// From a kernel's text to something that can be launched: looked up in memory, then on disk, then compiled.

import { TensorError } from "@torchium/tensor/backend";
import type { Gpu } from "../driver/gpu.js";
import type { CodeCache } from "./code-cache.js";
import type { Nvrtc } from "./nvrtc.js";

/** A kernel's text and the name of its function. */
export type KernelText = { readonly name: string; readonly source: string };

/** How kernels came to be. */
export type CompileCounters = { readonly compiled: number; readonly fromDisk: number };

/** The kernels of one GPU. */
export class Kernels {
  readonly #gpu: Gpu;
  readonly #compiler: Nvrtc;
  readonly #cache: CodeCache;
  readonly #functions = new Map<string, number>();
  readonly #modules: number[] = [];
  #compiled = 0;
  #fromDisk = 0;

  constructor(gpu: Gpu, compiler: Nvrtc, cache: CodeCache) {
    this.#gpu = gpu;
    this.#compiler = compiler;
    this.#cache = cache;
  }

  get counters(): CompileCounters {
    return { compiled: this.#compiled, fromDisk: this.#fromDisk };
  }

  /** The handle of a kernel, made when it is asked for first. @throws TensorError `internal`, `unsupported` */
  get(text: KernelText): number {
    return this.#functions.get(text.source) ?? this.#make(text);
  }

  /** Compiles several at once, on other threads, and keeps them for `get`. */
  async prepare(texts: readonly KernelText[]): Promise<void> {
    const missing = new Map(texts.filter((t) => !this.#functions.has(t.source)).map((t) => [t.source, t]));
    const compile = async (text: KernelText): Promise<void> => {
      const identity = this.identity(text.source);
      const stored = this.#cache.get(identity);
      const code = stored ?? (await this.#compiler.compileAside(text.source));
      if (!stored) this.#cache.put(identity, code);
      this.#gpu.enter();
      if (this.#functions.has(text.source)) return;
      this.#load(text, code);
      if (stored) this.#fromDisk++;
      else this.#compiled++;
    };
    await Promise.all([...missing.values()].map(compile));
  }

  /** Unloads everything. */
  close(): void {
    for (const module of this.#modules.splice(0)) this.#gpu.driver.functions.cuModuleUnload(module);
    this.#functions.clear();
  }

  /** All that decides a kernel's code. */
  identity(source: string): readonly string[] {
    return [this.#compiler.version, ...this.#compiler.options, source];
  }

  #make(text: KernelText): number {
    const identity = this.identity(text.source);
    const stored = this.#cache.get(identity);
    if (stored) {
      const handle = this.#loadStored(text, stored);
      if (handle !== undefined) return handle;
    }
    const code = this.#compiler.compile(text.source);
    this.#compiled++;
    this.#cache.put(identity, code);
    return this.#load(text, code);
  }

  /** Stored code that this driver does not take is compiled anew. */
  #loadStored(text: KernelText, code: Uint8Array): number | undefined {
    try {
      const handle = this.#load(text, code);
      this.#fromDisk++;
      return handle;
    } catch (error) {
      if (TensorError.is(error, "device-lost")) throw error;
      return undefined;
    }
  }

  #load({ name, source }: KernelText, code: Uint8Array): number {
    const { driver } = this.#gpu;
    driver.check(driver.functions.cuModuleLoadData(driver.out.bytes, code), `load the code of ${name}`);
    const module = driver.out.word;
    this.#modules.push(module);
    driver.check(driver.functions.cuModuleGetFunction(driver.out.bytes, module, name), `find the kernel ${name}`);
    const handle = driver.out.word;
    this.#functions.set(source, handle);
    return handle;
  }
}
