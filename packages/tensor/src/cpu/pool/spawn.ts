// Starting and ending threads: Node's worker threads and Web Workers behind one small interface.
// Nothing from Node is imported statically, so that bundles for browsers hold no trace of it.

import { type WorkerStart, workerSource } from "./worker-source.js";

/** A running worker. */
export interface Thread {
  terminate(): void;
}

interface NodeWorker {
  once(event: "message" | "error" | "exit", listener: (value: unknown) => void): void;
  removeAllListeners(): void;
  terminate(): Promise<number>;
  unref(): void;
}
interface NodeThreads {
  readonly Worker: new (source: string, options: object) => NodeWorker;
}

/**
 * Starts a worker; settles when it waits for work, or failed to come up. It does not keep a Node process alive, once it has
 * started or, `inBackground`, from the beginning.
 */
export async function spawn(start: WorkerStart, inBackground: boolean): Promise<Thread> {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (!process?.versions?.node) return spawnWeb(start);
  const name = "node:worker_threads";
  // No await where it can be helped: a program that never yields gets its workers, too. Older releases of Node 20 have no
  // getBuiltinModule; bundlers leave an import of a variable alone.
  const threads = process.getBuiltinModule?.(name) ?? (await import(/* @vite-ignore */ /* webpackIgnore: true */ name));
  return spawnNode(threads as NodeThreads, start, inBackground);
}

function spawnNode({ Worker }: NodeThreads, start: WorkerStart, inBackground: boolean): Promise<Thread> {
  return new Promise((resolve, reject) => {
    // Flags of the parent's command line (loaders, inspectors) are not for this worker.
    const worker = new Worker(workerSource, { eval: true, workerData: start, execArgv: [] });
    if (inBackground) worker.unref();
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the worker ended before it was ready")));
    worker.once("message", () => {
      worker.removeAllListeners();
      worker.unref();
      resolve({ terminate: () => void worker.terminate() });
    });
  });
}

function spawnWeb(start: WorkerStart): Promise<Thread> {
  return new Promise((resolve, reject) => {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message || "the worker could not be started"));
    worker.onmessage = () => {
      URL.revokeObjectURL(url);
      resolve({ terminate: () => worker.terminate() });
    };
    worker.postMessage(start);
  });
}
