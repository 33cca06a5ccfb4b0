import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../reference/evaluate.js";
import { type Expr, input } from "./expr.js";
import { makeProgram } from "./program.js";
import { scalarGradients } from "./scalar-gradients.js";
import { evaluateScalar, type ScalarOp, scalarOps } from "./scalar-ops.js";

type Interval = readonly [least: number, greatest: number];
/** Where an operation is differentiable: intervals of its operands, and what to keep away from. */
type Domain = { readonly operands: readonly Interval[]; readonly where?: (a: number, b: number) => boolean };

const wide: Interval = [-4, 4];
const positive: Interval = [0.05, 6];
const apart = (a: number, b: number): boolean => Math.abs(a - b) > 1e-3;
const unary = (operand: Interval): Domain => ({ operands: [operand] });
/** No gradient reaches the operands: the operation is flat, discrete, or says so. */
const flat = "flat";

const domains = {
  add: { operands: [wide, wide] },
  sub: { operands: [wide, wide] },
  mul: { operands: [wide, wide] },
  div: { operands: [wide, positive] },
  neg: unary(wide),
  abs: { operands: [wide], where: (a) => apart(a, 0) },
  min: { operands: [wide, wide], where: apart },
  max: { operands: [wide, wide], where: apart },
  exp: unary(wide),
  log: unary(positive),
  log1p: unary([-0.9, 6]),
  expm1: unary(wide),
  sqrt: unary(positive),
  rsqrt: unary(positive),
  tanh: unary(wide),
  erf: unary(wide),
  sin: unary(wide),
  cos: unary(wide),
  pow: { operands: [positive, wide] },
  floor: flat,
  ceil: flat,
  trunc: flat,
  round: flat,
  eq: flat,
  ne: flat,
  lt: flat,
  le: flat,
  isNaN: flat,
  and: flat,
  or: flat,
  xor: flat,
  not: flat,
  shiftLeft: flat,
  shiftRight: flat,
  mulHigh: flat,
  select: { operands: [[0, 1], wide, wide] },
  cast: unary(wide),
  detach: flat,
} as const satisfies Record<ScalarOp, Domain | typeof flat>;

const ops = Object.keys(domains) as ScalarOp[];

/** Operands of `op`: float64 where it takes floats; a float32 is what `cast` widens. */
function operandsOf(op: ScalarOp): Expr[] {
  const { arity, domain } = scalarOps[op];
  const type =
    op === "cast" ? "float32" : domain === "integer" || domain === "word" || domain === "bits" ? "uint32" : "float64";
  const all = [0, 1, 2].map((k) => input(k, op === "select" && k === 0 ? "bool" : type, "full"));
  return all.slice(0, arity);
}

/** The gradients a rule gives at a point, for a result gradient of `g`; undefined where there is none. */
function gradientsAt(op: ScalarOp, point: readonly number[], g = 1): (number | undefined)[] {
  const args = operandsOf(op);
  const type = op === "cast" ? "float64" : scalarOps[op].result === "bool" ? "bool" : args[args.length - 1]!.type;
  const dy = input(args.length, type === "bool" ? "float64" : type, "full");
  // The result is an operand of its own, so that a rule may refer to it.
  const y = input(args.length + 1, type, "full");
  const partials = scalarGradients[op](dy, [args[0]!, args[1]!, args[2]!], y);
  return partials.slice(0, args.length).map((partial) => {
    if (!partial) return undefined;
    const program = makeProgram({
      inputs: [...args, dy, y].map((e) => ({ kind: "buffer", type: e.type, role: "full" })),
      scalars: [],
      reduces: [],
      outputs: [{ expr: partial, role: "full" }],
    });
    const value = evaluateScalar(op, type, args[args.length - 1]!.type, point[0]!, point[1] ?? 0, point[2] ?? 0);
    return evaluate(program, [1], [...point.map((v) => [v]), [g], [value]])[0]![0]!;
  });
}

describe("scalar gradients", () => {
  it("covers every operation", () => {
    expect(new Set(ops)).toEqual(new Set(Object.keys(scalarOps)));
  });

  const smooth = ops.flatMap((op) => (domains[op] === flat ? [] : [[op, domains[op] as Domain] as const]));
  it.each(smooth)("%s agrees with central differences", (op, { operands, where }) => {
    const numbers = operands.map(([min, max]) => fc.double({ min, max, noNaN: true }));
    const type = operandsOf(op).at(-1)!.type;
    const f = (p: readonly number[]) =>
      evaluateScalar(op, op === "cast" ? "float64" : type, type, p[0]!, p[1] ?? 0, p[2] ?? 0);
    const check = (raw: number[], g: number): void => {
      const point = op === "select" ? [Math.round(raw[0]!), ...raw.slice(1)] : raw;
      const got = gradientsAt(op, point, g);
      got.forEach((partial, k) => {
        if (op === "select" && k === 0) return expect(partial).toBeUndefined();
        const h = 1e-6;
        const shift = (by: number) => point.map((v, i) => (i === k ? v + by : v));
        const expected = (g * (f(shift(h)) - f(shift(-h)))) / (2 * h);
        expect(Math.abs(partial! - expected), `operand ${k}`).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
      });
    };
    const points = fc.tuple(...numbers).filter(([a, b]) => !where || where(a!, b ?? 0));
    fc.assert(fc.property(points, fc.double({ min: -3, max: 3, noNaN: true }), check), { seed: 7, numRuns: 100 });
  });

  const flatOps = ops.filter((op) => domains[op] === flat);
  it.each(flatOps)("%s passes no gradient", (op) => {
    expect(gradientsAt(op, [1, 1, 1]).every((g) => g === undefined)).toBe(true);
  });

  // At these points PyTorch defines the value.
  const edges: [op: ScalarOp, point: number[], expected: (number | undefined)[]][] = [
    ["abs", [0], [0]],
    ["min", [2, 2], [0.5, 0.5]],
    ["max", [2, 2], [0.5, 0.5]],
    ["sqrt", [0], [Number.POSITIVE_INFINITY]],
    ["log", [0], [Number.POSITIVE_INFINITY]],
    ["pow", [0, 2], [0, 0]],
    ["pow", [0, 1], [1, 0]],
    ["pow", [0, 0], [0, 0]],
    ["pow", [5, 0], [0, Math.log(5)]],
    ["pow", [-2, 3], [12, Number.NaN]],
    ["select", [1, Number.NaN, 2], [undefined, 1, 0]],
    ["select", [0, 1, Number.NaN], [undefined, 0, 1]],
  ];
  it.each(edges)("%s at %j has gradient %j", (op, point, expected) => {
    expect(gradientsAt(op, point)).toEqual(expected);
  });

  it("a branch that is not taken gets 0, even where its own gradient is infinite", () => {
    expect(gradientsAt("select", [0, 0, 1], Number.POSITIVE_INFINITY)).toEqual([
      undefined,
      0,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
