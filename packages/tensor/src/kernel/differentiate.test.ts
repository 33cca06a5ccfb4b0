import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementsOfRole, evaluate } from "../reference/evaluate.js";
import { seededNumbers } from "../reference/random-order.js";
import { differentiate } from "./differentiate.js";
import { type Expr, input, type Role, rowSize, scalar } from "./expr.js";
import { makeProgram, type Program, type ProgramOutput, RowBuilder, variesAlongRow } from "./program.js";
import * as s from "./scalar.js";

type Arrays = number[][];
const roles: readonly Role[] = ["full", "row", "lane"];
const full = (expr: Expr): ProgramOutput => ({ expr, role: "full" });
const perRow = (expr: Expr): ProgramOutput => ({ expr, role: "row" });

/** A program of float64 operands with the given roles. */
function program(
  inputRoles: readonly Role[],
  body: (rows: RowBuilder, ...operands: Expr[]) => ProgramOutput[],
): Program {
  const rows = new RowBuilder();
  const operands = inputRoles.map((role, i) => input(i, "float64", role));
  const outputs = body(rows, ...operands);
  const inputs = inputRoles.map((role) => ({ kind: "buffer", type: "float64", role }) as const);
  return makeProgram({ inputs, scalars: ["float64"], reduces: rows.reduces, outputs });
}

const scalars = [0.7];

/** Random operands of a program over `sizes`, from −2 to 2. */
function operandsOf(p: Program, sizes: readonly number[], seed: number): Arrays {
  const random = seededNumbers(seed);
  return p.inputs.map(({ role }) => Array.from({ length: elementsOfRole(role, sizes) }, () => 4 * random() - 2));
}

/** Checks the derivative of Σ weights·outputs with respect to every element of every operand in `wrt`. */
function checkGradients(
  p: Program,
  sizes: readonly number[],
  operands: Arrays,
  seed: number,
  wrt = p.inputs.map((_, i) => i),
): void {
  const random = seededNumbers(seed);
  const weights = p.outputs.map(({ role }) =>
    Array.from({ length: elementsOfRole(role, sizes) }, () => 2 * random() - 1),
  );
  const loss = (xs: Arrays): number => {
    const outputs = evaluate(p, sizes, xs, scalars);
    return outputs.flatMap((y, k) => y.map((v, i) => v * weights[k]![i]!)).reduce((a, b) => a + b, 0);
  };
  const gradient = differentiate(
    p,
    wrt,
    p.outputs.map((_, k) => k),
  );
  const got = evaluate(gradient, sizes, [...operands, ...weights], scalars);
  const h = 1e-5;
  wrt.forEach((i, k) => {
    operands[i]!.forEach((_, at) => {
      const moved = (by: number) => operands.map((x, j) => (j === i ? x.map((v, e) => (e === at ? v + by : v)) : x));
      const expected = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
      const scale = 1 + Math.abs(expected) + Math.abs(loss(operands));
      expect(
        Math.abs(got[k]![at]! - expected) / scale,
        `element ${at} of operand ${i}: ${got[k]![at]}, not ${expected}`,
      ).toBeLessThan(1e-6);
    });
  });
}

describe("differentiate", () => {
  const named: Record<string, Program> = {
    softmax: program(["full"], (rows, x) => {
      const e = s.exp(s.sub(x!, s.detach(rows.max(x!))));
      return [full(s.div(e, rows.sum(e)))];
    }),
    logSumExp: program(["full"], (rows, x) => {
      const top = rows.max(x!);
      return [perRow(s.add(top, s.log(rows.sum(s.exp(s.sub(x!, top))))))];
    }),
    layerNorm: program(["full", "lane", "lane"], (rows, x, gamma, beta) => {
      const n = rowSize("float64");
      const centred = s.sub(x!, s.div(rows.sum(x!), n));
      const deviation = s.rsqrt(s.add(s.div(rows.sum(s.square(centred)), n), 1e-5));
      return [full(s.add(s.mul(s.mul(centred, deviation), gamma!), beta!)), perRow(deviation)];
    }),
    "product of a row": program(["full"], (rows, x) => [perRow(rows.prod(x!))]),
    "range of a row": program(["full"], (rows, x) => [perRow(s.sub(rows.max(x!), rows.min(x!)))]),
    "sum over the rows": program(["full", "row"], (_, x, w) => [{ expr: s.mul(s.tanh(x!), w!), role: "lane" }]),
    "a row's value spread along it": program(["full", "row"], (rows, x, w) => [
      full(s.mul(x!, s.add(w!, rows.sum(s.mul(w!, w!))))),
    ]),
    "a lane's value in every row": program(["full", "lane"], (rows, x, w) => [perRow(rows.sum(s.mul(x!, s.exp(w!))))]),
    "launch scalars": program(["full"], (rows, x) => [
      full(s.mul(scalar(0, "float64"), s.add(x!, rows.sum(s.mul(scalar(0, "float64"), x!))))),
    ]),
    "three reductions in a chain": program(["full"], (rows, x) => {
      const a = rows.sum(x!);
      const b = rows.sum(s.sin(s.mul(x!, a)));
      return [full(s.cos(s.add(x!, b))), perRow(rows.sum(s.mul(s.add(a, b), x!)))];
    }),
  };
  it.each(Object.keys(named))("%s: first and second derivatives", (name) => {
    const p = named[name]!;
    for (const sizes of [
      [1, 1],
      [3, 4],
      [2, 2, 3],
    ]) {
      checkGradients(p, sizes, operandsOf(p, sizes, 11), 12);
      const gradient = differentiate(
        p,
        p.inputs.map((_, i) => i),
        p.outputs.map((_, k) => k),
      );
      checkGradients(gradient, sizes, operandsOf(gradient, sizes, 13), 14);
    }
  });

  it("random programs of all roles and reductions: first and second derivatives", () => {
    const tape = fc.array(fc.nat(10_000), { minLength: 60, maxLength: 60 });
    const check = (numbers: number[]): void => {
      const p = randomProgram(numbers);
      const sizes = [2, 3];
      checkGradients(p, sizes, operandsOf(p, sizes, numbers[0]!), 5);
      const gradient = differentiate(
        p,
        [0, 1, 2],
        p.outputs.map((_, k) => k),
      );
      checkGradients(gradient, sizes, operandsOf(gradient, sizes, numbers[1]!), 6);
    };
    fc.assert(fc.property(tape, check), { seed: 2026, numRuns: 150 });
  });

  it("takes gradients of some outputs only, with respect to some operands only", () => {
    const p = program(["full", "full"], (_, x, y) => [full(s.mul(x!, y!)), full(s.add(x!, y!))]);
    const g = differentiate(p, [1], [0]);
    expect(
      evaluate(
        g,
        [1, 2],
        [
          [3, 4],
          [5, 6],
          [1, 10],
        ],
        scalars,
      ),
    ).toEqual([[3, 40]]);
  });

  it("gives 0 to operands that reach no output, and through detach and integers", () => {
    const p = program(["full", "full", "full"], (_, x, y) => [
      full(s.add(s.detach(x!), s.cast(s.cast(y!, "int32"), "float64"))),
    ]);
    expect(evaluate(differentiate(p, [0, 1, 2], [0]), [1, 1], [[2], [3], [4], [1]], scalars)).toEqual([[0], [0], [0]]);
  });

  it("keeps integer operands out: cross entropy of labels", () => {
    const rows = new RowBuilder();
    const x = input(0, "float64", "full");
    const label = input(1, "int32", "row");
    const at = input(2, "int32", "full");
    const top = rows.max(x);
    const chosen = rows.sum(s.select(s.eq(at, label), x, 0));
    const loss = s.sub(s.add(top, s.log(rows.sum(s.exp(s.sub(x, top))))), chosen);
    const p = makeProgram({
      inputs: [
        { kind: "buffer", type: "float64", role: "full" },
        { kind: "buffer", type: "int32", role: "row" },
        { kind: "index", type: "int32", role: "full" },
      ],
      scalars: [],
      reduces: rows.reduces,
      outputs: [perRow(loss)],
    });
    const logits = [1, 2, 3, 1, 0, -1];
    const [got] = evaluate(
      differentiate(p, [0], [0]),
      [2, 3],
      [logits, [2, 0], { strides: [0, 1], offset: 0 }, [1, 2]],
    );
    const softmax = (row: number[]) => row.map((v) => Math.exp(v) / row.reduce((a, b) => a + Math.exp(b), 0));
    const expected = [
      ...softmax([1, 2, 3]).map((v, i) => v - +(i === 2)),
      ...softmax([1, 0, -1]).map((v, i) => 2 * (v - +(i === 0))),
    ];
    got!.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i]!, 12);
    });
  });

  const prod = program(["full"], (rows, x) => [perRow(rows.prod(x!))]);
  const products: [string, number[], number[]][] = [
    ["no zero", [2, 3, 4], [12, 8, 6]],
    ["one zero", [2, 0, 4], [0, 8, 0]],
    ["two zeros", [0, 0, 4], [0, 0, 0]],
  ];
  it.each(products)("the product of a row with %s", (_, x, expected) => {
    expect(evaluate(differentiate(prod, [0], [0]), [1, 3], [x, [1]], scalars)).toEqual([expected]);
  });

  it("shares the gradient of a maximum evenly between ties", () => {
    const max = program(["full"], (rows, x) => [perRow(rows.max(x!))]);
    expect(evaluate(differentiate(max, [0], [0]), [1, 4], [[5, 1, 5, 5], [3]], scalars)).toEqual([[1, 0, 1, 1]]);
  });

  it("hands the gradient of a sum of 16 bits on as it came", () => {
    const [a, b] = [0, 1].map((i) => s.cast(input(i, "bfloat16", "full"), "float32")) as [Expr, Expr];
    const inputs = [0, 1].map(() => ({ kind: "buffer", type: "bfloat16", role: "full" }) as const);
    const sum = makeProgram({ inputs, scalars: [], reduces: [], outputs: [full(s.cast(s.add(a, b), "bfloat16"))] });
    const given = input(2, "bfloat16", "full");
    expect(differentiate(sum, [0, 1], [0]).outputs.map((o) => o.expr)).toEqual([given, given]);
  });

  it("refuses the gradient of an integer operand", () => {
    const p = makeProgram({
      inputs: [{ kind: "buffer", type: "int32", role: "full" }],
      scalars: [],
      reduces: [],
      outputs: [full(s.cast(input(0, "int32", "full"), "float64"))],
    });
    expect(() => differentiate(p, [0], [0])).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

/** A smooth program of operands `full`, `row` and `lane`, built from the numbers of a tape. */
function randomProgram(tape: readonly number[]): Program {
  let at = 0;
  const next = (below: number): number => tape[at++ % tape.length]! % below;
  return program(roles, (rows, ...operands) => {
    const pool: Expr[] = [...operands, scalar(0, "float64"), s.mul(rowSize("float64"), 0.25)];
    const pick = (): Expr => pool[pool.length - 1 - next(Math.min(pool.length, 6))]!;
    for (let step = 0; step < 9; step++) {
      const [a, b] = [pick(), pick()];
      const makers: readonly (() => Expr)[] = [
        () => s.add(a, b),
        () => s.sub(a, b),
        () => s.mul(s.tanh(a), b),
        () => s.div(a, s.add(1, s.square(b))),
        () => s.max(a, s.sin(b)),
        () => s.select(s.lt(a, b), s.cos(a), b),
        () => s.abs(s.add(a, 0.3)),
        () => s.log(s.add(1.5, s.square(a))),
        () => s.rsqrt(s.add(1.5, s.square(a))),
        () => s.pow(s.add(1.5, s.sin(a)), s.tanh(b)),
        () => s.erf(a),
        () => s.expm1(s.tanh(a)),
        () => rows.sum(s.tanh(a)),
        () => rows.max(a),
        () => rows.min(s.sub(a, b)),
        () => rows.prod(s.add(0.3, s.cos(a))),
      ];
      pool.push(makers[next(makers.length)]!());
    }
    return Array.from({ length: 1 + next(3) }, (): ProgramOutput => {
      const expr = pick();
      return { expr, role: variesAlongRow(expr) ? (next(2) ? "full" : "lane") : roles[next(3)]! };
    });
  });
}
