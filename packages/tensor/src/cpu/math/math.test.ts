import { describe, expect, it } from "vitest";
import { erf } from "../../kernel/numeric.js";
import { type Local, ModuleBuilder, v128 } from "../wasm/assembler.js";
import { detectFeatures } from "../wasm/features.js";
import { type MathEmitter, mathEmitters } from "./math.js";

type Name = keyof typeof mathEmitters;

const pages = 32;
const capacity = (pages * 65536) / 3 / 4;
const [xAt, yAt, outAt] = [0, 1, 2].map((i) => Math.floor((i * pages * 65536) / 3 / 64) * 64) as [
  number,
  number,
  number,
];

/** Compiles an emitter into a function over arrays, `width` vectors a turn. */
function compile(emitter: MathEmitter, width: number, relaxedSimd: boolean) {
  const memory = new WebAssembly.Memory({ initial: pages });
  const module = new ModuleBuilder({ relaxedSimd });
  module.importMemory("env", "memory", { shared: false });
  module.function({ params: { end: "i32" }, export: "run" }, (f, { end }) => {
    const at = f.local("i32");
    f.for(at, 0, end, 16 * width, () => {
      const group = (base: number): Local<"v128">[] =>
        Array.from({ length: width }, (_, i) => f.local("v128", v128.load(at, base + 16 * i)));
      const operands = emitter.arity === 1 ? [group(xAt)] : [group(xAt), group(yAt)];
      emitter.emit(f, operands).forEach((v, i) => {
        f.store.v128(at, v, outAt + 16 * i);
      });
    });
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  return (x: Uint32Array, y?: Uint32Array): Uint32Array => {
    expect(x.length).toBeLessThanOrEqual(capacity - 64);
    new Uint32Array(memory.buffer, xAt).set(x);
    if (y) new Uint32Array(memory.buffer, yAt).set(y);
    (exports.run as (end: number) => void)(4 * x.length);
    return new Uint32Array(memory.buffer, outAt, x.length).slice();
  };
}

const bitsOf = (values: Iterable<number>) => new Uint32Array(Float32Array.from(values).buffer);
const floatsOf = (bits: Uint32Array) => new Float32Array(bits.buffer, bits.byteOffset, bits.length);

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const specials = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38, infinity, -infinity, nan];

/** Every float32 bit pattern at a stride, so all signs, exponents and many mantissas. */
function sweep(stride: number): Uint32Array {
  return Uint32Array.from({ length: Math.floor(2 ** 32 / stride) }, (_, i) => i * stride + (i % 7));
}

function grid(from: number, to: number, count: number): Uint32Array {
  return bitsOf(Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1)));
}

/** Units in the last place of float32 at `x`. */
function ulp(x: number): number {
  const exponent = x === 0 ? -126 : Math.max(-126, Math.floor(Math.log2(Math.abs(x))));
  return 2 ** (Math.min(exponent, 127) - 23);
}

/** Error in units in the last place; infinite where one is NaN or infinite and the other not. */
function errorInUlp(actual: number, exact: number): number {
  const nearest = Math.fround(exact);
  if (Object.is(actual, nearest) || actual === nearest) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(nearest)) {
    // One side of the overflow threshold or the other is an error of one unit.
    return Number.isNaN(actual) || Number.isNaN(nearest) || Math.abs(exact) < 3.4028234e38 ? infinity : 1;
  }
  return Math.abs(actual - exact) / ulp(nearest);
}

const roundEven = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const cPow = (x: number, y: number) => (x === 1 || (x === -1 && Math.abs(y) === infinity) ? 1 : x ** y);

interface Case {
  readonly exact: (x: number, y: number) => number;
  readonly inputs: readonly Uint32Array[];
  readonly skip?: (x: number) => boolean;
}

const everywhere = sweep(39_989);
const cases: Readonly<Record<Exclude<Name, "mulHighUnsigned" | "pow">, Case>> = {
  exp: { exact: Math.exp, inputs: [everywhere, grid(-104.5, 89, 100_001)] },
  // Below the normal range it may give 0.
  expNonPositive: {
    exact: Math.exp,
    inputs: [everywhere, grid(-87.3, 0, 100_001)],
    skip: (x) => x > 0 || (x < -87.3 && x > -105),
  },
  expm1: { exact: Math.expm1, inputs: [everywhere, grid(-20, 89, 100_001), grid(-1, 1, 50_001)] },
  log: { exact: Math.log, inputs: [everywhere, grid(0.5, 2, 100_001)] },
  log1p: { exact: Math.log1p, inputs: [everywhere, grid(-1, 2, 100_001)] },
  tanh: { exact: Math.tanh, inputs: [everywhere, grid(-10, 10, 100_001)] },
  erf: { exact: erf, inputs: [sweep(399_989), grid(-4.5, 4.5, 50_001)] },
  sin: { exact: Math.sin, inputs: [everywhere, grid(-20, 20, 100_001), grid(-1e5, 1e5, 50_001)], skip: beyondLimit },
  cos: { exact: Math.cos, inputs: [everywhere, grid(-20, 20, 100_001), grid(-1e5, 1e5, 50_001)], skip: beyondLimit },
  rsqrt: { exact: (x) => 1 / Math.sqrt(x), inputs: [everywhere] },
  sqrt: { exact: Math.sqrt, inputs: [everywhere] },
  floor: { exact: Math.floor, inputs: [everywhere] },
  ceil: { exact: Math.ceil, inputs: [everywhere] },
  trunc: { exact: Math.trunc, inputs: [everywhere] },
  nearest: { exact: roundEven, inputs: [everywhere, grid(-8, 8, 65)] },
};

function beyondLimit(x: number): boolean {
  return Math.abs(x) > 2 ** 26;
}

const engines = detectFeatures().relaxedSimd ? ["relaxed", "plain"] : ["plain"];

describe.each(engines)("float32 maths, %s SIMD", (engine) => {
  const relaxed = engine === "relaxed";

  it.each(Object.entries(cases))("%s keeps its stated error", (name, { exact, inputs, skip }) => {
    const emitter = mathEmitters[name as Name];
    const run = compile(emitter, 4, relaxed);
    let worst = { error: 0, x: 0, actual: 0 };
    for (const x of [...inputs, bitsOf(specials)]) {
      const [xs, ys] = [floatsOf(x), floatsOf(run(x))];
      xs.forEach((value, i) => {
        if (skip?.(value)) return;
        const error = errorInUlp(ys[i] as number, exact(value, 0));
        if (error > worst.error) worst = { error, x: value, actual: ys[i] as number };
      });
    }
    // A correctly rounded result is half a unit away at most.
    expect(worst.error, JSON.stringify(worst)).toBeLessThanOrEqual(Math.max(0.5, emitter.maxUlp));
  });

  it("pow keeps its stated error", () => {
    const run = compile(mathEmitters.pow, 4, relaxed);
    const bases = [...specials, 0.9, 1.1, 3, -3, 7.5, -0.1, 1e10, 1e-30, 0.99999];
    const exponents = [...specials, 3, -3, 0.25, 2.5, 10, -7, 33, 101, -100, 1e-3, 1e6, 16777217, 2 ** 25];
    const pairs = bases.flatMap((x) => exponents.map((y) => [x, y] as const));
    for (let i = 0; i < 40_000; i++) {
      const x = Math.exp(((i * 0.618033) % 1) * 60 - 30);
      pairs.push([x, (((i * 0.7548776) % 1) * 176 - 88) / Math.abs(Math.log(x))]);
    }
    const [x, y] = [bitsOf(pairs.map((p) => p[0])), bitsOf(pairs.map((p) => p[1]))];
    const actual = floatsOf(run(x, y));
    let worst = { error: 0, x: 0, y: 0, actual: 0 };
    actual.forEach((value, i) => {
      const [a, b] = [floatsOf(x)[i] as number, floatsOf(y)[i] as number];
      const exact = cPow(a, b);
      const error = exact === 0 && !Object.is(value, Math.fround(exact)) ? infinity : errorInUlp(value, exact);
      if (error > worst.error) worst = { error, x: a, y: b, actual: value };
    });
    expect(worst.error, JSON.stringify(worst)).toBeLessThanOrEqual(mathEmitters.pow.maxUlp);
  });

  it("beyond their limit, and at infinity, sin and cos are NaN", () => {
    const x = bitsOf([1e8, -1e30, infinity, -infinity]);
    for (const emitter of [mathEmitters.sin, mathEmitters.cos]) {
      expect([...floatsOf(compile(emitter, 1, relaxed)(x))]).toEqual([nan, nan, nan, nan]);
    }
  });

  it.each(["tanh", "erf"] as const)("%s keeps the sign of zero and is odd", (name) => {
    const run = compile(mathEmitters[name], 2, relaxed);
    const x = [0, -0, 0.3, -0.3, 2, -2, 50, -50];
    const y = [...floatsOf(run(bitsOf(x)))];
    expect(Object.is(y[1], -0)).toBe(true);
    for (let i = 0; i < y.length; i += 2) expect(y[i + 1]).toBe(-(y[i] as number));
    expect(y[6]).toBe(1);
  });

  it("a group of one gives the bits of a group of four", () => {
    const x = grid(-9, 9, 4096);
    for (const [name, emitter] of Object.entries(mathEmitters)) {
      const y = grid(0.5, 3, 4096);
      expect(compile(emitter, 1, relaxed)(x, y), name).toEqual(compile(emitter, 4, relaxed)(x, y));
    }
  });
});

describe("mulHighUnsigned", () => {
  it("is the high word of the product", () => {
    const x = sweep(1_000_003);
    const y = x.map((value) => Math.imul(value, 0x9e3779b1) >>> 0);
    const actual = compile(mathEmitters.mulHighUnsigned, 2, false)(x, y);
    const expected = x.map((value, i) => Number((BigInt(value) * BigInt(y[i] as number)) >> 32n));
    expect(actual).toEqual(expected);
  });
});
