// Typed expressions: values of a function under construction, as trees of postfix code.
// An expression is code, not a result: using it twice computes it twice, so a shared value goes into a local.

import { type Bytes, float32Bytes, float64Bytes, signedLeb, signedLeb64 } from "./encoding.js";

/** The value types of WebAssembly that kernels use. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** Code that leaves one value of type `T` on the stack: its arguments' code, then its own bytes. */
export interface Expr<T extends ValueType = ValueType> {
  readonly type: T;
  readonly args: readonly Expr[];
  readonly bytes: Bytes;
}

/** What an instruction takes: an expression or, for scalars, a literal. */
export type Operand<T extends ValueType = ValueType> = T extends "i64"
  ? Expr<T> | bigint
  : T extends "i32" | "f32" | "f64"
    ? Expr<T> | number
    : Expr<T>;

/** A local variable; as an expression it reads itself. */
export interface Local<T extends ValueType = ValueType> extends Expr<T> {
  readonly index: number;
}

/** Byte of each value type in the binary format. */
export const valueTypeCode = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
} as const satisfies Record<ValueType, number>;

/** An expression node of `type` that runs `args` in order, then `bytes`. */
export function expr<T extends ValueType>(type: T, args: readonly Expr[], bytes: Bytes): Expr<T> {
  return { type, args, bytes };
}

/** Turns a literal into a constant of `type`; expressions pass through. */
export function operand<T extends ValueType>(type: T, value: Operand<T>): Expr<T> {
  if (typeof value === "bigint") return expr(type, [], [0x42, ...signedLeb64(value)]);
  if (typeof value !== "number") return value as Expr<T>;
  if (type === "i32") return expr(type, [], [0x41, ...signedLeb(value)]);
  if (type === "f32") return expr(type, [], [0x43, ...float32Bytes(value)]);
  return expr(type, [], [0x44, ...float64Bytes(value)]);
}

/** Appends the postfix code of an expression. */
export function writeExpr(out: number[], { args, bytes }: Expr): void {
  for (const arg of args) writeExpr(out, arg);
  for (const byte of bytes) out.push(byte);
}
