// Typed expressions: values of a function under construction, as trees of postfix code.
// An expression is code, not a result: using it twice computes it twice, so a shared value goes into a local.

import { float32Bytes, float64Bytes, signedLeb, signedLeb64 } from "./encoding.js";

/** The value types of WebAssembly that kernels use. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** Opcodes of the instructions on locals. */
export const localOpcode = { get: 0x20, set: 0x21, tee: 0x22 } as const;

/** One instruction on local number `local`, before it is known which slot that gets. */
export interface LocalAccess {
  readonly opcode: (typeof localOpcode)[keyof typeof localOpcode];
  readonly local: number;
}

/** A byte of code, or an access whose bytes are not known yet. */
export type Code = number | LocalAccess;

/** Code that leaves one value of type `T` on the stack: its arguments' code, then its own. */
export interface Expr<T extends ValueType = ValueType> {
  readonly type: T;
  readonly args: readonly Expr[];
  readonly code: readonly Code[];
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

/** An expression node of `type` that runs `args` in order, then `code`. */
export function expr<T extends ValueType>(type: T, args: readonly Expr[], code: readonly Code[]): Expr<T> {
  return { type, args, code };
}

/** Turns a literal into a constant of `type`; expressions pass through. */
export function operand<T extends ValueType>(type: T, value: Operand<T>): Expr<T> {
  if (typeof value === "bigint") return expr(type, [], [0x42, ...signedLeb64(value)]);
  if (typeof value !== "number") return value as Expr<T>;
  if (type === "i32") return expr(type, [], [0x41, ...signedLeb(value)]);
  if (type === "f32") return expr(type, [], [0x43, ...float32Bytes(value)]);
  return expr(type, [], [0x44, ...float64Bytes(value)]);
}

/** Appends code to a body in the making: the arguments', then the instruction's own. */
export function writeCode(
  body: Code[],
  { args, code }: { readonly args: readonly Expr[]; readonly code: readonly Code[] },
): void {
  for (const arg of args) writeCode(body, arg);
  for (const part of code) body.push(part);
}
