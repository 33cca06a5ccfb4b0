// Every instruction of the tables is emitted and runs; those with a meaning a lane are checked against JavaScript.
import { describe, expect, it } from "vitest";
import {
  type Expr,
  f32,
  f32x4,
  f64,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  i64,
  i64x2,
  ModuleBuilder,
  type Operand,
  relaxed,
  type ValueType,
  v128,
} from "./assembler.js";
import { detectFeatures } from "./features.js";
import * as scalar from "./scalar-tables.js";
import * as simd from "./simd-tables.js";

type Instruction = (...operands: readonly Operand[]) => Expr;
type Letter = "i" | "l" | "f" | "d" | "v";

const types: Readonly<Record<Letter, ValueType>> = { i: "i32", l: "i64", f: "f32", d: "f64", v: "v128" };
const loads = { i32: i32.load, i64: i64.load, f32: f32.load, f64: f64.load, v128: v128.load };
const { relaxedSimd } = detectFeatures();

/** Runs one instruction on operands given as the bytes at 0, 16 and 32; the 16 bytes at 64 afterwards. */
function evaluate(instruction: Instruction, signature: string, operands: Uint8Array): ArrayBuffer {
  const [params = "", result] = signature.split(":");
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared: false });
  module.function({ params: {}, export: "run" }, (f) => {
    const values = [...params].map((letter, i) => loads[types[letter as Letter]](16 * i));
    f.store[types[result as Letter]](64, instruction(...values) as never);
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  new Uint8Array(memory.buffer).set(operands);
  (exports.run as () => void)();
  return memory.buffer.slice(64, 80);
}

type FloatMeaning = (a: number, b: number) => number | boolean;
const floatMeanings: Readonly<Record<string, FloatMeaning>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  // biome-ignore lint/complexity/useMathMinMax: this comparison is the definition
  pmin: (a, b) => (b < a ? b : a),
  // biome-ignore lint/complexity/useMathMinMax: this comparison is the definition
  pmax: (a, b) => (a < b ? b : a),
  copysign: (a, b) => Math.abs(a) * (b < 0 || Object.is(b, -0) ? -1 : 1),
  abs: (a) => Math.abs(a),
  neg: (a) => -a,
  ceil: (a) => Math.ceil(a),
  floor: (a) => Math.floor(a),
  trunc: (a) => Math.trunc(a),
  nearest: (a) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
  sqrt: (a) => Math.sqrt(a),
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
};

type IntegerMeaning = (a: bigint, b: bigint) => bigint | boolean;

/** Meanings on `n`-bit words given unsigned. */
function integerMeanings(n: number): Readonly<Record<string, IntegerMeaning>> {
  const s = (x: bigint) => BigInt.asIntN(n, x);
  const u = (x: bigint) => BigInt.asUintN(n, x);
  const clamp = (x: bigint, low: bigint, high: bigint) => (x < low ? low : x > high ? high : x);
  const top = 1n << BigInt(n - 1);
  const saturateS = (x: bigint) => clamp(x, -top, top - 1n);
  const saturateU = (x: bigint) => clamp(x, 0n, 2n * top - 1n);
  const count = (b: bigint) => b % BigInt(n);
  const digits = (x: bigint) => u(x).toString(2).padStart(n, "0");
  return {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    addSatS: (a, b) => saturateS(s(a) + s(b)),
    addSatU: (a, b) => saturateU(a + b),
    subSatS: (a, b) => saturateS(s(a) - s(b)),
    subSatU: (a, b) => saturateU(a - b),
    minS: (a, b) => clamp(s(a), -top, s(b)),
    minU: (a, b) => clamp(a, 0n, b),
    maxS: (a, b) => clamp(s(a), s(b), top),
    maxU: (a, b) => clamp(a, b, 2n * top),
    avgrU: (a, b) => (a + b + 1n) / 2n,
    divS: (a, b) => s(a) / s(b),
    divU: (a, b) => a / b,
    remS: (a, b) => s(a) % s(b),
    remU: (a, b) => a % b,
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
    andnot: (a, b) => a & ~b,
    not: (a) => ~a,
    shl: (a, b) => a << count(b),
    shrS: (a, b) => s(a) >> count(b),
    shrU: (a, b) => a >> count(b),
    rotl: (a, b) => (a << count(b)) | (a >> (BigInt(n) - count(b))),
    rotr: (a, b) => (a >> count(b)) | (a << (BigInt(n) - count(b))),
    abs: (a) => (s(a) < 0n ? -s(a) : s(a)),
    neg: (a) => -a,
    popcnt: (a) => BigInt(digits(a).replaceAll("0", "").length),
    clz: (a) => BigInt(`${digits(a)}1`.indexOf("1")),
    ctz: (a) => BigInt([...digits(a)].reverse().concat("1").indexOf("1")),
    eqz: (a) => a === 0n,
    extend8S: (a) => BigInt.asIntN(8, a),
    extend16S: (a) => BigInt.asIntN(16, a),
    extend32S: (a) => BigInt.asIntN(32, a),
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
    ltS: (a, b) => s(a) < s(b),
    ltU: (a, b) => a < b,
    gtS: (a, b) => s(a) > s(b),
    gtU: (a, b) => a > b,
    leS: (a, b) => s(a) <= s(b),
    leU: (a, b) => a <= b,
    geS: (a, b) => s(a) >= s(b),
    geU: (a, b) => a >= b,
  };
}

const integerArrays = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array } as const;
const floatArrays = { 32: Float32Array, 64: Float64Array } as const;
type Bits = keyof typeof integerArrays;

const namespaces = [
  { name: "i32", instructions: i32, table: scalar.i32Table, bits: 32, lanes: 1 },
  { name: "i64", instructions: i64, table: scalar.i64Table, bits: 64, lanes: 1 },
  { name: "v128", instructions: v128, table: simd.v128Table, bits: 64, lanes: 2 },
  { name: "i8x16", instructions: i8x16, table: simd.i8x16Table, bits: 8, lanes: 16 },
  { name: "i16x8", instructions: i16x8, table: simd.i16x8Table, bits: 16, lanes: 8 },
  { name: "i32x4", instructions: i32x4, table: simd.i32x4Table, bits: 32, lanes: 4 },
  { name: "i64x2", instructions: i64x2, table: simd.i64x2Table, bits: 64, lanes: 2 },
  { name: "f32", instructions: f32, table: scalar.f32Table, bits: 32, lanes: 1 },
  { name: "f64", instructions: f64, table: scalar.f64Table, bits: 64, lanes: 1 },
  { name: "f32x4", instructions: f32x4, table: simd.f32x4Table, bits: 32, lanes: 4 },
  { name: "f64x2", instructions: f64x2, table: simd.f64x2Table, bits: 64, lanes: 2 },
] as const;

const floats = [1.5, -2.5, 0.5, -0, 3.25, -7.75, 2, 1e9, -1e-3, 4, 4, -3.5];
const integers = [1n, -1n, 5n, -7n, 100n, -128n, 127n, 0x7fffffffn, -0x80000000n, 0x123456789an, 65535n, 0n, 0n];

describe.each(namespaces)("$name", ({ instructions, table, bits, lanes, name: space }) => {
  const float = space.startsWith("f");
  const meanings: Readonly<Record<string, (...args: never[]) => unknown>> = float
    ? floatMeanings
    : integerMeanings(bits);
  const list = (buffer: ArrayBuffer, words: Bits, of: "float" | "integer") =>
    of === "float"
      ? [...new floatArrays[words as 32 | 64](buffer)]
      : [...new integerArrays[words](buffer)].map((x) => BigInt(x));
  const rows = Object.entries(table as scalar.InstructionTable).filter(([name]) => name in meanings);

  it.each(rows)("%s", (name, [, signature]) => {
    const instruction = (instructions as unknown as Record<string, Instruction>)[name] as Instruction;
    const inputs = float ? floats : integers;
    for (let turn = 0; turn < inputs.length; turn++) {
      const pick = (i: number) => inputs[(turn * 5 + i * 3) % inputs.length] as never;
      const bytes = new Uint8Array(48);
      const words = float ? new floatArrays[bits as 32 | 64](bytes.buffer) : new integerArrays[bits](bytes.buffer);
      for (let i = 0; i < words.length; i++)
        words[i] = (bits === 64 || float ? pick(i) : Number(BigInt.asUintN(bits, pick(i)))) as never;
      if (name.startsWith("div") && !float && words[128 / bits] === 0) continue;
      const a = list(bytes.slice(0, 16).buffer, bits, float ? "float" : "integer");
      // The count of a vector shift is one scalar.
      const shift = signature === "vi:v";
      const b = list(bytes.slice(16, 32).buffer, shift ? 32 : bits, float ? "float" : "integer");
      if (/^(div|rem)/.test(name) && b[0] === 0n) continue;
      const result = evaluate(instruction, signature, bytes);
      const expected = Array.from({ length: lanes }, (_, i) =>
        meanings[name]?.(a[i] as never, b[shift ? 0 : i] as never),
      );
      if (typeof expected[0] === "boolean") {
        const width = lanes === 1 ? 32 : bits;
        const yes = lanes === 1 ? 1n : BigInt.asUintN(bits, -1n);
        expect(list(result, width, "integer").slice(0, lanes)).toEqual(expected.map((x) => (x ? yes : 0n)));
      } else if (float) {
        const rounded = expected.map((x) => (bits === 32 ? Math.fround(x as number) : x));
        expect(list(result, bits, "float").slice(0, lanes)).toEqual(rounded);
      } else {
        const wrapped = expected.map((x) => BigInt.asUintN(bits, x as bigint));
        expect(list(result, bits, "integer").slice(0, lanes)).toEqual(wrapped);
      }
    }
  });
});

describe("the whole tables", () => {
  const all = { ...scalar, ...simd };
  const spaces = { ...{ i32, i64, f32, f64, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 }, relaxed };
  it.each(Object.keys(all).filter((name) => relaxedSimd || name !== "relaxedTable"))("%s validates", (name) => {
    const table = all[name as keyof typeof all] as scalar.InstructionTable;
    const space = spaces[name.replace(/(Saturating)?Table/, "") as keyof typeof spaces];
    for (const [instruction, [, signature]] of Object.entries(table)) {
      const build = (space as unknown as Record<string, Instruction>)[instruction] as Instruction;
      expect(() => evaluate(build, signature, new Uint8Array(48).fill(1)), instruction).not.toThrow();
    }
  });
});
