// Every kind of option: what it takes, what it refuses and the words it says it with.

import { describe, expect, expectTypeOf, it } from "vitest";
import { tensor } from "../creation.js";
import { TensorError } from "../errors.js";
import { Tensor } from "../tensor.js";
import {
  checkOptions,
  count,
  flag,
  instance,
  integer,
  listOf,
  number,
  numbers,
  oneOf,
  optional,
  pair,
  readOptions,
  refuseOptions,
  strings,
} from "./index.js";

const weight = tensor([1]);

const kinds = [
  [number(), [0, -1.5], [Number.NaN, Infinity, "1", null, [1]], "a finite number"],
  [number({ infinite: true }), [Infinity, -Infinity], [Number.NaN], "a number"],
  [number({ above: 0 }), [1e-9], [0, -1], "a finite number above 0"],
  [number({ atLeast: 0 }), [0], [-1e-9], "a finite number of at least 0"],
  [number({ atMost: 1 }), [1, -5], [1.1], "a finite number of at most 1"],
  [number({ above: 0, below: 1 }), [0.5], [0, 1], "a finite number above 0 and below 1"],
  [number({ atLeast: 0, atMost: 1 }), [0, 1], [-0.1, 1.1], "a finite number from 0 to 1"],
  [integer(), [0, -3], [0.5, Infinity, Number.NaN], "an integer"],
  [count(), [1], [0, 1.5], "a positive integer"],
  [pair({ atLeast: 0, below: 1 }), [[0, 0.9]], [[0], [0, 1], [0, 0, 0], 0.5], "two finite numbers from 0 to below 1"],
  [numbers({ integer: true, atLeast: 0 }), [[], [3, 1]], [[-1], 3], "a list of integers of at least 0"],
  [flag(), [true, false], [0, "true", null], "true or false"],
  [oneOf(["a", "b"]), ["a"], ["c", null], '"a" or "b"'],
  [listOf(["a", "b"]), [[], ["b", "b"]], ["a", ["c"]], 'a list of "a" or "b"'],
  [strings(), [["x"]], ["x", [1]], "a list of strings"],
  [instance("a tensor", Tensor), [weight], [[1], {}, null], "a tensor"],
] as const;

function errorOf(run: () => unknown): TensorError {
  try {
    run();
  } catch (error) {
    if (TensorError.is(error)) return error;
    throw error;
  }
  throw new Error("expected an error");
}

describe.each(kinds)("option %#", (spec, good, bad, expected) => {
  it(`takes ${expected} and nothing else`, () => {
    for (const value of good) expect(readOptions("op", { x: spec } as object, { x: value })).toEqual({ x: value });
    for (const value of bad) {
      const { code, message, details } = errorOf(() => readOptions("op", { x: spec } as object, { x: value }));
      expect([code, message.startsWith(`op: x must be ${expected}, got `)]).toEqual(["argument", true]);
      expect(details).toMatchObject({ op: "op", field: "x", got: value, expected });
    }
  });

  it("must be given unless it has a default or is optional", () => {
    expect(errorOf(() => readOptions("op", { x: spec } as object, {})).message).toBe(
      `op: x must be ${expected}, got undefined`,
    );
    expect(readOptions("op", { x: optional(spec as never) } as object, { x: undefined })).toEqual({ x: undefined });
  });
});

describe("readOptions", () => {
  const table = {
    steps: count(),
    rate: number({ above: 0 }, 0.1),
    mode: oneOf(["min", "max"], "min"),
    seed: optional(integer()),
  };

  it("fills in defaults, those of the call before those of the table, and takes undefined for not given", () => {
    const plain = readOptions("op", table, { steps: 2, rate: undefined });
    expect(plain).toEqual({ steps: 2, rate: 0.1, mode: "min", seed: undefined });
    expect(readOptions("op", table, { rate: 3 }, { steps: 5, rate: 7 })).toMatchObject({ steps: 5, rate: 3 });
    expectTypeOf(plain.mode).toEqualTypeOf<"min" | "max">();
    expectTypeOf(plain.rate).toEqualTypeOf<number>();
    expectTypeOf(plain.seed).toEqualTypeOf<number | undefined>();
  });

  it.each([
    [{ steps: 1, mode: "mean" }, 'op: mode must be "min" or "max", got "mean"'],
    [{ steps: 1, rte: 1 }, "op: unknown option, got rte, did you mean rate?"],
    [{ steps: 1, toString: 1 }, "op: unknown option, got toString, expected one of steps, rate, mode, seed"],
    [null, "op: options must be an object, got null"],
    [[], "op: options must be an object, got []"],
    ["fast", 'op: options must be an object, got "fast"'],
  ])("refuses %j", (given, message) => {
    expect(errorOf(() => readOptions("op", table, given)).message).toBe(message);
  });

  it("refuses a tensor where the options belong", () => {
    expect(errorOf(() => readOptions("op", table, weight)).message).toMatch(
      /^op: options must be an object, got Tensor/,
    );
  });

  it("checks values that were changed later, with a place before the field", () => {
    const values = { steps: 0, rate: 1, mode: "min" };
    expect(errorOf(() => checkOptions("op", table, values, "groups[2].")).message).toBe(
      "op: groups[2].steps must be a positive integer, got 0",
    );
  });

  it("has words for options that do not go together", () => {
    expect(errorOf(() => refuseOptions("SGD", "nesterov needs momentum")).message).toBe("SGD: nesterov needs momentum");
  });
});
