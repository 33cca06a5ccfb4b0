// The executor of the CPU backend: a command list is walked by all threads that are awake at once, the caller being thread 0.
// Between submits workers spin briefly and then sleep; they never keep a process alive.

import { argumentError, TensorError } from "../../errors.js";
import { detectFeatures } from "../wasm/features.js";
import { maxThreads } from "./layout.js";
import { createMemory } from "./memory.js";
import type { Natives } from "./natives.js";
import { createSinglePool } from "./single-pool.js";
import { createThreadedPool, ThreadedPool } from "./threaded-pool.js";

/** Runs lists of kernels over one memory on a fixed number of threads. */
export interface Pool {
  /** The data memory, all the caller's to lay out. `memory.buffer` is a new object after each growth. */
  readonly memory: WebAssembly.Memory;
  /** Whether the memory is shared, which kernels must say in their import. */
  readonly shared: boolean;
  /** Threads that run a parallel command, the caller included. */
  readonly threads: number;
  /**
   * Adds a kernel: the export `name`, of type (parameters' address, thread, threads) → nothing, of a module that imports
   * nothing but `env.memory`, JavaScript's Math as `math` and the pool's natives as `native`. Returns its index for commands.
   * Modules registered as the same object are instantiated once.
   * @throws TensorError `internal` if the module is not valid or has no such export.
   */
  register(module: Uint8Array<ArrayBuffer>, name: string): number;
  /**
   * Begins to run the first `count` commands of the list, four words each: kernel, parameters' address, `commandFlags`, and the
   * thread to whose share a command belongs that is not parallel (called as if it were the only one). Joins what was begun
   * before. The workers do all of it, unless the caller joins them; what is not worth waking them for is done at once.
   * Returns whether there is something to join.
   * @throws TensorError `internal` as `join`
   */
  begin(commands: Int32Array, count: number): boolean;
  /**
   * Helps to finish what has begun, and returns when all is done. Until then the commands' memory is the workers'.
   * @throws TensorError `internal` when a kernel trapped on any thread; the pool can be used on.
   */
  join(): void;
  /** `begin` and `join`. */
  run(commands: Int32Array, count: number): void;
  /** Ends the workers. Using the pool afterwards throws `disposed`. */
  dispose(): void;
}

/** Options of `createPool`. */
export interface PoolOptions {
  /** Threads, the caller included; by default as many as the machine runs at once. */
  readonly threads?: number;
  /** The data memory; by default a new one that can grow as far as the engine lets it. */
  readonly memory?: WebAssembly.Memory;
  /** Functions that kernels import as `native`. */
  readonly natives?: Natives;
}

/**
 * Makes a pool. Where the engine shares no memory (a page without cross-origin isolation) it runs on the caller alone; where
 * workers do not start (a content security policy), too, unless `threads` or natives were asked for. `pool.threads` says what
 * came of it.
 * @throws TensorError `argument` for a number of threads that makes no sense, `unsupported` without SIMD, or when the workers
 * for an explicit number of threads, or for natives, do not start.
 */
export async function createPool(options: PoolOptions = {}): Promise<Pool> {
  const wanted = options.threads ?? defaultThreads();
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > maxThreads) {
    throw argumentError("createPool", "threads", `an integer from 1 to ${maxThreads}`, wanted);
  }
  const features = checkedFeatures();
  const { memory: given, natives } = options;
  const shareable = given === undefined || isShared(given);
  if (wanted > 1 && features.threads && shareable) {
    try {
      return await createThreadedPool(wanted, given ?? createMemory(true, 1), natives);
    } catch (error) {
      if (options.threads !== undefined || natives) throw error;
    }
  }
  return createSinglePool(given ?? createMemory(false, 1), natives);
}

/**
 * A pool with the machine's threads that can be used at once, without waiting for its workers: they start at the first
 * parallel submit and take their shares from the caller when they are up. On the caller alone where the engine shares no
 * memory.
 * @throws TensorError `unsupported` without SIMD.
 */
export function createPoolSync(): Pool {
  const threads = defaultThreads();
  return checkedFeatures().threads && threads > 1
    ? new ThreadedPool(threads, createMemory(true, 1))
    : createSinglePool(createMemory(false, 1));
}

function checkedFeatures(): ReturnType<typeof detectFeatures> {
  const features = detectFeatures();
  if (!features.simd) throw new TensorError("unsupported", "createPool: this engine has no WebAssembly SIMD");
  return features;
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
}

function defaultThreads(): number {
  const { navigator, process } = globalThis as {
    navigator?: { hardwareConcurrency?: number };
    process?: NodeJS.Process;
  };
  const os = process?.getBuiltinModule?.("node:os");
  return Math.min(maxThreads, os?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1);
}
