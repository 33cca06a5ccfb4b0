// The renderer is tested with JavaScript as its language: the text runs, and gives what the interpreter gives.
import { describe, expect, it } from "vitest";
import { type DType, isFloat } from "../../dtype.js";
import { evaluate } from "../../reference/evaluate.js";
import { type Expr, input, type Role, reduced, rowSize, scalar } from "../expr.js";
import { makeProgram, type Program, RowBuilder } from "../program.js";
import { identityOf } from "../reductions.js";
import * as s from "../scalar.js";
import { castValue, evaluateScalar, type ScalarOp, scalarOps } from "../scalar-ops.js";
import type { Dialect, Spelling } from "./dialect.js";
import { type LeafText, Scope } from "./scope.js";
import { Source } from "./source.js";

const spell =
  (op: ScalarOp): Spelling =>
  (args, { result, operand }, need) =>
    `${need("evaluate")}(${[op, result, operand].map((x) => JSON.stringify(x)).join()}, ${args.join()})`;

const javaScript: Dialect = {
  types: {
    float16: "number",
    bfloat16: "number",
    float32: "number",
    float64: "number",
    int32: "number",
    uint32: "number",
    bool: "number",
  },
  literal: (value, type) => String(castValue(type, value, isFloat(type) ? "float64" : "int32")),
  constant: (_, name, value) => `const ${name} = ${value};`,
  variable: (_, name, value) => `let ${name} = ${value};`,
  load: (_, place) => place,
  store: (_, place, value) => `${place} = ${value};`,
  ops: Object.fromEntries((Object.keys(scalarOps) as ScalarOp[]).map((op) => [op, spell(op)])) as Dialect["ops"],
  helpers: {
    scalar: { source: "const scalarOf = (op, type, from, a, b, c) => evaluateScalar(op, type, from, a, b, c);" },
    evaluate: {
      source: "const evaluate = (op, type, from, a, b = 0, c = 0) => scalarOf(op, type, from, a, b, c);",
      needs: ["scalar"],
    },
  },
};

const dense = { full: "row * length + lane", row: "row", lane: "lane" } as const;

/** A schedule of one thread: rows in order, a loop over the row for each reduction, then one for the outputs. */
function render({ inputs, reduces, outputs }: Program): { text: string; helpers: number } {
  const source = new Source(javaScript);
  const leaf: LeafText = (e) => {
    if (e.kind === "input") return javaScript.load(e.type, `x${e.index}[${dense[e.role]}]`);
    return e.kind === "scalar" ? `scalars[${e.index}]` : "length";
  };
  const row = new Scope(source, leaf);
  const walk = (body: (lane: Scope) => void): void => {
    const lane = row.inner(leaf, (e) => e.kind === "input" && e.role !== "row");
    body(lane);
    row.push("for (let lane = 0; lane < length; lane++) {", ...lane.lines, "}");
  };
  reduces.forEach(({ op, of }, k) => {
    row.push(javaScript.variable(of.type, `r${k}`, javaScript.literal(identityOf(op, of.type), of.type)));
    walk((lane) => lane.push(`r${k} = ${source.join(op, of.type, `r${k}`, lane.value(of))};`));
    row.define(reduced(k, of.type), `r${k}`);
  });
  outputs.forEach(({ expr, role }, k) => {
    const place = `y${k}[${dense[role]}]`;
    if (role === "row") row.push(javaScript.store(expr.type, place, row.value(expr)));
    else walk((lane) => lane.push(javaScript.store(expr.type, place, lane.value(expr))));
  });
  const body = ["for (let row = 0; row < rows; row++) {", ...row.lines, "}"];
  const names = [...inputs.map((_, i) => `x${i}`), ...outputs.map((_, k) => `y${k}`)];
  const helpers = source.helpers();
  return {
    text: [...helpers, `return (rows, length, scalars, ${names.join()}) => {`, ...body, "};"].join("\n"),
    helpers: helpers.length,
  };
}

function run(program: Program, sizes: readonly [number, number], inputs: readonly number[][], scalars: number[]) {
  const make = new Function("evaluateScalar", render(program).text) as (
    e: typeof evaluateScalar,
  ) => (rows: number, length: number, scalars: number[], ...arrays: number[][]) => void;
  const outputs = program.outputs.map((): number[] => []);
  make(evaluateScalar)(...sizes, scalars, ...(inputs as number[][]), ...outputs);
  return outputs;
}

const operand = (index: number, role: Role = "full", type: DType = "float32"): Expr => input(index, type, role);
const buffers = (...roles: Role[]) => roles.map((role) => ({ kind: "buffer", type: "float32", role }) as const);

const layerNorm = (() => {
  const row = new RowBuilder();
  const [x, gamma] = [operand(0), operand(1, "lane")];
  const mean = s.div(row.sum(x), rowSize("float32"));
  const centred = s.sub(x, mean);
  const deviation = s.rsqrt(s.add(s.div(row.sum(s.square(centred)), rowSize("float32")), scalar(0, "float32")));
  return makeProgram({
    inputs: buffers("full", "lane"),
    scalars: ["float32"],
    reduces: row.reduces,
    outputs: [
      { expr: s.mul(s.mul(centred, deviation), gamma), role: "full" },
      { expr: s.detach(mean), role: "row" },
      { expr: s.cast(s.max(row.max(x), Number.NEGATIVE_INFINITY), "int32"), role: "row" },
    ],
  });
})();

describe("the renderer", () => {
  it("gives text that computes what the interpreter computes", () => {
    const inputs = [Array.from({ length: 12 }, (_, i) => Math.sin(7 * i)), [1, 2, -1, 0.5]];
    const expected = evaluate(layerNorm, [3, 4], inputs, [2 ** -10]);
    expect(run(layerNorm, [3, 4], inputs, [2 ** -10])).toEqual(expected);
  });

  it("computes what a row shares once a row, and nothing twice", () => {
    const source = new Source(javaScript);
    const leaf: LeafText = (e) => `leaf_${e.kind}`;
    const row = new Scope(source, leaf);
    const lane = row.inner(leaf, (e) => e.kind === "input" && e.role !== "row");
    const shared = s.exp(operand(1, "row"));
    const product = s.mul(operand(0), shared);
    lane.value(s.add(product, s.mul(product, shared)));
    expect(row.lines).toHaveLength(2);
    expect(row.lines[1]).toContain('"exp"');
    expect(lane.lines).toHaveLength(4);
  });

  it("defines helpers once, behind those they call", () => {
    const { helpers } = render(layerNorm);
    expect(helpers).toBe(2);
  });

  it("holds no statement for literals and detached values", () => {
    const scope = new Scope(new Source(javaScript), () => "x");
    expect(scope.value(s.detach(s.cast(s.detach(operand(0)), "float32")))).toBe("v0");
    expect(scope.lines).toEqual(["const v0 = x;"]);
  });
});
