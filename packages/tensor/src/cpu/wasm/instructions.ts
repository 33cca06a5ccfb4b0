// The instructions as typed functions: `f32x4.add(a, b)`, `i32.load(pointer, 16)`, `v128.load32Splat(pointer)`.
// Plain ones come from the tables; those with immediates (memory, lanes) are written here.

import { type Bytes, unsignedLeb } from "./encoding.js";
import { type Expr, expr, type Operand, operand, type ValueType, valueTypeCode } from "./expression.js";
import {
  f32Table,
  f64Table,
  type InstructionTable,
  i32SaturatingTable,
  i32Table,
  i64SaturatingTable,
  i64Table,
} from "./scalar-tables.js";
import {
  f32x4Table,
  f64x2Table,
  i8x16Table,
  i16x8Table,
  i32x4Table,
  i64x2Table,
  relaxedTable,
  v128Table,
} from "./simd-tables.js";

const letters = { i: "i32", l: "i64", f: "f32", d: "f64", v: "v128" } as const;
type Letters = typeof letters;
type Letter = keyof Letters;

type Operands<S extends string> = S extends `${infer H extends Letter}${infer R}`
  ? [Operand<Letters[H]>, ...Operands<R>]
  : [];
type Instruction<S> = S extends `${infer P}:${infer R extends Letter}`
  ? (...operands: Operands<P>) => Expr<Letters[R]>
  : never;
type Namespace<T extends InstructionTable> = { readonly [K in keyof T]: Instruction<T[K][1]> };

/** Addresses are 32-bit byte offsets into the one memory; a 64-bit memory would change this type and little else. */
export type AddressType = "i32";
/** What loads, stores and atomics take as an address. */
export type Address = Operand<AddressType>;
/** Any 128-bit vector. */
export type Vector = Expr<"v128">;

type Lane2 = 0 | 1;
type Lane4 = Lane2 | 2 | 3;
type Lane8 = Lane4 | 4 | 5 | 6 | 7;
type Lane16 = Lane8 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;

function namespace<T extends InstructionTable>(prefix: Bytes, table: T): Namespace<T> {
  const build = ([opcode, signature]: readonly [number, string]) => {
    const [params = "", result = ""] = signature.split(":");
    const types = [...params].map((letter) => letters[letter as Letter]);
    const bytes = prefix.length === 0 ? [opcode] : [...prefix, ...unsignedLeb(opcode)];
    return (...operands: readonly Operand[]) =>
      expr(
        letters[result as Letter],
        types.map((type, i) => operand(type, operands[i] as Operand<typeof type>)),
        bytes,
      );
  };
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, build(row)])) as Namespace<T>;
}

const simd = (opcode: number): Bytes => [0xfd, ...unsignedLeb(opcode)];

/** Opcode of a memory access with its alignment (log2 of bytes) and static byte offset. */
export function memoryAccess(opcode: Bytes, alignment: number, offset: number): Bytes {
  return [...opcode, alignment, ...unsignedLeb(offset)];
}

function load<T extends ValueType>(type: T, opcode: Bytes, alignment: number) {
  return (address: Address, offset = 0): Expr<T> =>
    expr(type, [operand("i32", address)], memoryAccess(opcode, alignment, offset));
}

function loadLane<L extends number>(opcode: number, alignment: number) {
  return (address: Address, vector: Vector, lane: L, offset = 0): Vector =>
    expr("v128", [operand("i32", address), vector], [...memoryAccess(simd(opcode), alignment, offset), lane]);
}

function extract<T extends ValueType, L extends number>(type: T, opcode: number) {
  return (vector: Vector, lane: L): Expr<T> => expr(type, [vector], [...simd(opcode), lane]);
}

function replace<T extends ValueType, L extends number>(type: T, opcode: number) {
  return (vector: Vector, lane: L, value: Operand<T>): Vector =>
    expr("v128", [vector, operand(type, value)], [...simd(opcode), lane]);
}

// Lanes are counted through `a` and then `b`.
function shuffle<L extends readonly number[]>(width: number) {
  return (a: Vector, b: Vector, lanes: L): Vector => {
    const bytes = lanes.flatMap((lane) => Array.from({ length: width }, (_, byte) => lane * width + byte));
    return expr("v128", [a, b], [...simd(0x0d), ...bytes]);
  };
}

// `condition` nonzero ? `a` : `b`; both are computed.
function select<T extends ValueType>(type: T) {
  return (a: Operand<T>, b: Operand<T>, condition: Operand<"i32">): Expr<T> =>
    expr(type, [operand(type, a), operand(type, b), operand("i32", condition)], [0x1c, 1, valueTypeCode[type]]);
}

function constant<T extends "i32" | "i64" | "f32" | "f64">(type: T) {
  return (value: T extends "i64" ? bigint : number): Expr<T> => operand<T>(type, value as Operand<T>);
}

/** 32-bit integer instructions. */
export const i32 = {
  ...namespace([], i32Table),
  ...namespace([0xfc], i32SaturatingTable),
  const: constant("i32"),
  select: select("i32"),
  load: load("i32", [0x28], 2),
  load8S: load("i32", [0x2c], 0),
  load8U: load("i32", [0x2d], 0),
  load16S: load("i32", [0x2e], 1),
  load16U: load("i32", [0x2f], 1),
};

/** 64-bit integer instructions. */
export const i64 = {
  ...namespace([], i64Table),
  ...namespace([0xfc], i64SaturatingTable),
  const: constant("i64"),
  select: select("i64"),
  load: load("i64", [0x29], 3),
  load32S: load("i64", [0x34], 2),
  load32U: load("i64", [0x35], 2),
};

/** Single precision instructions. */
export const f32 = {
  ...namespace([], f32Table),
  const: constant("f32"),
  select: select("f32"),
  load: load("f32", [0x2a], 2),
};

/** Double precision instructions. */
export const f64 = {
  ...namespace([], f64Table),
  const: constant("f64"),
  select: select("f64"),
  load: load("f64", [0x2b], 3),
};

/** Whole-vector instructions: bits, loads, lane loads. */
export const v128 = {
  ...namespace([0xfd], v128Table),
  select: select("v128"),
  load: load("v128", simd(0x00), 4),
  load8x8S: load("v128", simd(0x01), 3),
  load8x8U: load("v128", simd(0x02), 3),
  load16x4S: load("v128", simd(0x03), 3),
  load16x4U: load("v128", simd(0x04), 3),
  load32x2S: load("v128", simd(0x05), 3),
  load32x2U: load("v128", simd(0x06), 3),
  load8Splat: load("v128", simd(0x07), 0),
  load16Splat: load("v128", simd(0x08), 1),
  load32Splat: load("v128", simd(0x09), 2),
  load64Splat: load("v128", simd(0x0a), 3),
  load32Zero: load("v128", simd(0x5c), 2),
  load64Zero: load("v128", simd(0x5d), 3),
  load8Lane: loadLane<Lane16>(0x54, 0),
  load16Lane: loadLane<Lane8>(0x55, 1),
  load32Lane: loadLane<Lane4>(0x56, 2),
  load64Lane: loadLane<Lane2>(0x57, 3),
  /** The 16 bytes of a constant. Inside a loop prefer `FunctionBuilder.constants`: engines do not hoist this one. */
  const: (bytes: Uint8Array): Vector => expr("v128", [], [...simd(0x0c), ...bytes]),
};

/** Sixteen 8-bit lanes. */
export const i8x16 = {
  ...namespace([0xfd], i8x16Table),
  extractLaneS: extract<"i32", Lane16>("i32", 0x15),
  extractLaneU: extract<"i32", Lane16>("i32", 0x16),
  replaceLane: replace<"i32", Lane16>("i32", 0x17),
  shuffle: shuffle<readonly number[]>(1),
};

/** Eight 16-bit lanes. */
export const i16x8 = {
  ...namespace([0xfd], i16x8Table),
  extractLaneS: extract<"i32", Lane8>("i32", 0x18),
  extractLaneU: extract<"i32", Lane8>("i32", 0x19),
  replaceLane: replace<"i32", Lane8>("i32", 0x1a),
  shuffle: shuffle<readonly number[]>(2),
};

/** Four 32-bit integer lanes. */
export const i32x4 = {
  ...namespace([0xfd], i32x4Table),
  extractLane: extract<"i32", Lane4>("i32", 0x1b),
  replaceLane: replace<"i32", Lane4>("i32", 0x1c),
  shuffle: shuffle<readonly [Lane8, Lane8, Lane8, Lane8]>(4),
};

/** Two 64-bit integer lanes. */
export const i64x2 = {
  ...namespace([0xfd], i64x2Table),
  extractLane: extract<"i64", Lane2>("i64", 0x1d),
  replaceLane: replace<"i64", Lane2>("i64", 0x1e),
  shuffle: shuffle<readonly [Lane4, Lane4]>(8),
};

/** Four single precision lanes. */
export const f32x4 = {
  ...namespace([0xfd], f32x4Table),
  extractLane: extract<"f32", Lane4>("f32", 0x1f),
  replaceLane: replace<"f32", Lane4>("f32", 0x20),
};

/** Two double precision lanes. */
export const f64x2 = {
  ...namespace([0xfd], f64x2Table),
  extractLane: extract<"f64", Lane2>("f64", 0x21),
  replaceLane: replace<"f64", Lane2>("f64", 0x22),
};

/** Relaxed SIMD; `FunctionBuilder.madd` and `nmadd` choose between it and plain instructions. */
export const relaxed = namespace([0xfd], relaxedTable);
