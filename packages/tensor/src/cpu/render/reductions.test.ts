import { afterAll, describe, expect, it } from "vitest";
import { type Expr, input, rowSize } from "../../kernel/expr.js";
import { makeProgram, type Program, RowBuilder } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { createReferenceBackend } from "../../reference/backend.js";
import { seededNumbers } from "../../reference/random-order.js";
import { createCpuBackend } from "../backend.js";
import { difference, runCase } from "../testing/launches.js";

const reference = createReferenceBackend();
const backends = await Promise.all([
  createCpuBackend({ threads: 1 }),
  createCpuBackend({ threads: 2, parallelNanoseconds: 0 }),
  createCpuBackend({ threads: 3, parallelNanoseconds: 0 }),
]);
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

const random = seededNumbers(3);
const floats = (length: number) => Float32Array.from({ length }, () => random() * 2 - 1);

/** A program over one float32 operand with one value a row as its result. */
function reduction(body: (b: RowBuilder, x: Expr) => Expr): Program {
  const b = new RowBuilder();
  const expr = body(b, input(0, "float32", "full"));
  return makeProgram({
    inputs: [{ kind: "buffer", type: "float32", role: "full" }],
    scalars: [],
    reduces: b.reduces,
    outputs: [{ expr, role: "row" }],
  });
}

function caseOf(program: Program, data: Float32Array, rows: number, columnsFirst = false) {
  const length = data.length / rows;
  const strides = columnsFirst ? [1, rows] : [length, 1];
  return {
    program,
    space: { sizes: [rows, length], strides: [strides, [1, 0]] },
    contents: [data, new Float32Array(rows)],
    offsets: [0, 0],
    scalars: [],
  };
}

describe("long rows", () => {
  const program = reduction((b, x) => {
    const mean = s.div(b.sum(s.square(x)), rowSize("float32"));
    return s.add(s.sqrt(mean), s.mul(b.max(x), b.min(x)));
  });

  it.each([32767, 32768, 40000, 70001])(
    "of %i elements are reduced in chunks, alike on any number of threads",
    (length) => {
      const test = caseOf(program, floats(3 * length), 3);
      const expected = runCase(reference, test)[1]!;
      const results = backends.map((backend) => runCase(backend, test)[1]!);
      for (const actual of results) expect(difference(actual, expected)).toBeLessThan(1e-6);
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    },
  );
});

describe("sums", () => {
  it.each([
    { rows: 1, length: 1 << 20, columnsFirst: false },
    { rows: 40, length: 30_000, columnsFirst: false },
    { rows: 40, length: 30_000, columnsFirst: true },
  ])("keep their digits: $rows rows of $length, columns first: $columnsFirst", ({ rows, length, columnsFirst }) => {
    // All of one sign: nothing cancels, so the relative error is the algorithm's.
    const data = floats(rows * length).map(Math.abs);
    const test = caseOf(
      reduction((b, x) => b.sum(x)),
      data,
      rows,
      columnsFirst,
    );
    const expected = runCase(reference, test)[1]!;
    const actual = runCase(backends[0]!, test)[1]!;
    actual.forEach((a, row) => expect(Math.abs(a - expected[row]!) / expected[row]!).toBeLessThan(5e-7));
  });
});

describe.each([
  { along: "the row", columnsFirst: false, rows: 1 },
  { along: "columns", columnsFirst: true, rows: 6 },
])("minima and maxima along $along", ({ columnsFirst, rows }) => {
  it("keep a NaN wherever it is, and only then", () => {
    const length = 41;
    const program = reduction((b, x) => s.add(b.max(x), b.min(x)));
    for (let at = 0; at <= length; at++) {
      const data = floats(rows * length);
      if (at < length) data[columnsFirst ? at * rows : at] = Number.NaN;
      const actual = runCase(backends[0]!, caseOf(program, data, rows, columnsFirst))[1]!;
      expect(Number.isNaN(actual[0]!), `NaN at ${at}`).toBe(at < length);
      expect(actual.slice(1).some(Number.isNaN)).toBe(false);
    }
  });

  it("of infinities and of nothing", () => {
    const program = reduction((b, x) => s.sub(b.max(x), b.min(x)));
    const infinite = new Float32Array(rows * 20).fill(Number.NEGATIVE_INFINITY);
    expect(
      runCase(
        backends[0]!,
        caseOf(
          reduction((b, x) => b.max(x)),
          infinite,
          rows,
          columnsFirst,
        ),
      )[1]![0],
    ).toBe(Number.NEGATIVE_INFINITY);
    expect(runCase(backends[0]!, caseOf(program, new Float32Array(0), rows, columnsFirst))[1]![0]).toBe(
      Number.NEGATIVE_INFINITY,
    );
  });
});
