// gatherDot and gatherSum: dot products with rows of a table that ids pick, and weighted sums of such rows, against plain
// loops with error bounds, with ids that repeat and ids outside.

import type { AnchorCall } from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import type { Bounded } from "../error-bounds.js";
import { check } from "../failure.js";
import { layOut, type OperandLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { floatLimits, sumRoundings } from "../tolerances.js";
import { describeOperands, type Trial, type TrialOperand } from "../trial.js";

type Op = "gatherDot" | "gatherSum";
type Shape = { readonly rows: number; readonly picks: number; readonly width: number; readonly table: number };
type Axis = keyof Shape;
type Read = (operand: number, address: number) => number;

const unit = floatLimits.float32.epsilon / 2;

const shapes: readonly Shape[] = [
  { rows: 1, picks: 1, width: 1, table: 1 },
  { rows: 5, picks: 2, width: 3, table: 7 },
  { rows: 67, picks: 6, width: 17, table: 5 },
  { rows: 40, picks: 3, width: 64, table: 100 },
  { rows: 33, picks: 1, width: 100, table: 9 },
  { rows: 3, picks: 2, width: 0, table: 4 },
  { rows: 3, picks: 0, width: 5, table: 4 },
  { rows: 0, picks: 2, width: 3, table: 4 },
];

const spaces: Readonly<Record<Op, readonly Axis[]>> = {
  gatherDot: ["picks", "rows", "width", "table"],
  gatherSum: ["rows", "width", "picks", "table"],
};

/** An operand along some axes, listed from the innermost; `width` is dense where it is the first. */
function place(random: Random, op: Op, shape: Shape, inner: readonly Axis[]): OperandLayout {
  const space = spaces[op];
  const wishes = space.map((axis) => (!inner.includes(axis) ? 0 : axis === "width" ? 1 : random.pick([1, 1, 2])));
  const order = inner[0] === "width" || random.chance(0.6) ? inner : [...inner].reverse();
  return layOut(
    space.map((axis) => shape[axis]),
    order.map((axis) => space.indexOf(axis)),
    wishes,
    [random.integer(0, 3), random.integer(0, 3)],
  );
}

function trialOf(random: Random, op: Op, shape: Shape, draw: () => number): Trial {
  const { rows, picks, width, table } = shape;
  const space = spaces[op];
  const float = (layout: OperandLayout): TrialOperand => ({
    ...layout,
    type: "float32",
    values: randomValues(random, "float32", layout.extent),
  });
  const idLayout = place(random, op, shape, ["picks", "rows"]);
  const ids: TrialOperand = { ...idLayout, type: "int32", values: Array.from({ length: idLayout.extent }, draw) };
  const vectors = place(random, op, shape, ["width", "rows"]);
  const factors = place(random, op, shape, ["picks", "rows"]);
  const rowsOfTable = float(place(random, op, shape, ["width", "table"]));
  const [first, out] = op === "gatherDot" ? [vectors, factors] : [factors, vectors];
  const operands: TrialOperand[] = [float(first), rowsOfTable, ids, { ...out, type: "float32" }];
  const at = ({ offset, strides }: OperandLayout, index: Partial<Shape>): number =>
    space.reduce((sum, axis, i) => sum + (index[axis] ?? 0) * strides[i]!, offset);
  const idOf = (read: Read, index: Partial<Shape>): number | undefined => {
    const id = read(2, at(ids, index));
    return id >= 0 && id < table ? id : undefined;
  };
  /** A sum of products, and how far its roundings may carry it. */
  const bounded = (terms: readonly number[]): Bounded => ({
    value: terms.reduce((sum, x) => sum + x, 0),
    error: (1 + sumRoundings(terms.length)) * unit * terms.reduce((sum, x) => sum + Math.abs(x), 0),
  });
  const expect = (read: Read): Map<number, Bounded> => {
    const expected = new Map<number, Bounded>();
    for (let row = 0; row < rows; row++) {
      if (op === "gatherDot") {
        for (let pick = 0; pick < picks; pick++) {
          const id = idOf(read, { rows: row, picks: pick });
          const terms = Array.from({ length: id === undefined ? 0 : width }, (_, w) => {
            const [x, y] = [at(vectors, { rows: row, width: w }), at(rowsOfTable, { table: id!, width: w })];
            return read(0, x) * read(1, y);
          });
          expected.set(at(factors, { rows: row, picks: pick }), bounded(terms));
        }
        continue;
      }
      for (let w = 0; w < width; w++) {
        const terms = Array.from({ length: picks }, (_, pick) => {
          const id = idOf(read, { rows: row, picks: pick });
          if (id === undefined) return 0;
          return read(0, at(factors, { rows: row, picks: pick })) * read(1, at(rowsOfTable, { table: id, width: w }));
        });
        expected.set(at(vectors, { rows: row, width: w }), bounded(terms));
      }
    }
    return expected;
  };
  const sizes = space.map((axis) => shape[axis]);
  return {
    label: `${op} [${sizes.join(", ")}]`,
    compile: (backend) => backend.anchor({ op, attributes: { type: "float32" }, rank: 4 } as AnchorCall),
    sizes,
    operands,
    scalars: [],
    expect: (read) => [expect(read)],
    describe: () => describeOperands(sizes, operands).join("\n"),
  };
}

async function inside({ bench, seed }: CaseContext, op: Op): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  await bench.check(
    [...shapes, ...shapes].map((shape) => trialOf(random, op, shape, () => random.integer(0, shape.table - 1))),
  );
  const errors = await bench.backend.checkErrors();
  check(errors.length === 0, () => `checkErrors after ids inside the table: ${JSON.stringify(errors)}`);
}

/** Ids outside give zeros, one fault a launch, and disturb nothing else. */
async function outside({ bench, seed }: CaseContext, op: Op): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  for (const bad of [-1, 7, 2_147_483_647]) {
    let drawn = 0;
    const shape = { rows: 40, picks: 3, width: 5, table: 7 };
    await bench.check([trialOf(random, op, shape, () => (drawn++ % 5 === 3 ? bad : random.integer(0, 6)))]);
    const errors = await bench.backend.checkErrors();
    check(
      errors.length === 1 && errors[0]!.code === "index" && errors[0]!.message.includes(String(bad)),
      () =>
        `one launch with ids of ${bad}: checkErrors gave ${JSON.stringify(errors)}, expected one fault that names it`,
    );
  }
}

/** Rows that ids pick. */
export const pickedRowsCases = {
  "anchors/gatherDot": (c) => inside(c, "gatherDot"),
  "anchors/gatherDot outside": (c) => outside(c, "gatherDot"),
  "anchors/gatherSum": (c) => inside(c, "gatherSum"),
  "anchors/gatherSum outside": (c) => outside(c, "gatherSum"),
} as const satisfies CaseTable;
