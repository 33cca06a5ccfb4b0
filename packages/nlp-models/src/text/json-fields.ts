// Reading stored JSON: each field is checked, and what is wrong is said by name.

import { TensorError } from "@torchium/tensor";

/** A `format` error in the house form. */
export function formatError(op: string, why: string, cause?: unknown): TensorError {
  return new TensorError("format", `${op}: ${why}`, { op }, cause);
}

/** Whether a parsed JSON value is an object with named fields. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value in few words, for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return Array.isArray(value) ? "an array" : "an object";
}

/** Checked access to the fields of a stored object; every method throws `format` when the field is not that. */
export interface JsonFields {
  string(name: string): string;
  optionalString(name: string): string | undefined;
  number(name: string): number;
  boolean(name: string): boolean;
  strings(name: string): readonly string[];
  value(name: string): unknown;
}

/**
 * Checked access to an object's fields, after its header fields were found to have the given values.
 * @throws `format` when the value is no object or the header differs.
 */
export function readFields(op: string, value: unknown, header: Readonly<Record<string, string | number>>): JsonFields {
  if (!isRecord(value)) throw formatError(op, `not a stored object, got ${describe(value)}`);
  const fail = (name: string, expected: string): never => {
    throw formatError(op, `field ${name} is wrong, got ${describe(value[name])}, expected ${expected}`);
  };
  for (const [name, expected] of Object.entries(header)) {
    if (value[name] !== expected) fail(name, describe(expected));
  }
  const isString = (field: unknown): field is string => typeof field === "string";
  return {
    string: (name) => {
      const field = value[name];
      return isString(field) ? field : fail(name, "a string");
    },
    optionalString: (name) => {
      const field = value[name] ?? undefined;
      return field === undefined || isString(field) ? field : fail(name, "a string or null");
    },
    number: (name) => {
      const field = value[name];
      return typeof field === "number" ? field : fail(name, "a number");
    },
    boolean: (name) => {
      const field = value[name];
      return typeof field === "boolean" ? field : fail(name, "true or false");
    },
    strings: (name) => {
      const field = value[name];
      return Array.isArray(field) && field.every(isString) ? field : fail(name, "an array of strings");
    },
    value: (name) => value[name],
  };
}
