// The part of the pool that runs in WebAssembly on every thread: walking the command list, barriers, waiting.
// Waiting spins first, because sleeping and waking costs 20 to 35 µs; sleepers are counted, so that nobody is
// notified in vain.

import { atomics, type FunctionBuilder, i32, type Local, ModuleBuilder } from "../wasm/assembler.js";
import { commandByteLength, commandFlags, layout } from "./layout.js";

/**
 * Turns spent spinning on a word before sleeping, about 25 µs: what waking costs. Where other processes want the processors,
 * a thread that spins may hold up the very one it waits for, so longer spinning costs more than it saves.
 */
const spins = 10_000;

/** The same for a worker that the next submit is likely to reach soon (`lingerMilliseconds`): about a millisecond. */
const lingeringSpins = 400_000;

/**
 * A worker that waited for its last submit for less than this spins about as long for the next one: between the steps of
 * a training the host works for a few hundred µs, and a sleeper would join late at each. One that is used now and then, or no more,
 * sleeps at once.
 */
export const lingerMilliseconds = 1;

/** The functions of the executor. */
export interface Executor {
  /** Returns the word at `address` once it differs from `old`; never sleeps when `maySleep` is 0. */
  readonly wait: (address: number, old: number, maySleep: number) => number;
  /** The same, but spins for longer before it sleeps. */
  readonly linger: (address: number, old: number, maySleep: number) => number;
  /** Writes the word at `address` and wakes its sleepers. */
  readonly publish: (address: number, value: number) => void;
  /** Runs this thread's part of the command list; ends early when another thread has failed. */
  readonly walk: (thread: number, threads: number, maySleep: number) => void;
  /** Counts this worker as finished with submit `submit`; the last of `workers` publishes it. */
  readonly finish: (workers: number, submit: number) => void;
}

/** Module bytes of the executor; it imports `env.memory`, the control memory, and `env.table`, the kernels. */
export function executorModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared: true });
  module.importTable("env", "table");
  const kernel = module.type({ params: ["i32", "i32", "i32"] });

  const waitFunction = (name: string, turns: number) =>
    module.function(
      { params: { address: "i32", old: "i32", maySleep: "i32" }, result: "i32", export: name },
      (f, { address, old, maySleep }) => {
        const left = f.local("i32", turns);
        const value = f.local("i32");
        f.loop((again) => {
          f.if(i32.ne(f.tee(value, atomics.load(address)), old), () => f.return(value));
          f.set(left, i32.sub(left, 1));
          f.brIf(again, i32.or(i32.gtS(left, 0), i32.eqz(maySleep)));
          // Counted before the word is looked at for the last time (by the wait itself): a publisher either sees the
          // sleeper or has already changed the word.
          f.drop(atomics.add(address, 1, 4));
          f.drop(atomics.wait(address, old, -1n));
          f.drop(atomics.sub(address, 1, 4));
          f.br(again);
        });
        f.unreachable();
      },
    );
  const wait = waitFunction("wait", spins);
  waitFunction("linger", lingeringSpins);

  const publish = module.function(
    { params: { address: "i32", value: "i32" }, export: "publish" },
    (f, { address, value }) => {
      f.store.i32Atomic(address, value);
      f.if(atomics.load(address, 4), () => f.drop(atomics.notify(address, -1)));
    },
  );

  const barrier = (f: FunctionBuilder, threads: Local<"i32">, maySleep: Local<"i32">) => {
    const passed = f.local("i32", atomics.load(layout.barrier));
    // After the load above: whoever aborts moves the barrier on, so it is either seen here or ends the wait.
    f.if(atomics.load(layout.aborted), () => f.return());
    f.if(
      i32.eq(i32.add(atomics.add(layout.arrived, 1), 1), threads),
      () => {
        f.store.i32Atomic(layout.arrived, 0);
        f.call(publish, layout.barrier, i32.add(passed, 1));
      },
      () => {
        f.drop(f.call(wait, layout.barrier, passed, maySleep));
        f.if(atomics.load(layout.aborted), () => f.return());
      },
    );
  };

  module.function(
    { params: { thread: "i32", threads: "i32", maySleep: "i32" }, export: "walk" },
    (f, { thread, threads, maySleep }) => {
      const command = f.local("i32", i32.load(layout.commands));
      const end = f.local("i32", i32.add(command, i32.mul(i32.load(layout.commandCount), commandByteLength)));
      const progress = f.local("i32", i32.add(i32.mul(thread, layout.progressStride), layout.progress));
      const flags = f.local("i32");
      const [index, params] = [i32.load(command, 0), i32.load(command, 4)];
      f.while(i32.ltU(command, end), (done) => {
        f.store.i32(progress, command);
        f.set(flags, i32.load(command, 8));
        f.if(
          i32.and(flags, commandFlags.parallel),
          () => f.callIndirect(kernel, index, params, thread, threads),
          () => f.if(i32.eq(thread, i32.load(command, 12)), () => f.callIndirect(kernel, index, params, 0, 1)),
        );
        f.increment(command, commandByteLength);
        // The end of a submit is a barrier anyway.
        f.brIf(done, i32.geU(command, end));
        f.if(i32.and(i32.gtS(threads, 1), i32.shrU(i32.and(flags, commandFlags.barrier), 1)), () =>
          barrier(f, threads, maySleep),
        );
      });
    },
  );

  module.function({ params: { workers: "i32", submit: "i32" }, export: "finish" }, (f, { workers, submit }) => {
    f.if(i32.eq(i32.add(atomics.add(layout.finished, 1), 1), workers), () => {
      f.store.i32Atomic(layout.finished, 0);
      f.call(publish, layout.done, submit);
    });
  });

  return module.finish();
}
