import { afterAll, expect, it } from "vitest";
import { constant, type Expr, input, scalar } from "../../kernel/expr.js";
import { randomWord } from "../../kernel/philox.js";
import { makeProgram } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { createReferenceBackend } from "../../reference/backend.js";
import { createCpuBackend } from "../backend.js";
import { runCase } from "../testing/launches.js";

const reference = createReferenceBackend();
const backend = await createCpuBackend({ threads: 2, parallelNanoseconds: 0 });
afterAll(() => backend.dispose());

const state = { seedLow: scalar(0, "uint32"), seedHigh: scalar(1, "uint32"), stream: constant(3, "uint32") };

function wordsOf(expr: Expr, length: number, offset: number, stride: number) {
  const program = makeProgram({
    inputs: [{ kind: "index", type: "uint32", role: "full" }],
    scalars: ["uint32", "uint32"],
    reduces: [],
    outputs: [{ expr, role: "full" }],
  });
  const rows = 6;
  return {
    program,
    space: {
      sizes: [rows, length],
      strides: [
        [length * stride, stride],
        [length, 1],
      ],
    },
    contents: [undefined, new Uint32Array(rows * length)],
    offsets: [offset, 0],
    scalars: [4294967295, 7],
  };
}

const index = input(0, "uint32", "full");
// Another chain of the same position, at full rate beside the quarter's, and one of a quarter shifted on.
const several = s.add(randomWord(state, index), s.mul(s.add(randomWord(state, index), index), 3));
const next = randomWord(state, s.add(index, 1));

it.each([
  { what: "a word a position", expr: randomWord(state, index) },
  { what: "words and the position itself", expr: several },
  { what: "a word of the position after", expr: next },
])("$what: rows of any length from any start, counted one by one or not", ({ expr }) => {
  for (const length of [3, 16, 64, 67, 98]) {
    for (const offset of [0, 1, 2, 3, 7]) {
      for (const stride of [1, 2]) {
        const test = wordsOf(expr, length, offset, stride);
        const what = `length ${length}, offset ${offset}, stride ${stride}`;
        expect(runCase(backend, test)[1], what).toEqual(runCase(reference, test)[1]);
      }
    }
  }
});
