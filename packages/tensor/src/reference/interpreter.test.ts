import { describe, expect, it } from "vitest";
import { constant, input, type Role, rowSize, scalar } from "../kernel/expr.js";
import { philox } from "../kernel/philox.js";
import { makeProgram, type Program, RowBuilder } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { float64Arithmetic } from "./arithmetic.js";
import { evaluate } from "./evaluate.js";
import { interpret } from "./interpreter.js";
import type { OperandView } from "./iteration.js";

const f64 = (index: number, role: Role = "full") => input(index, "float64", role);
const buffers = (...roles: Role[]) =>
  roles.map((role) => ({ kind: "buffer" as const, type: "float64" as const, role }));

/** A view of `elements` that an interpreted program reads and writes. */
const viewOf = (elements: number[], strides: number[], offset = 0): OperandView<number> => ({
  strides,
  offset,
  read: (at) => elements[at]!,
  write: (at, value) => {
    elements[at] = value;
  },
});

function softmax(): Program {
  const rows = new RowBuilder();
  const x = f64(0);
  const e = s.exp(s.sub(x, rows.max(x)));
  const y = s.div(e, rows.sum(e));
  return makeProgram({
    inputs: buffers("full"),
    scalars: [],
    reduces: rows.reduces,
    outputs: [{ expr: y, role: "full" }],
  });
}

describe("interpret", () => {
  it("runs reductions in order, each using the ones before: softmax", () => {
    const x = [1, 2, 3, 0, 0, 0];
    const [y] = evaluate(softmax(), [2, 3], [x]);
    const total = Math.exp(-2) + Math.exp(-1) + 1;
    const expected = [Math.exp(-2) / total, Math.exp(-1) / total, 1 / total, 1 / 3, 1 / 3, 1 / 3];
    y!.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i]!, 14);
    });
  });

  it("gives each role its elements: a mean a row, a sum over rows a lane", () => {
    const rows = new RowBuilder();
    const [x, bias, weight] = [f64(0), f64(1, "lane"), f64(2, "row")];
    const y = s.mul(s.add(x, bias), weight);
    const program = makeProgram({
      inputs: buffers("full", "lane", "row"),
      scalars: [],
      reduces: rows.reduces,
      outputs: [
        { expr: y, role: "full" },
        { expr: s.div(rows.sum(y), rowSize("float64")), role: "row" },
        { expr: y, role: "lane" },
      ],
    });
    const outputs = evaluate(
      program,
      [2, 3],
      [
        [1, 2, 3, 4, 5, 6],
        [10, 20, 30],
        [1, 2],
      ],
    );
    expect(outputs).toEqual([
      [11, 22, 33, 28, 50, 72],
      [22, 50],
      [39, 72, 105],
    ]);
  });

  it("sums a value that is the same along the row once for every element", () => {
    const rows = new RowBuilder();
    const total = rows.sum(f64(0, "row"));
    const program = makeProgram({
      inputs: buffers("row"),
      scalars: [],
      reduces: rows.reduces,
      outputs: [{ expr: total, role: "row" }],
    });
    expect(evaluate(program, [2, 5], [[1, 3]])).toEqual([[5, 15]]);
  });

  it("gives the identities of empty rows, and zeros for sums over no rows", () => {
    const rows = new RowBuilder();
    const x = f64(0);
    const reduced = [rows.sum(x), rows.prod(x), rows.max(x), rows.min(x)];
    const outputs = [...reduced.map((expr) => ({ expr, role: "row" as const })), { expr: x, role: "lane" as const }];
    const program = makeProgram({ inputs: buffers("full"), scalars: [], reduces: rows.reduces, outputs });
    expect(evaluate(program, [1, 0], [[]])).toEqual([
      [0],
      [1],
      [Number.NEGATIVE_INFINITY],
      [Number.POSITIVE_INFINITY],
      [],
    ]);
    expect(evaluate(program, [0, 2], [[]])).toEqual([[], [], [], [], [0, 0]]);
  });

  it("reduces integers exactly, modulo 2³²", () => {
    const rows = new RowBuilder();
    const x = input(0, "int32", "full");
    const outputs = [rows.sum(x), rows.prod(x), rows.max(x), rows.min(x)].map((expr) => ({
      expr,
      role: "row" as const,
    }));
    const program = makeProgram({
      inputs: [{ kind: "buffer", type: "int32", role: "full" }],
      scalars: [],
      reduces: rows.reduces,
      outputs,
    });
    expect(evaluate(program, [1, 3], [[2147483647, 2147483647, 3]])).toEqual([[1], [3], [2147483647], [3]]);
    expect(evaluate(program, [1, 0], [[]])).toEqual([[0], [1], [-2147483648], [2147483647]]);
  });

  it("walks strides, negative ones and offsets, and reads an index operand as its address", () => {
    const program = makeProgram({
      inputs: [...buffers("full"), { kind: "index", type: "int32", role: "full" }],
      scalars: ["float64"],
      reduces: [],
      outputs: [
        {
          expr: s.mul(s.add(f64(0), s.cast(input(1, "int32", "full"), "float64")), scalar(0, "float64")),
          role: "full",
        },
      ],
    });
    const out = new Array<number>(12).fill(0);
    const operands = [
      viewOf([0, 1, 2, 3, 4, 5], [-3, 1], 3),
      { ...viewOf([], [10, 1], 100), read: () => Number.NaN },
      viewOf(out, [6, -2], 5),
    ];
    interpret(program, [2, 3], operands, [2], float64Arithmetic);
    expect(out).toEqual([
      0,
      (5 + 102) * 2,
      0,
      (4 + 101) * 2,
      0,
      (3 + 100) * 2,
      0,
      (2 + 112) * 2,
      0,
      (1 + 111) * 2,
      0,
      (0 + 110) * 2,
    ]);
  });

  it("reads an element before it writes any output there, so outputs may lie on inputs", () => {
    const [p, g] = [f64(0), f64(1)];
    const program = makeProgram({
      inputs: buffers("full", "full"),
      scalars: [],
      reduces: [],
      outputs: [
        { expr: s.sub(p, g), role: "full" },
        { expr: s.add(p, g), role: "full" },
      ],
    });
    const [a, b] = [
      [5, 6],
      [1, 2],
    ];
    const views = [viewOf(a, [1]), viewOf(b, [1])];
    interpret(program, [2], [...views, ...views], [], float64Arithmetic);
    expect([a, b]).toEqual([
      [4, 4],
      [6, 8],
    ]);
  });

  it("evaluates a shared expression once, however often it is used", () => {
    const word = (k: number) => input(k, "uint32", "full");
    const outputs = philox([word(0), word(1), word(2), word(3)], [constant(0, "uint32"), constant(0, "uint32")]);
    const program = makeProgram({
      inputs: [0, 1, 2, 3].map(() => ({ kind: "buffer", type: "uint32", role: "full" })),
      scalars: [],
      reduces: [],
      outputs: outputs.map((expr) => ({ expr, role: "full" })),
    });
    let applied = 0;
    const counting = {
      ...float64Arithmetic,
      apply: (...args: Parameters<typeof float64Arithmetic.apply>) => {
        applied++;
        return float64Arithmetic.apply(...args);
      },
    };
    evaluate(program, [1], [[0], [0], [0], [0]], [], counting);
    expect(applied).toBeLessThan(200);
  });
});
