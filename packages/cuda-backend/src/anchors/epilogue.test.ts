// What cuBLASLt computes behind a product by itself, in float32 to the bit, and what only looks like it and must run as a map.

import {
  type Expr,
  type FloatType,
  input,
  kernelOf,
  makeProgram,
  type Program,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import { describe, expect, it } from "vitest";
import { geluTanh, gradientOfGelu } from "../testing/gelu.js";
import { libraryMapOf } from "./epilogue.js";

const [m, n] = [5, 8];
const [product, first, second] = [0, 1, 2].map((i) => input(i, "float32", "full")) as [Expr, Expr, Expr];

const programOf = (exprs: readonly Expr[], type: FloatType = "float32", kind: "buffer" | "index" = "buffer"): Program =>
  makeProgram({
    inputs: [0, 1, 2].map((i) => ({ kind: i === 1 ? kind : "buffer", type, role: "full" }) as const),
    scalars: ["float32"],
    reduces: [],
    outputs: exprs.map((expr) => ({ expr, role: "full" })),
  });
const strides = [0, 1, 2].map(() => [n, 1]);
const mapOf = (program: Program, type: FloatType = "float32") =>
  libraryMapOf(kernelOf(program, { sizes: [m, n], strides: [...strides, ...program.outputs.map(() => [n, 1])] }), type);

describe("an epilogue that adds", () => {
  it.each([
    ["one term", s.add(product, first), [1]],
    ["one term, written first", s.add(first, product), [1]],
    ["two terms, in the order in which they are added", s.add(s.add(product, second), first), [2, 1]],
    ["two terms, written backwards", s.add(first, s.add(second, product)), [2, 1]],
  ] as const)("is found: %s", (_, expr, expected) => {
    expect(mapOf(programOf([expr]))).toEqual({ output: 0, type: "float32", addends: expected, gelu: undefined });
  });

  const z = s.add(product, first);
  it.each([
    ["a difference", [s.sub(product, first)]],
    ["a sum of other numbers", [s.add(first, second)]],
    ["the product twice", [s.add(product, product)]],
    ["the product twice, in three terms", [s.add(s.add(product, first), product)]],
    ["a constant", [s.add(product, 1)]],
    ["a launch scalar", [s.add(product, scalar(0, "float32"))]],
    ["a factor", [s.add(s.mul(product, 2), first)]],
    ["a term that is computed", [s.add(product, s.mul(first, 2))]],
    ["terms that are added to each other first", [s.add(product, s.add(first, second))]],
    ["a function of the sum", [s.max(z, 0)]],
    ["GELU by erf", [s.mul(s.mul(z, 0.5), s.add(1, s.erf(s.mul(z, Math.SQRT1_2))))]],
    ["GELU by tanh, whose error nobody states", [geluTanh(z)]],
    ["what is kept beside it", [z, product]],
  ] as const)("is not taken for %s", (_, exprs) => {
    expect(mapOf(programOf(exprs))).toBeUndefined();
  });

  it("is not taken for positions", () => {
    expect(mapOf(programOf([z], "float32", "index"))).toBeUndefined();
  });
});

describe("an epilogue of 16 bits", () => {
  const type = "bfloat16";
  /** Input 1 may be of another type; inputs 0 and 2 are of 16 bits. */
  const halves = (exprs: readonly Expr[], first: "bfloat16" | "float32" | "float16" = type): Program =>
    makeProgram({
      inputs: ([type, first, type] as const).map((own) => ({ kind: "buffer", type: own, role: "full" }) as const),
      scalars: [],
      reduces: [],
      outputs: exprs.map((expr) => ({ expr, role: "full" })),
    });
  const narrow = (e: Expr) => s.cast(e, type);
  const wide = (e: Expr) => s.cast(e, "float32");
  const [y, x1, x2] = [0, 1, 2].map((i) => wide(input(i, type, "full"))) as [Expr, Expr, Expr];
  const master = input(1, "float32", "full");
  /** A bias as a layer adds it: rounded, added, rounded. */
  const z = narrow(s.add(y, wide(narrow(master))));
  const gelu = narrow(geluTanh(wide(z)));

  it.each([
    ["a bias of float32", halves([z], "float32"), { addends: [1] }],
    ["a bias of its own type", halves([narrow(s.add(y, x1))]), { addends: [1] }],
    ["a bias, then a residual", halves([narrow(s.add(wide(narrow(s.add(y, x1))), x2))]), { addends: [1, 2] }],
    [
      "a residual of float32 to a result of float32",
      halves([s.add(master, y)], "float32"),
      { type: "float32", addends: [1] },
    ],
    ["a result in float32", halves([y]), { type: "float32" }],
    ["GELU", halves([narrow(geluTanh(y))]), { gelu: { form: "value", keeps: undefined } }],
    ["a bias and GELU", halves([gelu], "float32"), { addends: [1], gelu: { form: "value", keeps: undefined } }],
    [
      "what GELU is taken of, too",
      halves([z, gelu], "float32"),
      { output: 1, addends: [1], gelu: { form: "value", keeps: 0 } },
    ],
    [
      "the same, the other way round",
      halves([gelu, z], "float32"),
      { addends: [1], gelu: { form: "value", keeps: 1 } },
    ],
  ] as const)("is found: %s", (_, program, expected) => {
    expect(mapOf(program, type)).toEqual({ output: 0, type, addends: [], gelu: undefined, ...expected });
  });

  const half = (i: number) => input(i, type, "full");

  it("is found: the gradient of GELU, as core derives it", () => {
    const expected = { output: 0, type, addends: [], gelu: { form: "gradient", of: 2 } };
    expect(mapOf(halves([gradientOfGelu(type, half(0), half(2))]), type)).toEqual(expected);
  });

  it.each([
    ["GELU by erf", halves([narrow(s.mul(s.mul(y, 0.5), s.add(1, s.erf(s.mul(y, Math.SQRT1_2)))))])],
    ["GELU in float32", halves([geluTanh(y)])],
    ["GELU of a sum, kept without the sum", halves([gelu, narrow(y)], "float32")],
    ["the gradient of GELU at the product", halves([gradientOfGelu(type, half(2), half(0))])],
    [
      "the gradient of GELU at something of float32",
      halves([gradientOfGelu(type, half(0), narrow(master))], "float32"),
    ],
    ["a term of the other 16 bits", halves([narrow(s.add(y, wide(input(1, "float16", "full"))))], "float16")],
    ["a result of the other 16 bits", halves([s.cast(y, "float16")])],
    ["three terms", halves([narrow(s.add(s.add(s.add(y, x1), x2), x1))])],
  ])("is not taken for %s", (_, program) => {
    expect(mapOf(program, type)).toBeUndefined();
  });
});
