import { describe, expect, it } from "vitest";
import { argumentError, shapeError, suggestion, TensorError, unknownName, unreachable } from "./errors.js";

describe("TensorError", () => {
  it("carries a code, details and a cause", () => {
    const cause = new Error("driver");
    const error = new TensorError("device-lost", "matmul: the device is gone", { op: "matmul" }, cause);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.details, error.cause]).toEqual([
      "TensorError",
      "device-lost",
      { op: "matmul" },
      cause,
    ]);
    expect("cause" in new TensorError("state", "x")).toBe(false);
  });

  it("is recognised by its brand, so that copies of the package agree", () => {
    const foreign = Object.assign(new Error("copy"), { code: "shape", [Symbol.for("@torchium/tensor.error")]: true });
    expect([TensorError.is(foreign), TensorError.is(foreign, "shape"), TensorError.is(foreign, "dtype")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(TensorError.is(new TensorError("index", "x"), "index")).toBe(true);
    for (const other of [new Error("x"), null, undefined, "shape", { code: "shape" }])
      expect(TensorError.is(other)).toBe(false);
  });
});

describe("errors in the house form", () => {
  it("shapeError shows the shapes", () => {
    const error = shapeError("matmul", "inner sizes differ", [[2, 3], [4], []]);
    expect(error).toMatchObject({ code: "shape", message: "matmul: inner sizes differ, got [2, 3] and [4] and []" });
  });

  it("argumentError shows field, expectation and value", () => {
    const messages = [Number.NaN, "fast", undefined, { a: 1 }, [0.9, 2]].map(
      (got) => argumentError("SGD", "lr", "a number ≥ 0", got).message,
    );
    expect(messages).toEqual([
      "SGD: lr must be a number ≥ 0, got NaN",
      'SGD: lr must be a number ≥ 0, got "fast"',
      "SGD: lr must be a number ≥ 0, got undefined",
      "SGD: lr must be a number ≥ 0, got [object Object]",
      "SGD: lr must be a number ≥ 0, got [0.9, 2]",
    ]);
    expect(argumentError("SGD", "lr", "x", -1).details).toEqual({ op: "SGD", field: "lr", got: -1, expected: "x" });
  });

  it.each([
    ["weight_decay", "did you mean weightDecay?"],
    ["Momentun", "did you mean momentum?"],
    ["monentum", "did you mean momentum?"],
    ["warmup", "expected one of lr, momentum, weightDecay"],
  ])("unknownName suggests a name for %s, or lists them all", (got, hint) => {
    const known = ["lr", "momentum", "weightDecay"];
    const error = unknownName("SGD", "option", got, known);
    expect(error).toMatchObject({ code: "argument", message: `SGD: unknown option, got ${got}, ${hint}` });
    expect(error.details).toEqual({ op: "SGD", field: got, known });
  });

  it("unreachable is an internal error", () => {
    expect(() => unreachable("no plan")).toThrow(
      expect.objectContaining({ code: "internal", message: "internal: no plan" }),
    );
  });
});

it("suggestion has words for a list without names", () => {
  expect(suggestion("gpt", [])).toBe("there are none");
  expect(suggestion("gtp", ["gpt", "ner"])).toBe("did you mean gpt?");
});
