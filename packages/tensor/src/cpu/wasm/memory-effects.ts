// Instructions that change memory, as data for the function builder, and atomics.
// Stores leave no value, so they are statements of a function; atomics that read are expressions.

import { type Bytes, unsignedLeb } from "./encoding.js";
import { type Code, type Expr, expr, type Operand, operand, type ValueType } from "./expression.js";
import { type Address, memoryAccess, type Vector } from "./instructions.js";

const simd = (opcode: number): Bytes => [0xfd, ...unsignedLeb(opcode)];

/** Code that leaves no value on the stack. */
export interface Statement {
  readonly args: readonly Expr[];
  readonly code: readonly Code[];
}

function store<T extends ValueType>(type: T, opcode: Bytes, alignment: number) {
  return (address: Address, value: Operand<T>, offset = 0): Statement => ({
    args: [operand("i32", address), operand(type, value)],
    code: memoryAccess(opcode, alignment, offset),
  });
}

function storeLane(opcode: number, alignment: number) {
  return (address: Address, vector: Vector, lane: number, offset = 0): Statement => ({
    args: [operand("i32", address), vector],
    code: [...memoryAccess(simd(opcode), alignment, offset), lane],
  });
}

/** Stores: `(address, value, offset)`, lane stores `(address, vector, lane, offset)`. Atomic ones need natural alignment. */
export const stores = {
  i32: store("i32", [0x36], 2),
  i64: store("i64", [0x37], 3),
  f32: store("f32", [0x38], 2),
  f64: store("f64", [0x39], 3),
  i32As8: store("i32", [0x3a], 0),
  i32As16: store("i32", [0x3b], 1),
  v128: store("v128", simd(0x0b), 4),
  v128Lane8: storeLane(0x58, 0),
  v128Lane16: storeLane(0x59, 1),
  v128Lane32: storeLane(0x5a, 2),
  v128Lane64: storeLane(0x5b, 3),
  i32Atomic: store("i32", [0xfe, 0x17], 2),
  i64Atomic: store("i64", [0xfe, 0x18], 3),
};

function atomic(opcode: number, alignment: number, types: readonly ValueType[]) {
  return (operands: readonly Operand[], offset: number): Expr<"i32"> =>
    expr(
      "i32",
      types.map((type, i) => operand(type, operands[i] as Operand<typeof type>)),
      memoryAccess([0xfe, opcode], alignment, offset),
    );
}

const atomicLoad = atomic(0x10, 2, ["i32"]);
const readModifyWrite = (opcode: number) => {
  const build = atomic(opcode, 2, ["i32", "i32"]);
  return (address: Address, value: Operand<"i32">, offset = 0) => build([address, value], offset);
};
const compareExchange = atomic(0x48, 2, ["i32", "i32", "i32"]);
const wait = atomic(0x01, 2, ["i32", "i32", "i64"]);
const notify = atomic(0x00, 2, ["i32", "i32"]);

/** Sequentially consistent atomics on 32-bit words at 4-byte aligned addresses; read-modify-writes give the old value. */
export const atomics = {
  load: (address: Address, offset = 0) => atomicLoad([address], offset),
  add: readModifyWrite(0x1e),
  sub: readModifyWrite(0x25),
  and: readModifyWrite(0x2c),
  or: readModifyWrite(0x33),
  xor: readModifyWrite(0x3a),
  exchange: readModifyWrite(0x41),
  /** Writes `replacement` where the word equals `expected`. */
  compareExchange: (address: Address, expected: Operand<"i32">, replacement: Operand<"i32">, offset = 0) =>
    compareExchange([address, expected, replacement], offset),
  /** Sleeps while the word equals `expected`, `timeoutNs` at most (-1n: for ever); 0 woken, 1 not equal, 2 timed out. */
  wait: (address: Address, expected: Operand<"i32">, timeoutNs: Operand<"i64">, offset = 0) =>
    wait([address, expected, timeoutNs], offset),
  /** Wakes at most `count` sleepers; gives how many. */
  notify: (address: Address, count: Operand<"i32">, offset = 0) => notify([address, count], offset),
};
