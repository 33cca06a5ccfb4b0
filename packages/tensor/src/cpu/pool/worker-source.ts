// The program of a worker, as text: bundlers know nothing of it and no file is needed beside the library.
// It must stand alone: everything it uses arrives in its start message. After "ready" it never reads messages again,
// since a thread that waits on shared memory has no event loop; it ends when the pool stops it.

import type { layout } from "./layout.js";
import type { Natives } from "./natives.js";

/** What a worker is started with. */
export interface WorkerStart {
  readonly control: WebAssembly.Memory;
  readonly memory: WebAssembly.Memory;
  readonly executor: Uint8Array;
  readonly layout: typeof layout;
  /** Address of the first kernel record. */
  readonly records: number;
  readonly recordHeaderByteLength: number;
  /** Waits shorter than this make the worker linger at the next. */
  readonly lingerMilliseconds: number;
  readonly thread: number;
  readonly threads: number;
  readonly natives: Natives["worker"] | undefined;
}

/** JavaScript of the worker, for Node's worker threads (`eval`) and for Web Workers (a Blob). */
export const workerSource = /* js */ `
"use strict";
const nodeThreads = typeof process === "object" && process.versions && process.versions.node
  ? (process.getBuiltinModule ? process.getBuiltinModule("node:worker_threads") : require("node:worker_threads"))
  : undefined;

function serve(start, post) {
  const { control, memory, executor, layout, records, recordHeaderByteLength, lingerMilliseconds } = start;
  const { thread, threads, natives } = start;
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  const { wait, linger, walk, publish, enter, leave } = new WebAssembly.Instance(new WebAssembly.Module(executor), {
    env: { memory: control, table },
  }).exports;
  const instances = new Map();
  const load = typeof require === "function" ? require : undefined;
  const native = natives ? (0, eval)("(" + natives.source + ")")(memory, natives.data, load) : {};
  let record = records;

  // The buffer object is taken anew each time: an old one ends where the memory ended when it was made.
  const words = () => new Int32Array(control.buffer);
  const bytes = (address, length) => new Uint8Array(control.buffer).slice(address, address + length);

  function loadKernels() {
    while (table.length < Atomics.load(words(), layout.kernelCount / 4)) {
      const [module, moduleLength, nameLength, next] = words().subarray(record / 4, record / 4 + 4);
      let instance = instances.get(module);
      if (!instance) {
        instance = new WebAssembly.Instance(new WebAssembly.Module(bytes(module, moduleLength)), {
          env: { memory },
          math: Math,
          native,
        });
        instances.set(module, instance);
      }
      const name = new TextDecoder().decode(bytes(record + recordHeaderByteLength, nameLength));
      table.grow(1, instance.exports[name]);
      record = next;
    }
  }

  function fail(error) {
    const slot = layout.failure / 4;
    if (Atomics.compareExchange(words(), slot, 0, 1) === 0) {
      const message = new TextEncoder().encode(String(error && error.message || error));
      const length = Math.min(message.length, layout.failureMessageCapacity);
      words().set([thread, length], slot + 1);
      new Uint8Array(control.buffer).set(message.subarray(0, length), layout.failure + 12);
    }
    Atomics.store(words(), layout.aborted / 4, 1);
    publish(layout.barrier, Atomics.load(words(), layout.barrier / 4) + 1);
  }

  let submit = Atomics.load(words(), layout.submit / 4);
  Atomics.add(words(), layout.joined / 4, 1);
  post("ready");
  let lingers = false;
  for (;;) {
    const idleSince = performance.now();
    submit = (lingers ? linger : wait)(layout.submit, submit, 1);
    lingers = performance.now() - idleSince < lingerMilliseconds;
    if (Atomics.load(words(), layout.stopped / 4)) return;
    // Others have run its share where it comes too late.
    if (!enter()) continue;
    try {
      loadKernels();
      walk(thread, threads, 1);
    } catch (error) {
      fail(error);
    }
    leave();
  }
}

if (nodeThreads) serve(nodeThreads.workerData, (message) => nodeThreads.parentPort.postMessage(message));
else onmessage = ({ data }) => { serve(data, postMessage); close(); };
`;
