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
  it("scope hands its locals on, constants keep their value", () => {
    const { memory, exports } = instantiate((module) => {
      module.function({ params: {}, export: "run" }, (f) => {
        const first = f.scope(() => f.local("v128", f.constants.f32x4(1)));
        const second = f.local("v128", f.constants.f32x4(2));
        expect(second.index).toBe(first.index);
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
