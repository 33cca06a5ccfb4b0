// Checks of plain arguments: numbers, flags, functions and options objects. The error names the call, the argument and
// what came.

import { argumentError, unknownName } from "./errors.js";

/** @throws TensorError `argument` unless `options` is a plain object with no other names than `known` */
export function checkOptions(op: string, options: unknown, known: readonly string[]): void {
  if (!isPlain(options)) throw argumentError(op, "options", `an object of ${known.join(", ")}`, options);
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName(op, "option", name, known);
}

/** The same where every option is true or false. @throws TensorError `argument` */
export function checkFlags(op: string, options: unknown, known: readonly string[]): void {
  checkOptions(op, options, known);
  for (const [name, value] of Object.entries(options as object)) if (value !== undefined) checkFlag(op, name, value);
}

/** Whether a value is an object written in place: no array, no tensor, no instance of a class. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const above: unknown = Object.getPrototypeOf(value);
  return above === null || Object.getPrototypeOf(above) === null;
}

/** @throws TensorError `argument` unless `value` is an integer of at least `least` */
export function checkInteger(op: string, field: string, value: unknown, least = Number.NEGATIVE_INFINITY): void {
  if (Number.isInteger(value) && (value as number) >= least) return;
  const expected = least === 1 ? "a positive integer" : least === 0 ? "an integer of at least 0" : "an integer";
  throw argumentError(op, field, expected, value);
}

/** @throws TensorError `argument` unless `values` is a list of integers of at least `least` */
export function checkIntegers(op: string, field: string, values: unknown, least?: number): void {
  if (!Array.isArray(values)) throw argumentError(op, field, "a list of integers", values);
  for (const value of values) checkInteger(op, field, value, least);
}

/** @throws TensorError `argument` unless `value` is a number, which may be any: it is data */
export function checkValue(op: string, field: string, value: unknown): void {
  if (typeof value !== "number") throw argumentError(op, field, "a number", value);
}

/** @throws TensorError `argument` unless `value` is a finite number */
export function checkFinite(op: string, field: string, value: unknown): void {
  if (!Number.isFinite(value)) throw argumentError(op, field, "a finite number", value);
}

/** @throws TensorError `argument` unless `value` is true or false */
export function checkFlag(op: string, field: string, value: unknown): void {
  if (typeof value !== "boolean") throw argumentError(op, field, "true or false", value);
}

/** @throws TensorError `argument` unless `value` is a function */
export function checkFunction(op: string, field: string, value: unknown): void {
  if (typeof value !== "function") throw argumentError(op, field, "a function", value);
}

/** A flag that comes as the last argument or by its name. @throws TensorError `argument` */
export function flagOf(op: string, name: string, given: unknown, otherwise: boolean): boolean {
  if (typeof given === "boolean") return given;
  checkOptions(op, given, [name]);
  const flag = (given as Readonly<Record<string, unknown>>)[name] ?? otherwise;
  checkFlag(op, name, flag);
  return flag as boolean;
}
