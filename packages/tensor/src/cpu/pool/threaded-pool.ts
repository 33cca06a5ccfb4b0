// A pool of several threads: workers that wait on a shared control memory, and the caller as thread 0.
// The caller writes commands into the control memory before it opens a submit, never during one.

import { TensorError } from "../../errors.js";
import { Control } from "./control.js";
import { type Executor, executorModule, lingerMilliseconds } from "./executor.js";
import { disposedError, Instances, messageOf, trapError } from "./kernels.js";
import { commandFlags, layout, recordHeaderByteLength } from "./layout.js";
import type { Natives } from "./natives.js";
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
  const pool = new ThreadedPool(threads, memory, natives);
  await pool.start(false);
  return pool;
}

/** A pool of threads over shared memory that can be used at once. See `createPoolSync`. */
export class ThreadedPool implements Pool {
  readonly shared = true;
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  readonly #control = new Control();
  readonly #module = executorModule();
  readonly #executor: Executor;
  readonly #natives: Natives | undefined;
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  readonly #instances: Instances;
  readonly #names: string[] = [];
  readonly #maySleep = maySleep() ? 1 : 0;
  #starting: Promise<readonly Thread[]> | undefined;
  #joined = false;
  #submit = 0;
  /** Shares of what has begun and was not joined yet, 0 for nothing. */
  #pending = 0;
  #disposed = false;

  constructor(threads: number, memory: WebAssembly.Memory, natives?: Natives) {
    this.threads = threads;
    this.memory = memory;
    this.#natives = natives;
    this.#instances = new Instances(memory, natives?.connect(memory));
    const imports = { env: { memory: this.#control.memory, table: this.#table } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(this.#module), imports);
    this.#executor = exports as unknown as Executor;
  }

  /** Whether all workers are up. */
  get joined(): boolean {
    this.#joined ||= this.#control.word(layout.joined) === this.threads - 1;
    return this.#joined;
  }

  /** Starts the workers; settles when all wait for work. @throws TensorError `unsupported` when one does not start */
  async start(inBackground: boolean): Promise<void> {
    this.#starting ??= this.#spawn(inBackground);
    await this.#starting;
  }

  async #spawn(inBackground: boolean): Promise<readonly Thread[]> {
    const { threads, memory } = this;
    const { records } = this.#control;
    const natives = this.#natives?.worker;
    const shared = { control: this.#control.memory, memory, executor: this.#module, natives };
    const start = { ...shared, layout, records, recordHeaderByteLength, lingerMilliseconds, threads };
    const outcomes = await Promise.allSettled(
      Array.from({ length: threads - 1 }, (_, i) => spawn({ ...start, thread: i + 1 }, inBackground)),
    );
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    const workers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    if (!failed) return workers;
    for (const worker of workers) worker.terminate();
    const reason = messageOf(failed.reason);
    throw new TensorError("unsupported", `createPool: a worker did not start: ${reason}`, { threads }, failed.reason);
  }

  register(module: Uint8Array<ArrayBuffer>, name: string): number {
    this.join();
    this.#check();
    const kernel = this.#instances.kernel(module, name);
    this.#control.addKernel(module, name);
    this.#names.push(name);
    return this.#table.grow(1, kernel);
  }

  begin(commands: Int32Array, count: number): boolean {
    this.join();
    this.#check();
    if (count === 0) return false;
    // Waking the workers for nothing would cost more than a small kernel.
    const parallel = needsWorkers(commands, count);
    // Until they are up the caller runs all shares, and those of a worker that does not come up.
    const joined = this.joined;
    if (parallel && !joined) this.start(true).catch(() => {});
    this.#executor.close(this.#maySleep);
    this.#control.setCommands(commands, count, this.threads);
    // What is the caller's alone stays closed: a worker that comes late, for the submit before, would run it as well.
    if (parallel) {
      this.#control.setWord(layout.open, 1);
      this.#submit = (this.#submit + 1) | 0;
      this.#executor.publish(layout.submit, this.#submit);
    }
    this.#pending = parallel ? this.threads : 1;
    if (parallel && joined) return true;
    this.join();
    return false;
  }

  join(): void {
    const shares = this.#pending;
    if (shares === 0) return;
    this.#pending = 0;
    let cause: unknown;
    try {
      this.#executor.walk(0, shares, this.#maySleep);
    } catch (error) {
      cause = error;
      this.#control.fail(0, messageOf(error));
      this.#executor.publish(layout.barrier, this.#control.word(layout.barrier) + 1);
    }
    // Whoever comes now comes too late.
    this.#control.setWord(layout.open, 0);
    if (!this.#control.failed) return;
    this.#executor.close(this.#maySleep);
    const failure = this.#control.takeFailure();
    throw trapError(this.#names[failure.kernel] ?? "?", failure.thread, failure.message, cause);
  }

  run(commands: Int32Array, count: number): void {
    this.begin(commands, count);
    this.join();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    try {
      // A worker that is ended in the middle of its share would be waited for for ever.
      this.join();
    } catch {
      // Of work that nobody will read.
    }
    this.#control.setWord(layout.stopped, 1);
    this.#executor.publish(layout.submit, this.#submit + 1);
    this.#starting?.then(
      (workers) => {
        for (const worker of workers) worker.terminate();
      },
      () => {},
    );
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
