import { describe, expect, it } from "vitest";
import { f32x4, i32, ModuleBuilder, v128 } from "./assembler.js";
import { detectFeatures } from "./features.js";

type Exports = Readonly<Record<string, (...args: number[]) => number>>;

function instantiate(build: (module: ModuleBuilder) => void, imports: WebAssembly.ModuleImports = {}) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new ModuleBuilder(detectFeatures());
  module.importMemory("env", "memory", { shared: false });
  build(module);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory, ...imports } });
  return { memory, exports: instance.exports as Exports };
}

describe("control flow", () => {
  it("for counts up, also not at all, and can be left", () => {
    const { exports } = instantiate((module) => {
      module.function({ params: { n: "i32", stop: "i32" }, result: "i32", export: "sum" }, (f, { n, stop }) => {
        const i = f.local("i32");
        const sum = f.local("i32", 0);
        f.for(i, 0, n, 3, (end) => {
          f.brIf(end, i32.geS(sum, stop));
          f.increment(sum, i);
        });
        f.return(sum);
      });
    });
    expect(exports.sum?.(10, 1000)).toBe(0 + 3 + 6 + 9);
    expect(exports.sum?.(0, 1000)).toBe(0);
    expect(exports.sum?.(-5, 1000)).toBe(0);
    expect(exports.sum?.(100, 9)).toBe(9);
  });

  it("while, if and else, nested labels", () => {
    const { exports } = instantiate((module) => {
      module.function({ params: { n: "i32" }, result: "i32", export: "collatz" }, (f, { n }) => {
        const steps = f.local("i32", 0);
        f.block((outer) => {
          f.while(i32.ne(n, 1), () => {
            f.if(
              i32.and(n, 1),
              () => f.set(n, i32.add(i32.mul(n, 3), 1)),
              () => f.set(n, i32.shrU(n, 1)),
            );
            f.increment(steps, 1);
            f.if(i32.gtS(steps, 500), () => f.br(outer));
          });
        });
        f.return(steps);
      });
    });
    expect(exports.collatz?.(27)).toBe(111);
    expect(exports.collatz?.(1)).toBe(0);
  });

  it("calls functions: imported, own, with and without a result, through the table", () => {
    const seen: number[] = [];
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 2 });
    const { exports } = instantiate(
      (module) => {
        module.importTable("env", "table");
        const log = module.importFunction("env", "log", { params: ["i32"] });
        const square = module.function({ params: { x: "i32" }, result: "i32", export: "square" }, (f, { x }) =>
          f.return(i32.mul(x, x)),
        );
        const unary = module.type({ params: ["i32"], result: "i32" });
        module.function({ params: { x: "i32" }, result: "i32", export: "run" }, (f, { x }) => {
          f.call(log, f.call(square, x));
          f.return(f.callIndirect(unary, 1, 7));
        });
      },
      { log: (x: number) => seen.push(x), table },
    );
    table.set(1, exports.square as () => number);
    expect(exports.run?.(5)).toBe(49);
    expect(seen).toEqual([25]);
  });

  it("an unset table entry traps", () => {
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
    const { exports } = instantiate(
      (module) => {
        module.importTable("env", "table");
        const nothing = module.type({ params: [] });
        module.function({ params: {}, export: "run" }, (f) => f.callIndirect(nothing, 0));
      },
      { table },
    );
    expect(() => exports.run?.()).toThrow(WebAssembly.RuntimeError);
  });
});

describe("locals", () => {
  it("those that overlap in time keep their values, also around loops and arms", () => {
    const { exports } = instantiate((module) => {
      module.function({ params: { n: "i32" }, result: "i32", export: "run" }, (f, { n }) => {
        const before = f.local("i32", i32.mul(n, 1000));
        const i = f.local("i32");
        const sum = f.local("i32", 0);
        const sticky = f.local("i32");
        f.for(i, 0, n, 1, () => {
          // Set in the first turn only, read in all.
          f.if(i32.eqz(i), () => f.set(sticky, 7));
          const square = f.local("i32", i32.mul(i, i));
          const twice = f.local("i32", i32.add(square, square));
          f.increment(sum, i32.add(i32.add(twice, square), i32.add(before, sticky)));
          const last = f.local("i32", i32.add(i, 1));
          f.drop(last);
        });
        const after = f.local("i32", i32.add(sum, 1));
        f.return(after);
      });
    });
    const expected = (n: number) =>
      Array.from({ length: n }, (_, i) => 3 * i * i + 1000 * n + 7).reduce((a, b) => a + b, 1);
    for (const n of [0, 1, 2, 10]) expect(exports.run?.(n)).toBe(expected(n));
  });

  it("those that do not overlap share a slot, so long chains declare few", () => {
    const chain = (length: number) => {
      const module = new ModuleBuilder();
      module.function({ params: { x: "i32" }, result: "i32", export: "run" }, (f, { x }) => {
        let value = f.local("i32", i32.add(x, 1));
        for (let i = 0; i < length; i++) value = f.local("i32", i32.add(value, 1));
        f.return(value);
      });
      return module.finish();
    };
    // Each link costs a get, a constant, an addition and a set, with one-byte indices.
    expect(chain(400).length - chain(200).length).toBe(200 * 7);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(chain(400)));
    expect((exports as Exports).run?.(1)).toBe(402);
  });

  it("constants keep their value; madd and nmadd", () => {
    const { memory, exports } = instantiate((module) => {
      module.function({ params: {}, export: "run" }, (f) => {
        const second = f.local("v128", f.constants.f32x4(2));
        expect(f.constants.f32x4(2)).toBe(f.constants.f32x4(2));
        f.store.v128(0, f32x4.add(second, f.constants.f32x4(1)));
        f.store.v128(16, f.constants.i32x4(1, 2, 3, 4));
        f.store.v128(32, f.tee(second, f.madd(second, second, f.constants.f32x4(0.5))));
        f.store.v128(48, f.nmadd(second, second, f.constants.f32x4(0.5)));
        f.store.v128(64, v128.load(0, 16));
      });
    });
    exports.run?.();
    const floats = new Float32Array(memory.buffer);
    expect([...floats.slice(0, 4)]).toEqual([3, 3, 3, 3]);
    expect([...new Int32Array(memory.buffer, 16, 4)]).toEqual([1, 2, 3, 4]);
    expect([...floats.slice(8, 12)]).toEqual([4.5, 4.5, 4.5, 4.5]);
    expect([...floats.slice(12, 16)]).toEqual([-19.75, -19.75, -19.75, -19.75]);
    expect([...new Int32Array(memory.buffer, 64, 4)]).toEqual([1, 2, 3, 4]);
  });
});
