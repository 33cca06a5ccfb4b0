import { afterEach, describe, expect, it } from "vitest";
import { TensorError } from "../../errors.js";
import { f64, i32, ModuleBuilder, type Operand } from "../wasm/assembler.js";
import { commandFlags } from "./layout.js";
import { createMemory } from "./memory.js";
import { createPool, createPoolSync, type Pool } from "./pool.js";
import { ThreadedPool } from "./threaded-pool.js";

const { parallel, barrier } = commandFlags;
const open: Pool[] = [];

async function make(threads: number): Promise<Pool> {
  const pool = await createPool({ threads });
  open.push(pool);
  expect(pool.threads).toBe(threads);
  expect(pool.shared).toBe(threads > 1);
  return pool;
}

afterEach(() => {
  for (const pool of open.splice(0)) pool.dispose();
});

type Emit = Parameters<typeof ModuleBuilder.prototype.function<{ params: "i32"; thread: "i32"; threads: "i32" }>>[1];

function kernel(pool: Pool, emit: Emit): number {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared: pool.shared });
  module.function({ params: { params: "i32", thread: "i32", threads: "i32" }, export: "run" }, emit);
  return pool.register(module.finish(), "run");
}

const commands = (...list: readonly (readonly [number, number, number])[]) =>
  Int32Array.from(list.flatMap((c) => [...c, 0]));
const words = (pool: Pool) => new Int32Array(pool.memory.buffer);

describe.each([1, 2, 3, 5])("a pool of %i threads", (threads) => {
  it("runs parallel commands once on every thread and serial ones on the thread they name", async () => {
    const pool = await make(threads);
    const mark = kernel(pool, (f, { params, thread, threads }) => {
      const slot = f.local("i32", i32.add(params, i32.shl(thread, 3)));
      f.store.i32(slot, i32.add(i32.load(slot), 1));
      f.store.i32(slot, threads, 4);
    });
    pool.run(commands([mark, 1024, parallel], [mark, 2048, 0], [mark, 1024, parallel]), 3);
    for (let thread = 0; thread < 6; thread++) {
      const inPool = thread < threads;
      expect([...words(pool).slice(256 + 2 * thread, 258 + 2 * thread)]).toEqual(inPool ? [2, threads] : [0, 0]);
    }
    expect([...words(pool).slice(512, 516)]).toEqual([1, 1, 0, 0]);
    // Each thread notes that it has been at its own command, which sees thread 0 of 1 whoever runs it.
    const dealt = Array.from({ length: threads }, (_, thread) => [mark, 4096 + 64 * thread, 0, thread]).flat();
    pool.run(Int32Array.from(dealt), threads);
    for (let thread = 0; thread < threads; thread++) {
      expect([...words(pool).slice(1024 + 16 * thread, 1028 + 16 * thread)]).toEqual([1, 1, 0, 0]);
    }
  });

  it("a barrier lets every thread see what all wrote before", async () => {
    const pool = await make(threads);
    // Each thread adds up all threads' slots of one buffer and writes the sum + 1 into its slot of the other.
    const step = kernel(pool, (f, { params, thread, threads }) => {
      const from = f.local("i32", i32.load(params));
      const to = f.local("i32", i32.load(params, 4));
      const sum = f.local("i32", 0);
      const i = f.local("i32");
      f.for(i, 0, threads, 1, () => f.increment(sum, i32.load(i32.add(from, i32.shl(i, 2)))));
      f.store.i32(i32.add(to, i32.shl(thread, 2)), i32.add(sum, 1));
    });
    words(pool).set([1024, 2048], 16);
    words(pool).set([2048, 1024], 32);
    const rounds = 3000;
    const list = commands(
      ...Array.from({ length: rounds }, (_, i) => [step, i % 2 ? 128 : 64, parallel | barrier] as const),
    );
    pool.run(list, rounds);
    let expected = 0;
    for (let i = 0; i < rounds; i++) expected = (Math.imul(expected, threads) + 1) | 0;
    const last = rounds % 2 ? 512 : 256;
    expect([...words(pool).slice(last, last + threads)]).toEqual(Array(threads).fill(expected));
  });

  it("runs every share once, and no section before the last one ends, however long threads are kept", async () => {
    const pool = await make(threads);
    // Share after share takes other times; each adds its predecessor's count of the last section to its own.
    const work = kernel(pool, (f, { params, thread, threads }) => {
      const i = f.local("i32");
      const round = f.local("i32", i32.load(params, 4));
      const turns = i32.mul(i32.remU(i32.mul(i32.add(thread, round), 7919), 5), 3000);
      f.for(i, 0, turns, 1, () => f.store.i32(i32.add(params, i32.shl(thread, 6)), i, 4096));
      const at = (t: Operand<"i32">, row: Operand<"i32">) =>
        i32.add(i32.add(params, 64), i32.add(i32.shl(t, 2), i32.shl(i32.and(row, 1), 9)));
      const before = i32.load(at(i32.remU(i32.add(thread, 1), threads), round));
      const slot = f.local("i32", at(thread, i32.add(round, 1)));
      f.store.i32(slot, i32.add(i32.mul(i32.load(slot), 31), i32.add(before, i32.add(thread, 1))));
    });
    const next = kernel(pool, (f, { params }) => f.store.i32(params, i32.add(i32.load(params, 4), 1), 4));
    const list = commands(
      ...Array.from({ length: 20 }, () => [
        [work, 8192, parallel | barrier] as const,
        [next, 8192, barrier] as const,
      ]).flat(),
    );
    const expected = [new Int32Array(threads), new Int32Array(threads)];
    let round = 0;
    for (let submit = 0; submit < 60; submit++) {
      pool.run(list, 40);
      for (let section = 0; section < 20; section++, round++) {
        const [from, to] = [expected[round & 1]!, expected[(round + 1) & 1]!];
        const old = to.slice();
        for (let t = 0; t < threads; t++) to[t] = (Math.imul(old[t]!, 31) + from[(t + 1) % threads]! + t + 1) | 0;
      }
      const seen = [0, 1].map((row) => [...words(pool).slice(2064 + 128 * row, 2064 + 128 * row + threads)]);
      expect(seen).toEqual(expected.map((row) => [...row]));
      if (submit % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
  });

  it("what has begun is done with or without the caller, who may come at any time", async () => {
    const pool = await make(threads);
    const [rows, rounds] = [7, 200];
    // Every lane adds the next lane's number in one row to its own in the next row.
    const add = kernel(pool, (f, { params, thread, threads }) => {
      const other = i32.remU(i32.add(thread, 1), threads);
      const sum = i32.add(i32.load(i32.add(params, i32.shl(thread, 2))), i32.load(i32.add(params, i32.shl(other, 2))));
      f.store.i32(i32.add(params, i32.shl(thread, 2)), i32.add(sum, 1), 32);
    });
    const list = commands(
      ...Array.from({ length: rows }, (_, row) => [add, 1024 + 32 * row, parallel | barrier] as const),
    );
    const lane = (row: number, thread: number) => words(pool)[256 + 8 * row + thread]!;
    for (let round = 0; round < rounds; round++) {
      for (let thread = 0; thread < threads; thread++) words(pool)[256 + thread] = round + thread;
      const runs = pool.begin(list, rows);
      expect(runs).toBe(threads > 1);
      const end = performance.now() + (round % 4) * 0.02;
      while (round % 50 === 49 ? lane(rows, threads - 1) === 0 : performance.now() < end);
      pool.join();
      for (let row = 0; row < rows; row++) {
        for (let thread = 0; thread < threads; thread++) {
          expect(lane(row + 1, thread)).toBe(lane(row, thread) + lane(row, (thread + 1) % threads) + 1);
        }
      }
      words(pool).fill(0, 256, 256 + 8 * (rows + 1));
    }
    pool.join();
  });

  it("a worker that comes too late for its submit runs nothing of the next, which is the caller's alone", async () => {
    const pool = await make(threads);
    const nothing = kernel(pool, () => {});
    const count = kernel(pool, (f, { params }) => {
      const i = f.local("i32");
      f.for(i, 0, 3000, 1, () => f.store.i32(params, i32.add(i32.load(params), 1)));
    });
    const rounds = 2000;
    for (let round = 0; round < rounds; round++) {
      pool.run(commands([nothing, 0, parallel]), 1);
      pool.run(commands([count, 1024, 0]), 1);
      // Now and then they fall asleep.
      if (round % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(words(pool)[256]).toBe(3000 * rounds);
  });

  it("what has begun ends before the pool does", async () => {
    const pool = await make(threads);
    const count = kernel(pool, (f, { params, thread }) => {
      const i = f.local("i32");
      const slot = f.local("i32", i32.add(params, i32.shl(thread, 2)));
      f.for(i, 0, 1_000_000, 1, () => f.store.i32(slot, i32.add(i32.load(slot), 1)));
    });
    pool.begin(commands([count, 1024, parallel | barrier], [count, 1024, parallel]), 2);
    pool.dispose();
    pool.join();
    expect([...words(pool).slice(256, 256 + threads)]).toEqual(Array(threads).fill(2_000_000));
  });

  it("many submits, kernels registered between them, and pauses in which workers fall asleep", async () => {
    const pool = await make(threads);
    for (let round = 0; round < 30; round++) {
      const put = kernel(pool, (f, { params, thread }) => f.store.i32(i32.add(params, i32.shl(thread, 2)), round));
      for (let i = 0; i < 20; i++) pool.run(commands([put, 1024, parallel]), 1);
      expect([...words(pool).slice(256, 256 + threads)]).toEqual(Array(threads).fill(round));
      if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it("kernels see the memory grow, and reach JavaScript's Math", async () => {
    const pool = await make(threads);
    const module = new ModuleBuilder();
    module.importMemory("env", "memory", { shared: pool.shared });
    const cos = module.importFunction("math", "cos", { params: ["f64"], result: "f64" });
    const params = { params: "i32", thread: "i32", threads: "i32" } as const;
    module.function({ params, export: "run" }, (f, { params: at, thread }) => {
      f.store.f64(i32.add(at, i32.shl(thread, 3)), f.call(cos, f64.convertI32S(thread)));
    });
    const index = pool.register(module.finish(), "run");
    pool.run(commands([index, 0, parallel]), 1);
    const at = pool.memory.buffer.byteLength + 65536;
    pool.memory.grow(100);
    pool.run(commands([index, at, parallel]), 1);
    const expected = Array.from({ length: threads }, (_, i) => Math.cos(i));
    expect([...new Float64Array(pool.memory.buffer, at, threads)]).toEqual(expected);
  });

  it.each([...Array(threads).keys()])("a trap on thread %i is an error, and the pool goes on", async (failing) => {
    const pool = await make(threads);
    const trap = kernel(pool, (f, { params, thread }) => {
      f.if(i32.eq(thread, i32.load(params)), () => f.unreachable());
    });
    const count = kernel(pool, (f, { params, thread }) => {
      const slot = f.local("i32", i32.add(params, i32.shl(thread, 2)));
      f.store.i32(slot, i32.add(i32.load(slot), 1));
    });
    words(pool)[4] = failing;
    const list = commands([count, 1024, parallel | barrier], [trap, 16, parallel | barrier], [count, 2048, parallel]);
    for (let round = 1; round <= 3; round++) {
      let error: unknown;
      try {
        pool.run(list, 3);
      } catch (thrown) {
        error = thrown;
      }
      expect(TensorError.is(error, "internal")).toBe(true);
      expect((error as Error).message).toMatch(
        new RegExp(`^cpu: kernel run failed on thread ${failing}: .*unreachable`),
      );
      expect([...words(pool).slice(256, 256 + threads)]).toEqual(Array(threads).fill(round));
      expect([...words(pool).slice(512, 512 + threads)]).toEqual(Array(threads).fill(0));
    }
    pool.run(commands([count, 2048, parallel]), 1);
    expect([...words(pool).slice(512, 512 + threads)]).toEqual(Array(threads).fill(1));
  });

  it("rejects what cannot run: unknown kernels, broken modules, missing exports, use after dispose", async () => {
    const pool = await make(threads);
    expect(() => pool.run(commands([7, 0, parallel]), 1)).toThrow(TensorError);
    expect(() => pool.register(Uint8Array.of(1, 2, 3), "run")).toThrow(/cpu: kernel run does not compile/);
    expect(() => pool.register(new ModuleBuilder().finish(), "run")).toThrow(/cpu: kernel run is not exported/);
    pool.run(new Int32Array(0), 0);
    pool.dispose();
    pool.dispose();
    expect(() => pool.run(commands([0, 0, 0]), 1)).toThrow(/disposed/);
    expect(() => pool.register(new ModuleBuilder().finish(), "run")).toThrow(/disposed/);
  });
});

describe("createPool", () => {
  it("runs on the caller alone when the memory given is not shared", async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const pool = await createPool({ threads: 4, memory });
    expect([pool.threads, pool.shared, pool.memory]).toEqual([1, false, memory]);
  });

  it("takes the machine's threads by default", async () => {
    const pool = await createPool();
    expect(pool.threads).toBeGreaterThanOrEqual(1);
    pool.dispose();
  });

  it("reserves 4 GiB to grow into", async () => {
    const pool = await make(2);
    expect(() => pool.memory.grow(20_000)).not.toThrow();
  });

  it.each([0, -1, 1.5, Number.NaN, 257])("rejects %d threads", async (threads) => {
    await expect(createPool({ threads })).rejects.toThrow(/createPool: threads must be an integer from 1 to 256, got/);
  });

  it("hundreds of kernels, long command lists: the control memory grows", async () => {
    const pool = await make(2);
    const padding = new Uint8Array(4000);
    for (let i = 0; i < 100; i++) {
      const module = new ModuleBuilder();
      module.importMemory("env", "memory", { shared: true });
      module.function(
        { params: { params: "i32", thread: "i32", threads: "i32" }, export: "run" },
        (f, { params, thread }) => f.store.i32(i32.add(params, i32.shl(thread, 2)), i),
      );
      // A custom section makes the module long.
      const bytes = module.finish();
      const size = padding.length + 1;
      pool.register(Uint8Array.from([...bytes, 0, (size & 0x7f) | 0x80, size >> 7, 0, ...padding]), "run");
    }
    const list = commands(...Array.from({ length: 10_000 }, (_, i) => [i % 100, 1024, parallel] as const));
    pool.run(list, 10_000);
    expect([...words(pool).slice(256, 258)]).toEqual([99, 99]);
  });
});

describe("createPoolSync", () => {
  const together = 3;
  const list = (k: number) => commands([k, 64, parallel | barrier], [k, 128, parallel | barrier], [k, 64, 0]);

  // Adds what its thread and the number of threads say to the thread's slot of one buffer, from the other.
  function mix(pool: Pool): number {
    words(pool).set([1024, 2048], 16);
    words(pool).set([2048, 1024], 32);
    return kernel(pool, (f, { params, thread, threads }) => {
      const offset = f.local("i32", i32.shl(thread, 2));
      const to = f.local("i32", i32.add(i32.load(params, 4), offset));
      const next = i32.load(i32.add(i32.load(params), i32.shl(i32.remU(i32.add(thread, 1), threads), 2)));
      f.store.i32(to, i32.add(i32.mul(i32.load(to), 31), i32.add(next, i32.add(thread, threads))));
    });
  }

  it("is usable at once, and its workers join a program that never yields, with the same results", async () => {
    const pool = new ThreadedPool(together, createMemory(true, 1));
    const other = await make(together);
    open.push(pool);
    const [own, expected] = [mix(pool), mix(other)];
    const step = (): void => {
      pool.run(list(own), 3);
      other.run(list(expected), 3);
      expect([...words(pool).slice(256, 1024)]).toEqual([...words(other).slice(256, 1024)]);
    };
    step();
    expect(pool.joined).toBe(false);
    const end = Date.now() + 30_000;
    while (!pool.joined && Date.now() < end) step();
    expect(pool.joined).toBe(true);
    for (let i = 0; i < 100; i++) step();
  });

  it("names the thread whose share trapped before the workers joined", () => {
    const pool = new ThreadedPool(together, createMemory(true, 1));
    open.push(pool);
    const trap = kernel(pool, (f, { thread }) => f.if(i32.eq(thread, 2), () => f.unreachable()));
    expect(() => pool.run(commands([trap, 0, parallel]), 1)).toThrow(
      /cpu: kernel run failed on thread 2: .*unreachable/,
    );
  });

  it("takes the machine's threads, and can be disposed of before they are up", () => {
    const pool = createPoolSync();
    const put = kernel(pool, (f, { params, thread }) => f.store.i32(i32.add(params, i32.shl(thread, 2)), 5));
    pool.run(commands([put, 1024, parallel]), 1);
    expect([...words(pool).slice(256, 256 + pool.threads)]).toEqual(Array(pool.threads).fill(5));
    pool.dispose();
    expect(() => pool.run(commands([put, 1024, parallel]), 1)).toThrow(/disposed/);
  });
});
