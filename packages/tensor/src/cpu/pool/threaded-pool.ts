// A pool of several threads: workers that wait on a shared control memory, and the caller as thread 0.
// The caller writes commands and kernels into the control memory before it publishes a submit, never during one.

import { TensorError } from "../../errors.js";
import { Control } from "./control.js";
import { type Executor, executorModule } from "./executor.js";
import { disposedError, Instances, messageOf, trapError } from "./kernels.js";
import { commandFlags, layout, recordHeaderByteLength } from "./layout.js";
import type { NativeFunctions, Natives } from "./natives.js";
import type { Pool } from "./pool.js";
import { spawn, type Thread } from "./spawn.js";

/**
 * A pool of `threads` threads over shared `memory`.
 * @throws TensorError `unsupported` when its workers do not start.
 */
export async function createThreadedPool(
  threads: number,
  memory: WebAssembly.Memory,
  natives?: Natives,
): Promise<Pool> {
  // Before any worker starts: it may fail.
  const native = natives?.connect(memory);
  const control = new Control();
  const executor = executorModule();
  const start = {
    ...{ control: control.memory, memory, executor, layout, records: control.records, recordHeaderByteLength },
    natives: natives?.worker,
  };
  const starting = Array.from({ length: threads - 1 }, (_, i) => spawn({ ...start, thread: i + 1, threads }));
  const outcomes = await Promise.allSettled(starting);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  const workers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  if (!failed) return new ThreadedPool(threads, memory, control, executor, workers, native);
  for (const worker of workers) worker.terminate();
  const reason = messageOf(failed.reason);
  throw new TensorError("unsupported", `createPool: a worker did not start: ${reason}`, { threads }, failed.reason);
}

class ThreadedPool implements Pool {
  readonly shared = true;
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  readonly #control: Control;
  readonly #workers: readonly Thread[];
  readonly #executor: Executor;
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  readonly #instances: Instances;
  readonly #names: string[] = [];
  readonly #maySleep = maySleep() ? 1 : 0;
  #submit = 0;
  #disposed = false;

  constructor(
    threads: number,
    memory: WebAssembly.Memory,
    control: Control,
    executor: Uint8Array<ArrayBuffer>,
    workers: readonly Thread[],
    native: NativeFunctions | undefined,
  ) {
    this.threads = threads;
    this.memory = memory;
    this.#control = control;
    this.#workers = workers;
    this.#instances = new Instances(memory, native);
    const imports = { env: { memory: control.memory, table: this.#table } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(executor), imports);
    this.#executor = exports as unknown as Executor;
  }

  register(module: Uint8Array<ArrayBuffer>, name: string): number {
    this.#check();
    const kernel = this.#instances.kernel(module, name);
    this.#control.addKernel(module, name);
    this.#names.push(name);
    return this.#table.grow(1, kernel);
  }

  run(commands: Int32Array, count: number): void {
    this.#check();
    if (count === 0) return;
    this.#control.setCommands(commands, count);
    // Waking the workers for nothing would cost more than a small kernel.
    const parallel = needsWorkers(commands, count);
    const last = this.#submit;
    if (parallel) {
      this.#submit = (this.#submit + 1) | 0;
      this.#executor.publish(layout.submit, this.#submit);
    }
    let cause: unknown;
    try {
      this.#executor.walk(0, parallel ? this.threads : 1, this.#maySleep);
    } catch (error) {
      cause = error;
      this.#control.fail(0, messageOf(error));
      this.#executor.publish(layout.barrier, this.#control.word(layout.barrier) + 1);
    }
    if (parallel) this.#executor.wait(layout.done, last, this.#maySleep);
    const failure = this.#control.takeFailure();
    if (failure) throw trapError(this.#names[failure.kernel] ?? "?", failure.thread, failure.message, cause);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#control.setWord(layout.stopped, 1);
    this.#executor.publish(layout.submit, this.#submit + 1);
    for (const worker of this.#workers) worker.terminate();
  }

  #check(): void {
    if (this.#disposed) throw disposedError();
  }
}

function needsWorkers(commands: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if ((commands[4 * i + 2] as number) & commandFlags.parallel || commands[4 * i + 3] !== 0) return true;
  }
  return false;
}

/** Whether this thread may sleep on shared memory; the main thread of a browser may not. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
