// Instructions with immediates or across lanes: shuffles, conversions, loads, stores, atomics.
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
  v128,
} from "./assembler.js";

/** Evaluates a vector expression over memory that `fill` prepared; the 16 bytes of the result. */
function vectorOf(make: () => Expr<"v128">, fill: (memory: ArrayBuffer) => void = () => {}): ArrayBuffer {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared: false });
  module.function({ params: {}, export: "run" }, (f) => f.store.v128(1024, make()));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  fill(memory.buffer);
  (exports.run as () => void)();
  return memory.buffer.slice(1024, 1040);
}

const bytesOf = (values: ArrayBufferView) => v128.const(new Uint8Array(values.buffer));
const ints = (...values: number[]) => bytesOf(Int32Array.from(values));
const longs = (...values: bigint[]) => bytesOf(BigInt64Array.from(values));
const singles = (...values: number[]) => bytesOf(Float32Array.from(values));
const doubles = (...values: number[]) => bytesOf(Float64Array.from(values));
const i32s = (buffer: ArrayBuffer) => [...new Int32Array(buffer)];
const i64s = (buffer: ArrayBuffer) => [...new BigInt64Array(buffer)];
const f32s = (buffer: ArrayBuffer) => [...new Float32Array(buffer)];
const f64s = (buffer: ArrayBuffer) => [...new Float64Array(buffer)];
const i8s = (buffer: ArrayBuffer) => [...new Int8Array(buffer)];

describe("vectors: between lanes and types", () => {
  const cases: readonly (readonly [
    string,
    () => Expr<"v128">,
    (b: ArrayBuffer) => readonly unknown[],
    readonly unknown[],
  ])[] = [
    [
      "extmul low unsigned",
      () => i64x2.extmulLowI32x4U(ints(-1, 7, 0, 0), ints(-1, -1, 0, 0)),
      i64s,
      [0xfffffffe00000001n - (1n << 64n), 30064771065n],
    ],
    ["extmul high signed", () => i64x2.extmulHighI32x4S(ints(0, 0, -3, 5), ints(0, 0, 7, -9)), i64s, [-21n, -45n]],
    ["extend high unsigned", () => i64x2.extendHighI32x4U(ints(0, 0, -1, 5)), i64s, [0xffffffffn, 5n]],
    [
      "saturating truncation",
      () => i32x4.truncSatF32x4S(singles(1.9, -1.9, Number.NaN, 3e9)),
      i32s,
      [1, -1, 0, 0x7fffffff],
    ],
    ["unsigned truncation", () => i32x4.truncSatF32x4U(singles(3e9, -1, 7.5, 5e9)), i32s, [3e9 | 0, 0, 7, -1]],
    ["truncation of doubles", () => i32x4.truncSatF64x2SZero(doubles(-7.9, 1e300)), i32s, [-7, 0x7fffffff, 0, 0]],
    ["integers to floats", () => f32x4.convertI32x4S(ints(-1, 2, -3, 4)), f32s, [-1, 2, -3, 4]],
    ["unsigned to floats", () => f32x4.convertI32x4U(ints(-1, 2, 3, 4)), f32s, [2 ** 32, 2, 3, 4]],
    ["integers to doubles", () => f64x2.convertLowI32x4S(ints(-1, 2, 9, 9)), f64s, [-1, 2]],
    ["unsigned to doubles", () => f64x2.convertLowI32x4U(ints(-1, 2, 9, 9)), f64s, [2 ** 32 - 1, 2]],
    ["demote", () => f32x4.demoteF64x2Zero(doubles(0.1, -2)), f32s, [Math.fround(0.1), -2, 0, 0]],
    ["promote", () => f64x2.promoteLowF32x4(singles(0.5, -2, 9, 9)), f64s, [0.5, -2]],
    ["shuffle words", () => i32x4.shuffle(ints(0, 1, 2, 3), ints(4, 5, 6, 7), [7, 0, 5, 2]), i32s, [7, 0, 5, 2]],
    ["shuffle longs", () => i64x2.shuffle(longs(0n, 1n), longs(2n, 3n), [3, 0]), i64s, [3n, 0n]],
    [
      "shuffle bytes",
      () =>
        i8x16.shuffle(
          ints(0x03020100, 0, 0, 0),
          ints(0x13121110, 0, 0, 0),
          [3, 17, 2, 16, 1, 19, 0, 18, 4, 4, 4, 4, 4, 4, 4, 4],
        ),
      i8s,
      [3, 17, 2, 16, 1, 19, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    [
      "swizzle",
      () => i8x16.swizzle(ints(0x03020100, 0x07060504, 0, 0), ints(0x00010203, 0x7f070605, -1, -1)),
      i8s,
      [3, 2, 1, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    [
      "bitselect",
      () => v128.bitselect(ints(1, 2, 3, 0x0f0f), ints(5, 6, 7, 0xf0f0), ints(-1, 0, -1, 0xff)),
      i32s,
      [1, 6, 3, 0xf00f],
    ],
    [
      "replace and extract lanes",
      () => i32x4.replaceLane(f32x4.replaceLane(ints(1, 2, 3, 4), 1, 1), 3, i32x4.extractLane(ints(1, 2, 9, 4), 2)),
      i32s,
      [1, 0x3f800000, 3, 9],
    ],
    [
      "double and long lanes",
      () =>
        i64x2.replaceLane(
          f64x2.replaceLane(longs(1n, 2n), 0, f64x2.extractLane(doubles(4, 8), 1)),
          1,
          i64x2.extractLane(longs(5n, 6n), 0),
        ),
      i64s,
      [0x4020000000000000n, 5n],
    ],
    ["splats", () => i32x4.add(i32x4.splat(3), f32x4.splat(0)), i32s, [3, 3, 3, 3]],
    ["splats of longs and doubles", () => v128.xor(i64x2.splat(-1n), f64x2.splat(0)), i64s, [-1n, -1n]],
    [
      "narrowing",
      () => i8x16.narrowI16x8U(i16x8.narrowI32x4S(ints(1, 70000, -70000, 5), ints(0, 0, 0, 300)), ints(0, 0, 0, 0)),
      i8s,
      [1, -1, 0, 5, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    ["dot product", () => i32x4.dotI16x8S(i16x8.splat(3), i16x8.splat(-2)), i32s, [-12, -12, -12, -12]],
    [
      "masks",
      () => i32x4.splat(i32.add(i32x4.bitmask(ints(-1, 1, -1, 1)), i32.shl(i32x4.allTrue(ints(1, 1, 1, 0)), 8))),
      i32s,
      [5, 5, 5, 5],
    ],
    ["select", () => v128.select(ints(1, 1, 1, 1), ints(2, 2, 2, 2), 0), i32s, [2, 2, 2, 2]],
    [
      "scalar conversions",
      () =>
        i32x4.splat(
          i32.add(
            i32.truncSatF64S(-3.7),
            i32.wrapI64(i64.extendI32U(i32.reinterpretF32(f32.demoteF64(f64.convertI32S(2))))),
          ),
        ),
      i32s,
      Array(4).fill(0x40000000 - 3),
    ],
  ];
  it.each(cases)("%s", (_, make, read, expected) => {
    expect(read(vectorOf(make))).toEqual(expected);
  });
});

describe("memory", () => {
  const fill = (memory: ArrayBuffer) => {
    for (let i = 0; i < 64; i++) new Uint8Array(memory)[i] = 0xf0 + i;
  };
  const pattern = (...bytes: number[]) => bytes.map((x) => ((x + 0xf0) << 24) >> 24);
  const cases: readonly (readonly [string, () => Expr<"v128">, readonly number[]])[] = [
    ["load", () => v128.load(1, 2), pattern(3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)],
    ["load32Splat", () => v128.load32Splat(4), pattern(4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7)],
    ["load64Splat", () => v128.load64Splat(0), pattern(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7)],
    ["load16Splat", () => v128.load16Splat(2), pattern(2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3)],
    ["load8Splat", () => v128.load8Splat(2), Array(16).fill(-14)],
    ["load32Zero", () => v128.load32Zero(1), [...pattern(1, 2, 3, 4), ...Array(12).fill(0)]],
    ["load64Zero", () => v128.load64Zero(1), [...pattern(1, 2, 3, 4, 5, 6, 7, 8), ...Array(8).fill(0)]],
    [
      "load32Lane",
      () => v128.load32Lane(2, ints(0, 0, 0, 0), 1),
      [0, 0, 0, 0, ...pattern(2, 3, 4, 5), ...Array(8).fill(0)],
    ],
    [
      "load64Lane",
      () => v128.load64Lane(2, ints(0, 0, 0, 0), 1, 1),
      [...Array(8).fill(0), ...pattern(3, 4, 5, 6, 7, 8, 9, 10)],
    ],
    ["load8Lane", () => v128.load8Lane(2, ints(0, 0, 0, 0), 15), [...Array(15).fill(0), ...pattern(2)]],
    ["load8x8S", () => v128.load8x8S(0), pattern(0, 1, 2, 3, 4, 5, 6, 7).flatMap((x) => [x, -1])],
    ["load8x8U", () => v128.load8x8U(0), pattern(0, 1, 2, 3, 4, 5, 6, 7).flatMap((x) => [x, 0])],
    [
      "load16x4U",
      () => v128.load16x4U(0),
      [...pattern(0, 1), 0, 0, ...pattern(2, 3), 0, 0, ...pattern(4, 5), 0, 0, ...pattern(6, 7), 0, 0],
    ],
    [
      "load32x2S",
      () => v128.load32x2S(0),
      [...pattern(0, 1, 2, 3), -1, -1, -1, -1, ...pattern(4, 5, 6, 7), -1, -1, -1, -1],
    ],
    [
      "scalar loads",
      () => i32x4.replaceLane(i32x4.splat(i32.load8U(0)), 1, i32.load16S(0)),
      [-16, 0, 0, 0, -16, -15, -1, -1, -16, 0, 0, 0, -16, 0, 0, 0],
    ],
  ];
  it.each(cases)("%s", (_, make, expected) => {
    expect(i8s(vectorOf(make, fill))).toEqual(expected);
  });

  it("stores whole values, parts and lanes; copies and fills", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new ModuleBuilder();
    module.importMemory("env", "memory", { shared: false });
    module.function({ params: {}, export: "run" }, (f) => {
      f.store.i32(0, -2);
      f.store.i32As8(4, 0x1234);
      f.store.i32As16(5, 0x1234);
      f.store.i64(8, 0x0102030405060708n);
      f.store.f32(16, 1.5);
      f.store.f64(24, -2.5);
      f.store.v128Lane32(32, ints(1, 2, 3, 4), 2, 4);
      f.store.v128Lane64(40, longs(1n, 2n), 1);
      f.memoryCopy(48, 8, 8);
      f.memoryFill(56, 7, 3);
    });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
    (exports.run as () => void)();
    const view = new DataView(memory.buffer);
    expect([view.getInt32(0, true), view.getUint8(4), view.getUint16(5, true)]).toEqual([-2, 0x34, 0x1234]);
    expect([view.getBigInt64(8, true), view.getBigInt64(48, true)]).toEqual([0x0102030405060708n, 0x0102030405060708n]);
    expect([view.getFloat32(16, true), view.getFloat64(24, true)]).toEqual([1.5, -2.5]);
    expect([view.getInt32(32, true), view.getInt32(36, true), view.getBigInt64(40, true)]).toEqual([0, 3, 2n]);
    expect([...new Uint8Array(memory.buffer, 56, 4)]).toEqual([7, 7, 7, 0]);
  });

  it("atomics give the old value and change the word", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new ModuleBuilder();
    module.importMemory("env", "memory", { shared: true });
    module.function({ params: {}, export: "run" }, (f) => {
      f.store.i32Atomic(0, 12);
      f.store.i32(64, atomics.add(0, 5));
      f.store.i32(68, atomics.sub(0, 1));
      f.store.i32(72, atomics.and(0, 0xfe));
      f.store.i32(76, atomics.or(0, 3));
      f.store.i32(80, atomics.xor(0, 1));
      f.store.i32(84, atomics.exchange(0, 100));
      f.store.i32(88, atomics.compareExchange(0, 100, 7));
      f.store.i32(92, atomics.compareExchange(0, 100, 8));
      f.store.i32(96, atomics.load(0));
      f.store.i32(100, atomics.wait(0, 6, -1n));
      f.store.i32(104, atomics.wait(0, 7, 1000n));
      f.store.i32(108, atomics.notify(0, 1));
    });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
    (exports.run as () => void)();
    expect([...new Int32Array(memory.buffer, 64, 12)]).toEqual([12, 17, 16, 16, 19, 18, 100, 7, 7, 1, 2, 0]);
  });
});
