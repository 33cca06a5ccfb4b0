import { describe, expect, it } from "vitest";
import { constant, input, reduced, rowSize, scalar } from "./expr.js";
import {
  inputsOf,
  makeProgram,
  type ProgramInput,
  type ProgramOutput,
  type Reduce,
  RowBuilder,
  variesAlongRow,
} from "./program.js";
import * as s from "./scalar.js";

const x = input(0, "float32", "full");
const inputs: ProgramInput[] = [{ kind: "buffer", type: "float32", role: "full" }];
const make = (reduces: readonly Reduce[], outputs: readonly ProgramOutput[], scalars: ("float32" | "int32")[] = []) =>
  makeProgram({ inputs, scalars, reduces, outputs });

describe("makeProgram", () => {
  it("drops reductions that nothing uses and renumbers the rest", () => {
    const rows = new RowBuilder();
    rows.sum(x);
    const top = rows.max(x);
    const spread = rows.sum(s.sub(x, top));
    const p = make(rows.reduces, [{ expr: spread, role: "row" }]);
    expect(p.reduces).toEqual([
      { op: "max", of: x },
      { op: "sum", of: s.sub(x, reduced(0, "float32")) },
    ]);
    expect(p.outputs[0]!.expr).toBe(reduced(1, "float32"));
  });

  it("joins equal reductions, and those that become equal by it", () => {
    const rows = new RowBuilder();
    const [a, b] = [rows.max(x), rows.max(x)];
    const [c, d] = [rows.sum(s.exp(s.sub(x, a))), rows.sum(s.exp(s.sub(x, b)))];
    const p = make(rows.reduces, [{ expr: s.add(c, d), role: "row" }]);
    expect(p.reduces.map((r) => r.op)).toEqual(["max", "sum"]);
    expect(p.outputs[0]!.expr).toBe(s.add(reduced(1, "float32"), reduced(1, "float32")));
  });

  it("keeps reductions of one expression by two operations apart", () => {
    const rows = new RowBuilder();
    const p = make(rows.reduces, [{ expr: s.sub(rows.max(x), rows.min(x)), role: "row" }]);
    expect(p.reduces).toHaveLength(2);
  });

  it("has one key for one meaning", () => {
    const build = (unused: boolean) => {
      const rows = new RowBuilder();
      if (unused) rows.prod(x);
      return make(rows.reduces, [{ expr: s.div(x, rows.sum(x)), role: "full" }]);
    };
    expect(build(true).key).toBe(build(false).key);
  });

  it("has different keys for what differs", () => {
    const rows = (op: "sum" | "max") => [{ op, of: x }];
    const whole = { expr: x, role: "full" } as const;
    const keys = [
      make([], [whole]),
      make([], [whole, whole]),
      make([], [whole], ["float32"]),
      make([], [whole], ["int32"]),
      make([], [{ expr: x, role: "lane" }]),
      make([], [{ expr: s.neg(x), role: "full" }]),
      make(rows("sum"), [{ expr: reduced(0, "float32"), role: "row" }]),
      make(rows("max"), [{ expr: reduced(0, "float32"), role: "row" }]),
      makeProgram({ inputs: [...inputs, ...inputs], scalars: [], reduces: [], outputs: [whole] }),
      makeProgram({
        inputs: [{ kind: "index", type: "float32", role: "full" }],
        scalars: [],
        reduces: [],
        outputs: [whole],
      }),
    ].map((p) => p.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("gives the operand expressions in order", () => {
    const two: ProgramInput[] = [...inputs, { kind: "index", type: "int32", role: "row" }];
    expect(inputsOf({ inputs: two })).toEqual([x, input(1, "int32", "row")]);
  });
});

describe("variesAlongRow", () => {
  const row = input(1, "float32", "row");
  const lane = input(2, "float32", "lane");
  const constants = [row, constant(1, "float32"), scalar(0, "float32"), rowSize("float32"), reduced(0, "float32")];

  it("is true of full and lane operands and of what is made of them", () => {
    for (const e of [x, lane, s.add(x, row), s.exp(s.mul(lane, row))]) expect(variesAlongRow(e)).toBe(true);
  });

  it("is false of everything else", () => {
    for (const e of constants) for (const f of constants) expect(variesAlongRow(s.mul(e, s.add(f, row)))).toBe(false);
  });
});
