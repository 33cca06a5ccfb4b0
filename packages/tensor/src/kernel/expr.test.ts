import { describe, expect, it } from "vitest";
import { allDTypes, type DType, isFloat } from "../dtype.js";
import { apply, constant, type Expr, input, reduced, rewrite, rowSize, scalar, visit } from "./expr.js";
import * as s from "./scalar.js";
import { evaluateScalar, type ScalarOp, scalarOps } from "./scalar-ops.js";

const x = input(0, "float32", "full");
const y = input(1, "float32", "full");
const allOps = Object.keys(scalarOps) as ScalarOp[];

/** Values that break careless rewriting. */
const specials: Readonly<Record<DType, readonly number[]>> = {
  float32: [0, -0, 1, -1, 0.5, 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  float64: [0, -0, 1, -1, 0.5, 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  float16: [0, -0, 1, -1, 0.5, 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  bfloat16: [0, -0, 1, -1, 0.5, 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  int32: [0, 1, -1, 7, 31, -2147483648, 2147483647],
  uint32: [0, 1, 7, 31, 2147483648, 4294967295],
  bool: [0, 1],
};

/** Whether `op` takes operands of `type`. */
function takes(op: ScalarOp, type: DType): boolean {
  try {
    apply(op, operandsFor(op, type), op === "cast" ? type : undefined);
    return true;
  } catch {
    return false;
  }
}

function operandsFor(op: ScalarOp, type: DType): Expr[] {
  const all = [0, 1, 2].map((k) => input(k, op === "select" && k === 0 ? "bool" : type, "full"));
  return all.slice(0, scalarOps[op].arity);
}

/** Evaluates an expression of the inputs 0, 1, 2. */
function evaluate(e: Expr, values: readonly number[]): number {
  if (e.kind === "const") return e.value;
  if (e.kind === "input") return values[e.index]!;
  if (e.kind !== "apply") throw new Error(`no value for ${e.kind}`);
  const [a, b, c] = e.args.map((arg) => evaluate(arg, values));
  return evaluateScalar(e.op, e.type, e.args[e.op === "select" ? 1 : 0]!.type, a!, b ?? 0, c ?? 0);
}

describe("interning", () => {
  it("gives equal expressions one object, and different ones different objects", () => {
    expect(s.mul(s.add(x, y), 2)).toBe(s.mul(s.add(x, y), 2));
    const leaves = [
      x,
      y,
      input(0, "float64", "full"),
      input(0, "float32", "row"),
      input(0, "float32", "lane"),
      scalar(0, "float32"),
      scalar(1, "float32"),
      reduced(0, "float32"),
      rowSize("float32"),
      rowSize("int32"),
      constant(0, "float32"),
      constant(-0, "float32"),
      constant(0, "int32"),
      constant(Number.NaN, "float32"),
      s.sub(x, y),
      s.sub(y, x),
      s.cast(x, "int32"),
      s.cast(x, "bool"),
    ];
    expect(new Set(leaves).size).toBe(leaves.length);
    expect(new Set(leaves.map((e) => e.id)).size).toBe(leaves.length);
    expect(constant(Number.NaN, "float32")).toBe(constant(Number.NaN, "float32"));
  });

  it("brings constants into the range of their type", () => {
    const values = (type: DType, value: number) => (constant(value, type) as { value: number }).value;
    expect(values("uint32", -1)).toBe(4294967295);
    expect(values("int32", 4294967295)).toBe(-1);
    expect(values("int32", 1.9)).toBe(1);
    expect(values("bool", 7)).toBe(1);
  });
});

describe("simplification", () => {
  const typed = allOps.flatMap((op) => allDTypes.filter((type) => takes(op, type)).map((type) => [op, type] as const));

  it.each(typed)("%s of %s means the same with any of its operands constant", (op, type) => {
    const open = operandsFor(op, type);
    const target = op === "cast" ? (type === "float32" ? "float64" : "float32") : undefined;
    const values = open.map((e) => specials[e.type]);
    for (const a of values[0]!) {
      for (const b of values[1] ?? [0]) {
        for (const c of values[2] ?? [0]) {
          const given = [a, b, c];
          const operandType = open[op === "select" ? 1 : 0]!.type;
          const resultType = target ?? (scalarOps[op].result === "bool" ? "bool" : operandType);
          const expected = evaluateScalar(op, resultType, operandType, a, b, c);
          for (let fixed = 0; fixed < 2 ** open.length; fixed++) {
            const args = open.map((e, k) => (fixed & (1 << k) ? constant(given[k]!, e.type) : e));
            const e = apply(op, args, target);
            expect(evaluate(e, given), `${op}(${given}) with constants ${fixed.toString(2)}`).toBe(expected);
          }
        }
      }
    }
  });

  it("keeps what would hide NaN or infinity", () => {
    expect(s.mul(x, 0).kind).toBe("apply");
    expect(s.sub(x, x).kind).toBe("apply");
    expect(s.eq(x, x).kind).toBe("apply");
  });

  it("drops what changes nothing", () => {
    const i = input(0, "int32", "full");
    expect([s.mul(x, 1), s.mul(1, x), s.div(x, 1), s.sub(x, 0), s.neg(s.neg(x)), s.cast(x, "float32")]).toEqual(
      Array(6).fill(x),
    );
    expect([s.add(i, 0), s.add(0, i), s.sub(i, 0)]).toEqual([i, i, i]);
    expect(s.select(s.lt(x, y), y, y)).toBe(y);
    expect(s.add(constant(2, "float32"), 3)).toBe(constant(5, "float32"));
  });

  it("narrows what was made wider to what it was, and nothing else", () => {
    for (const type of ["float16", "bfloat16"] as const) {
      const half = input(0, type, "full");
      for (const wide of ["float32", "float64"] as const) expect(s.cast(s.cast(half, wide), type)).toBe(half);
      const other = type === "float16" ? "bfloat16" : "float16";
      expect(s.cast(s.cast(half, "float32"), other)).not.toBe(half);
      expect(s.cast(s.cast(x, type), "float32")).not.toBe(x);
    }
    expect(s.cast(s.cast(x, "float64"), "float32")).toBe(x);
    expect(s.cast(s.cast(x, "int32"), "float32")).not.toBe(x);
  });

  it("never folds a detached constant away from its meaning for gradients", () => {
    expect(s.detach(constant(2, "float32")).kind).toBe("apply");
  });
});

describe("apply", () => {
  const i = input(0, "int32", "full");
  const b = input(0, "bool", "full");
  const wrong: [name: string, make: () => unknown][] = [
    ["operands of two types", () => apply("add", [x, i])],
    ["too few operands", () => apply("add", [x])],
    ["a float to a bit operation", () => s.and(x, y)],
    ["an integer to a float operation", () => s.exp(i)],
    ["a bool to arithmetic", () => s.add(b, b)],
    ["branches of two types", () => apply("select", [b, x, i])],
    ["a condition that is no bool", () => apply("select", [x, x, y])],
    ["signed words to mulHigh", () => s.mulHigh(i, i)],
    ["a bool to a shift", () => s.shiftLeft(b, b)],
    ["a cast without a target that changes nothing", () => s.add(1, 2)],
  ];
  it.each(wrong)("refuses %s", (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("walking", () => {
  const e = s.add(s.mul(x, y), s.mul(x, y));

  it("visits each shared part once, operands first", () => {
    const order: Expr[] = [];
    visit(e, new Set(), (part) => order.push(part));
    expect(order).toEqual([x, y, s.mul(x, y), e]);
  });

  it("rewrites leaves and keeps shared parts shared", () => {
    const z = input(2, "float32", "full");
    const out = rewrite(e, (leaf) => (leaf === x ? z : leaf), new Map());
    expect(out).toBe(s.add(s.mul(z, y), s.mul(z, y)));
    expect(rewrite(s.cast(s.add(x, y), "int32"), (leaf) => leaf, new Map())).toBe(s.cast(s.add(x, y), "int32"));
  });

  it("every type has specials that are its own values", () => {
    for (const type of allDTypes)
      for (const v of specials[type]) if (!isFloat(type)) expect(constant(v, type)).toMatchObject({ value: v });
  });
});
