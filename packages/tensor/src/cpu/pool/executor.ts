// The part of the pool that runs in WebAssembly on every thread: walking the command list, barriers, waiting.
// Commands up to a barrier are a section, cut into a share for each thread. A thread that is done with its own takes shares that
// nobody has begun: whoever sleeps, or is kept from its processor, holds nobody up. What a share computes does not depend
// on who runs it.
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

/** Turns spent looking whether the others take their shares before one of them is taken from them, about a microsecond. */
const patience = 400;

/** The functions of the executor. */
export interface Executor {
  /** Returns the word at `address` once it differs from `old`; never sleeps when `maySleep` is 0. */
  readonly wait: (address: number, old: number, maySleep: number) => number;
  /** The same, but spins for longer before it sleeps. */
  readonly linger: (address: number, old: number, maySleep: number) => number;
  /** Writes the word at `address` and wakes its sleepers. */
  readonly publish: (address: number, value: number) => void;
  /** Runs this thread's shares of the command list, and those of others; ends early when a thread has failed. */
  readonly walk: (thread: number, threads: number, maySleep: number) => void;
  /** Takes part in the open submit until `leave`; 0 where there is none. */
  readonly enter: () => number;
  readonly leave: () => void;
  /** Lets no worker into the submit any more, and waits for those that are in it. */
  readonly close: (maySleep: number) => void;
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

  const commandsEnd = () =>
    i32.add(i32.load(layout.commands), i32.mul(i32.load(layout.commandCount), commandByteLength));

  // Runs a share of the section that begins at `from`, of all that follow for a share of 1, and gives the address of the next one.
  const runShare = module.function(
    { params: { from: "i32", runner: "i32", share: "i32", shares: "i32" }, result: "i32" },
    (f, { from, runner, share, shares }) => {
      const command = f.local("i32", from);
      const end = f.local("i32", commandsEnd());
      const progress = f.local("i32", i32.add(i32.mul(runner, layout.threadStride), layout.progress));
      const flags = f.local("i32");
      const [index, params] = [i32.load(command, 0), i32.load(command, 4)];
      f.store.i32(progress, share, layout.progressShare);
      f.while(i32.ltU(command, end), (done) => {
        f.store.i32(progress, command);
        f.set(flags, i32.load(command, 8));
        f.if(
          i32.and(flags, commandFlags.parallel),
          () => f.callIndirect(kernel, index, params, share, shares),
          () => f.if(i32.eq(share, i32.load(command, 12)), () => f.callIndirect(kernel, index, params, 0, 1)),
        );
        f.increment(command, commandByteLength);
        f.brIf(done, i32.and(i32.gtS(shares, 1), i32.shrU(i32.and(flags, commandFlags.barrier), 1)));
      });
      f.return(command);
    },
  );

  const sectionEnd = (f: FunctionBuilder, from: Local<"i32">, end: Local<"i32">): Local<"i32"> => {
    const at = f.local("i32", from);
    f.while(i32.ltU(at, end), (done) => {
      f.increment(at, commandByteLength);
      f.brIf(done, i32.and(i32.load(i32.sub(at, commandByteLength), 8), commandFlags.barrier));
    });
    return at;
  };

  module.function(
    { params: { thread: "i32", threads: "i32", maySleep: "i32" }, export: "walk" },
    (f, { thread, threads, maySleep }) => {
      const from = f.local("i32", i32.load(layout.commands));
      f.if(i32.eq(threads, 1), () => {
        f.drop(f.call(runShare, from, 0, 0, 1));
        f.return();
      });
      const end = f.local("i32", commandsEnd());
      const section = f.local("i32", 0);
      const [share, turn, taken, passed] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
      const left = f.local("i32");
      // One word tells whether any share of the section is left.
      const allTaken = () => i32.geU(atomics.load(layout.taken), i32.mul(i32.add(section, 1), threads));
      f.while(i32.ltU(from, end), () => {
        // The shares of the section, its own first.
        f.set(share, thread);
        f.for(turn, 0, threads, 1, (all) => {
          // Those who are awake take theirs at once, and have its data in their caches.
          f.set(left, i32.select(patience, 1, i32.eq(turn, 1)));
          f.loop((again) => {
            f.brIf(all, allTaken());
            f.set(left, i32.sub(left, 1));
            f.brIf(again, left);
          });
          f.set(taken, i32.add(i32.mul(share, layout.threadStride), layout.progress + layout.sectionsTaken));
          f.if(i32.eq(atomics.load(taken), section), () =>
            f.if(i32.eq(atomics.compareExchange(taken, section, i32.add(section, 1)), section), () => {
              f.drop(atomics.add(layout.taken, 1));
              f.drop(f.call(runShare, from, thread, share, threads));
              const done = i32.add(atomics.add(layout.done, 1), 1);
              f.if(i32.eq(done, i32.mul(i32.add(section, 1), threads)), () =>
                f.call(publish, layout.barrier, i32.add(section, 1)),
              );
              f.if(atomics.load(layout.aborted), () => f.return());
            }),
          );
          f.increment(share, 1);
          f.if(i32.eq(share, threads), () => f.set(share, 0));
        });
        f.loop((again) => {
          f.set(passed, atomics.load(layout.barrier));
          // After the load: whoever aborts moves the barrier on, so it is either seen here or ends the wait.
          f.if(atomics.load(layout.aborted), () => f.return());
          f.if(i32.leU(passed, section), () => {
            f.drop(f.call(wait, layout.barrier, passed, maySleep));
            f.br(again);
          });
        });
        f.set(from, sectionEnd(f, from, end));
        f.increment(section, 1);
      });
    },
  );

  const leave = module.function({ params: {}, export: "leave" }, (f) => {
    f.drop(atomics.sub(layout.inside, 1));
    f.if(atomics.load(layout.inside, 4), () => f.drop(atomics.notify(layout.inside, -1)));
  });

  module.function({ params: {}, result: "i32", export: "enter" }, (f) => {
    f.drop(atomics.add(layout.inside, 1));
    // After the word above, as `close` looks at both the other way round: one of the two sees the other.
    f.if(atomics.load(layout.open), () => f.return(i32.eqz(0)));
    f.call(leave);
    f.return(i32.eqz(1));
  });

  module.function({ params: { maySleep: "i32" }, export: "close" }, (f, { maySleep }) => {
    const inside = f.local("i32");
    f.store.i32Atomic(layout.open, 0);
    f.loop((again) => {
      f.if(f.tee(inside, atomics.load(layout.inside)), () => {
        f.drop(f.call(wait, layout.inside, inside, maySleep));
        f.br(again);
      });
    });
  });

  return module.finish();
}
