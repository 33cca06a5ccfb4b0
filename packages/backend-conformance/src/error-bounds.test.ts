import { input, makeProgram, RowBuilder, type ScalarOp, scalarAlgebra as s } from "@torchium/tensor/backend";
import { evaluate, float64Arithmetic } from "@torchium/tensor/reference";
import { describe, expect, it } from "vitest";
import { type Bounded, boundedArithmetic } from "./error-bounds.js";
import { randomProgram } from "./programs/generator.js";
import { denseRun, scatteredRun } from "./programs/run.js";
import { Random } from "./random.js";
import { roundingArithmetic } from "./testing/mutations.js";
import { expectProgram, kernelTrial, type ProgramRun } from "./trial.js";
import { accepts, heldAs } from "./workbench.js";

const inf = Number.POSITIVE_INFINITY;
const of = (value: number, error = 0): Bounded => ({ value, error });
const apply = (op: ScalarOp, ...args: Bounded[]): Bounded => boundedArithmetic.apply(op, "float32", "float32", args);
const compare = (op: ScalarOp, ...args: Bounded[]): Bounded => boundedArithmetic.apply(op, "bool", "float32", args);

describe("numbers with error bounds", () => {
  it("carry the rounding of an operation", () => {
    expect(apply("add", of(1), of(2)).error).toBe(2 ** -23);
    expect(apply("neg", of(1))).toEqual(of(-1));
    expect(apply("max", of(1), of(2))).toEqual(of(2));
  });

  it("carry errors through an operation, larger where it is steep", () => {
    expect(apply("mul", of(3, 0.1), of(2)).error).toBeCloseTo(0.2, 6);
    expect(apply("exp", of(3, 0.1)).error).toBeGreaterThan(2);
    expect(apply("tanh", of(9, 0.1)).error).toBeLessThan(1e-5);
  });

  it("decide a comparison, or leave it open", () => {
    expect(compare("lt", of(1, 0.1), of(2, 0.1))).toEqual(of(1));
    expect(compare("lt", of(1, 0.6), of(2, 0.6)).error).toBe(1);
    expect(compare("eq", of(1, 0.1), of(1.05))).toEqual({ value: 0, error: 1 });
    expect(compare("eq", of(1, 0.1), of(1.2))).toEqual(of(0));
  });

  it("select the branch that is decided, and span both where it is open", () => {
    expect(apply("select", of(1), of(5), of(0, inf))).toEqual(of(5));
    expect(apply("select", of(1, 1), of(5), of(3, 0.5))).toEqual({ value: 5, error: 2.5 });
  });

  it("leave open what rounding decides", () => {
    expect(boundedArithmetic.apply("cast", "int32", "float32", [of(2, 0.1)]).error).toBe(inf);
    expect(boundedArithmetic.apply("cast", "int32", "float32", [of(2.5, 0.1)])).toEqual(of(2));
    expect(apply("div", of(1), of(0, 0.1)).error).toBe(inf);
    expect(apply("log", of(0.1, 0.2)).error).toBe(inf);
    expect(apply("exp", of(100)).error).toBe(inf);
  });

  it("know NaN and infinity where they are certain", () => {
    expect(apply("add", of(Number.NaN), of(1, 0.5))).toMatchObject({ value: Number.NaN });
    expect(apply("exp", of(inf))).toEqual(of(inf));
    expect(apply("sub", of(inf), of(inf))).toEqual(of(Number.NaN));
  });

  it("let the error of a sum grow with its magnitudes", () => {
    const sum = boundedArithmetic.reducer("sum", "float32");
    for (const value of [1e6, 1, -1e6]) sum.add(of(value));
    expect(sum.result().value).toBe(1);
    expect(sum.result().error).toBeGreaterThan(0.1);
    const empty = boundedArithmetic.reducer("sum", "float32");
    expect(empty.result()).toEqual(of(0));
  });

  it("let denormals vanish", () => {
    expect(boundedArithmetic.exact(1e-40, "float32").error).toBeGreaterThan(1e-40);
    expect(boundedArithmetic.exact(0, "float32").error).toBe(0);
  });
});

/** What a run must compute, by output and address. */
function expected(run: ProgramRun) {
  const stored = run.operands.map(({ type, values }) => (values ? heldAs(type, values) : []));
  return expectProgram(run.program, run.sizes, run.operands, run.scalars, (i, at) => stored[i]![at]!);
}

describe("bounds of random programs", () => {
  const runs = new Random(1).seeds(300).map((seed) => {
    const random = new Random(seed);
    return denseRun(random, "", randomProgram(random, ["float32", "int32", "uint32", "bool"], 8), [2, 9]);
  });

  it("hold what a rounding device gives, and are tight enough to mean something", () => {
    let [elements, open, loose] = [0, 0, 0];
    for (const run of runs) {
      const inputs = run.operands
        .slice(0, run.program.inputs.length)
        .map((o) => (o.index ? o : heldAs(o.type, o.values!)));
      const got = evaluate(run.program, run.sizes, inputs, run.scalars, roundingArithmetic);
      expected(run).forEach((bounds, k) => {
        const { type } = run.operands[run.program.inputs.length + k]!;
        for (const [at, bound] of bounds) {
          elements++;
          if (bound.error === inf) open++;
          else if (bound.error > 1e-3 * (1 + Math.abs(bound.value))) loose++;
          expect(accepts(type, float64Arithmetic.literal(got[k]![at]!, type), bound)).toBe(true);
        }
      });
    }
    expect(open / elements).toBeLessThan(0.03);
    expect(loose / elements).toBeLessThan(0.05);
  });

  it("the programs use every operation, role and reduction", () => {
    const text = runs.map((run) => kernelTrial(run).describe()).join("\n");
    for (const word of [
      "mulHigh",
      "select",
      "cast to bool",
      "pow",
      "erf",
      "prod along",
      "min along",
      "rowSize",
      "s1",
      " lane",
      " row",
      "index uint32",
    ]) {
      expect(text).toContain(word);
    }
  });
});

describe("scattered runs", () => {
  it("never put two elements of an output into one place", () => {
    for (const seed of new Random(2).seeds(200)) {
      const random = new Random(seed);
      const run = scatteredRun(random, "", randomProgram(random, ["float32", "int32", "uint32", "bool"], 8), [3, 1, 4]);
      run.program.outputs.forEach(({ role }, k) => {
        const count = { full: 12, row: 3, lane: 4 }[role];
        expect(expected(run)[k]!.size).toBe(count);
      });
    }
  });
});

it("the bounds of a softmax are near its rounding error", () => {
  const rows = new RowBuilder();
  const x = input(0, "float32", "full");
  const e = s.exp(s.sub(x, rows.max(x)));
  const program = makeProgram({
    inputs: [{ kind: "buffer", type: "float32", role: "full" }],
    scalars: [],
    reduces: rows.reduces,
    outputs: [{ expr: s.div(e, rows.sum(e)), role: "full" }],
  });
  const [bounds] = expected(denseRun(new Random(3), "", program, [1, 64]));
  const errors = [...bounds!.values()].map((b) => b.error / b.value);
  expect(Math.max(...errors)).toBeLessThan(5e-6);
});
