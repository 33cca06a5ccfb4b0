import { describe, expect, it } from "vitest";
import {
  atomics,
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
import * as scalarTables from "./scalar-tables.js";
import * as simdTables from "./simd-tables.js";

type Exports = Readonly<Record<string, (...args: (number | bigint)[]) => number | bigint>>;
type AnyInstruction = (...operands: Operand[]) => Expr;

const { relaxedSimd, threads } = detectFeatures();

/** Instantiates what `build` adds, over one page of memory. */
function instantiate(build: (module: ModuleBuilder) => void, shared = false, imports: object = {}) {
  const memory = new WebAssembly.Memory(shared ? { initial: 1, maximum: 1, shared } : { initial: 1 });
  const module = new ModuleBuilder({ relaxedSimd });
  module.importMemory("env", "memory", { shared });
  build(module);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory, ...imports } });
  return { memory, exports: instance.exports as Exports };
}

const letters: Readonly<Record<string, ValueType>> = { i: "i32", l: "i64", f: "f32", d: "f64", v: "v128" };
const loads = { i32: i32.load, i64: i64.load, f32: f32.load, f64: f64.load, v128: v128.load };

/** Runs one instruction on operands at byte offsets 0, 16, 32; the 16 bytes of the result. */
function evaluate(instruction: AnyInstruction, signature: string, operands: readonly Uint8Array[]): ArrayBuffer {
  const [params = "", result = ""] = signature.split(":");
  const { memory, exports } = instantiate((module) => {
    module.function({ params: {}, export: "run" }, (f) => {
      const values = [...params].map((letter, i) => loads[letters[letter] as ValueType](16 * i));
      f.store[letters[result] as ValueType](64, instruction(...values) as never);
    });
  });
  operands.forEach((bytes, i) => {
    new Uint8Array(memory.buffer).set(bytes, 16 * i);
  });
  exports.run?.();
  return memory.buffer.slice(64, 80);
}

// Meaning of an instruction by name, a lane; what a name leaves open (sign, width) comes from the namespace.
const floatLanes: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  pmin: (a, b) => (b < a ? b : a),
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

function integerLanes(bits: number): Readonly<Record<string, (a: bigint, b: bigint) => bigint | boolean>> {
  const n = BigInt(bits);
  const s = (x: bigint) => BigInt.asIntN(bits, x);
  const u = (x: bigint) => BigInt.asUintN(bits, x);
  const clamp = (x: bigint, low: bigint, high: bigint) => (x < low ? low : x > high ? high : x);
  const saturateS = (x: bigint) => clamp(x, -(1n << (n - 1n)), (1n << (n - 1n)) - 1n);
  const saturateU = (x: bigint) => clamp(x, 0n, (1n << n) - 1n);
  const bitString = (x: bigint) => u(x).toString(2).padStart(bits, "0");
  return {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    addSatS: (a, b) => saturateS(s(a) + s(b)),
    addSatU: (a, b) => saturateU(u(a) + u(b)),
    subSatS: (a, b) => saturateS(s(a) - s(b)),
    subSatU: (a, b) => saturateU(u(a) - u(b)),
    minS: (a, b) => (s(a) < s(b) ? a : b),
    minU: (a, b) => (u(a) < u(b) ? a : b),
    maxS: (a, b) => (s(a) > s(b) ? a : b),
    maxU: (a, b) => (u(a) > u(b) ? a : b),
    avgrU: (a, b) => (u(a) + u(b) + 1n) / 2n,
    divS: (a, b) => s(a) / s(b),
    divU: (a, b) => u(a) / u(b),
    remS: (a, b) => s(a) % s(b),
    remU: (a, b) => u(a) % u(b),
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
    shl: (a, b) => a << (u(b) % n),
    shrS: (a, b) => s(a) >> (u(b) % n),
    shrU: (a, b) => u(a) >> (u(b) % n),
    rotl: (a, b) => (u(a) << (u(b) % n)) | (u(a) >> ((n - (u(b) % n)) % n)),
    rotr: (a, b) => (u(a) >> (u(b) % n)) | (u(a) << ((n - (u(b) % n)) % n)),
    abs: (a) => (s(a) < 0n ? -s(a) : s(a)),
    neg: (a) => -a,
    popcnt: (a) => BigInt(bitString(a).replaceAll("0", "").length),
    clz: (a) => BigInt(`${bitString(a)}1`.indexOf("1")),
    ctz: (a) => BigInt([...bitString(a)].reverse().concat("1").indexOf("1")),
    eqz: (a) => u(a) === 0n,
    extend8S: (a) => BigInt.asIntN(8, a),
    extend16S: (a) => BigInt.asIntN(16, a),
    extend32S: (a) => BigInt.asIntN(32, a),
    eq: (a, b) => u(a) === u(b),
    ne: (a, b) => u(a) !== u(b),
    ltS: (a, b) => s(a) < s(b),
    ltU: (a, b) => u(a) < u(b),
    gtS: (a, b) => s(a) > s(b),
    gtU: (a, b) => u(a) > u(b),
    leS: (a, b) => s(a) <= s(b),
    leU: (a, b) => u(a) <= u(b),
    geS: (a, b) => s(a) >= s(b),
    geU: (a, b) => u(a) >= u(b),
  };
}

const floatInputs = [1.5, -2.5, 0.5, -0, 3.25, -7.75, 2, 1e9, -1e-3, 4];
const integerInputs = [0n, 1n, -1n, 5n, -7n, 100n, -128n, 127n, 0x7fffffffn, -0x80000000n, 0x123456789an, 65535n];

interface NamespaceCase {
  readonly name: string;
  readonly instructions: object;
  readonly table: scalarTables.InstructionTable;
  readonly lanes: number;
  readonly bits: number;
  readonly float: boolean;
}

const vectorCase = (name: string, instructions: object, table: scalarTables.InstructionTable, bits: number) => ({
  ...{ name, instructions, table, bits },
  ...{ lanes: 128 / bits, float: name.startsWith("f") },
});
const namespaces: readonly NamespaceCase[] = [
  { ...vectorCase("i32", i32, scalarTables.i32Table, 32), lanes: 1 },
  { ...vectorCase("i64", i64, scalarTables.i64Table, 64), lanes: 1 },
  { ...vectorCase("f32", f32, scalarTables.f32Table, 32), lanes: 1 },
  { ...vectorCase("f64", f64, scalarTables.f64Table, 64), lanes: 1 },
  vectorCase("i8x16", i8x16, simdTables.i8x16Table, 8),
  vectorCase("i16x8", i16x8, simdTables.i16x8Table, 16),
  vectorCase("i32x4", i32x4, simdTables.i32x4Table, 32),
  vectorCase("i64x2", i64x2, simdTables.i64x2Table, 64),
  vectorCase("f32x4", f32x4, simdTables.f32x4Table, 32),
  vectorCase("f64x2", f64x2, simdTables.f64x2Table, 64),
];

function floatArray(bits: number, buffer: ArrayBuffer | number) {
  return bits === 32 ? new Float32Array(buffer as number) : new Float64Array(buffer as number);
}

describe.each(namespaces)("$name", ({ instructions, table, lanes, bits, float }) => {
  const known: Readonly<Record<string, unknown>> = float ? floatLanes : integerLanes(bits);
  const rows = Object.entries(table).filter(([name]) => name in known);

  it.each(rows)("%s computes its meaning in every lane", (name, [, signature]) => {
    const inputs = float ? floatInputs : integerInputs;
    const [params = "", result = ""] = signature.split(":");
    for (let shift = 0; shift < inputs.length; shift++) {
      const at = (operand: number, lane: number) => inputs[(shift * (operand + 1) + lane + 3 * operand) % inputs.length];
      if (/^(div|rem)[SU]$/.test(name) && at(1, 0) === 0n) continue;
      const operands = [...params].map((letter, operand) => {
        const bytes = new ArrayBuffer(16);
        // The shift count of a vector shift is a scalar.
        const count = letter === "v" || lanes === 1 ? lanes : 1;
        for (let lane = 0; lane < count; lane++) {
          const value = at(operand, lane) as number | bigint;
          if (float) floatArray(bits, bytes)[lane] = value as number;
          else writeInteger(bytes, lane, count === lanes ? bits : 32, value as bigint);
        }
        return new Uint8Array(bytes);
      });
      const actual = evaluate((instructions as Record<string, AnyInstruction>)[name] as AnyInstruction, signature, operands);
      const view = new DataView(operands[0]?.buffer as ArrayBuffer);
      expect(view.byteLength).toBe(16);
      for (let lane = 0; lane < lanes; lane++) {
        const arg = (i: number) => {
          const buffer = operands[i]?.buffer as ArrayBuffer | undefined;
          if (!buffer) return 0n;
          const scalar = params[i] !== "v" && lanes > 1;
          return float ? floatArray(bits, buffer)[lane] : readInteger(buffer, scalar ? 0 : lane, scalar ? 32 : bits);
        };
        const expected = (known[name] as (a: unknown, b: unknown) => number | bigint | boolean)(arg(0), arg(1));
        if (typeof expected === "boolean") {
          const flag = lanes === 1 ? (expected ? 1n : 0n) : expected ? BigInt.asUintN(bits, -1n) : 0n;
          expect(BigInt.asUintN(lanes === 1 ? 32 : bits, readInteger(actual, lane, lanes === 1 ? 32 : bits))).toBe(flag);
        } else if (float) {
          expect(floatArray(bits, actual)[lane]).toBe(bits === 32 ? Math.fround(expected as number) : expected);
        } else {
          const width = result === "i" ? 32 : bits;
          const at = lanes === 1 ? width : bits;
          expect(BigInt.asUintN(at, readInteger(actual, lane, at))).toBe(BigInt.asUintN(at, expected as bigint));
        }
      }
    }
  });
});
