// scan and sort along rows of every length, in every type and layout.

import { type AnchorCall, type DType, evaluateScalar, isFloat } from "@torchium/tensor/backend";
import { addressOf, forEachIndex } from "@torchium/tensor/reference";
import type { CaseContext, CaseTable } from "../case.js";
import type { Bounded } from "../error-bounds.js";
import { randomLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { floatLimits, sumRoundings } from "../tolerances.js";
import { describeOperands, type Expected, type Trial, type TrialOperand } from "../trial.js";

const types: readonly DType[] = ["float32", "float64", "int32", "uint32"];
const allSizes = [
  [1],
  [2],
  [7],
  [16],
  [33],
  [67],
  [3, 5],
  [4, 64],
  [2, 3, 17],
  [0],
  [3, 0],
  [0, 3],
  [1, 1000],
  [50, 21],
];

type Row = { readonly index: readonly number[]; readonly values: readonly number[] };

/** The rows of the input in order. */
function rowsOf(sizes: readonly number[], x: TrialOperand, read: (operand: number, address: number) => number): Row[] {
  const length = sizes.at(-1)!;
  const rows: Row[] = [];
  forEachIndex(sizes.slice(0, -1), (outer) => {
    const values = Array.from({ length }, (_, i) => read(0, addressOf(x, [...outer, i])));
    rows.push({ index: [...outer], values });
  });
  return rows;
}

/** A trial of an anchor along rows: `expectRow` gives each output's elements of a row. */
function trialOf(
  random: Random,
  call: AnchorCall,
  sizes: readonly number[],
  outputs: readonly DType[],
  values: (random: Random, type: DType, count: number) => number[],
  expectRow: (row: readonly number[]) => readonly (readonly Bounded[])[],
): Trial {
  const { type } = call.attributes;
  const layout = (written: boolean) => randomLayout(random, sizes, "full", written);
  const input = layout(false);
  const x: TrialOperand = { ...input, type, values: values(random, type, input.extent) };
  const results = outputs.map((t): TrialOperand => ({ ...layout(true), type: t }));
  const operands = [x, ...results];
  return {
    label: `${call.op} ${JSON.stringify(call.attributes)} over [${sizes.join(", ")}]`,
    compile: (backend) => backend.anchor(call),
    sizes,
    operands,
    scalars: [],
    expect: (read): Expected[] => {
      const expected = results.map(() => new Map<number, Bounded>());
      for (const row of rowsOf(sizes, x, read)) {
        expectRow(row.values).forEach((elements, k) => {
          elements.forEach((bound, i) => expected[k]!.set(addressOf(results[k]!, [...row.index, i]), bound));
        });
      }
      return expected;
    },
    describe: () => describeOperands(sizes, operands).join("\n"),
  };
}

/** Sums of growing prefixes with their error bounds. */
function prefixSums(type: DType, row: readonly number[]): Bounded[] {
  let [sum, magnitude] = [0, 0];
  return row.map((value, i) => {
    sum = evaluateScalar("add", type, type, sum, value, 0);
    magnitude += Math.abs(value);
    const rounding = isFloat(type) && i > 0 ? (sumRoundings(i + 1) * floatLimits[type].epsilon * magnitude) / 2 : 0;
    return { value: sum, error: rounding };
  });
}

/** Values and positions of a row in order: stable, NaN largest. */
function sorted(row: readonly number[], descending: boolean): [Bounded[], Bounded[]] {
  const rank = (v: number): readonly [number, number] => (Number.isNaN(v) ? [1, 0] : [0, v]);
  const order = [...row.keys()].sort((i, j) => {
    const [a, b] = [rank(row[i]!), rank(row[j]!)];
    const ascending = a[0] - b[0] || (a[1] === b[1] ? 0 : a[1] < b[1] ? -1 : 1);
    return descending ? -ascending : ascending;
  });
  const exactly = (value: number): Bounded => ({ value, error: 0 });
  return [order.map((i) => exactly(row[i]!)), order.map(exactly)];
}

/** Few different values, so that many are equal, and for floats NaN, infinities and both zeros. */
function repetitive(random: Random, type: DType, count: number): number[] {
  const choices = isFloat(type)
    ? [1, 2, 2.5, -1, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    : type === "uint32"
      ? [0, 1, 2, 4_294_967_295, 2_147_483_648]
      : [0, 1, -1, 2, -2_147_483_648, 2_147_483_647];
  return Array.from({ length: count }, () => random.pick(choices));
}

async function scans({ bench, seed }: CaseContext, reverse: boolean): Promise<void> {
  const random = new Random(seed);
  const trials = bench.offered(types).flatMap((type) =>
    allSizes.map((sizes) => {
      const call: AnchorCall = { op: "scan", attributes: { type, reverse }, rank: sizes.length };
      const along = (row: readonly number[]) => [
        reverse ? prefixSums(type, row.toReversed()).reverse() : prefixSums(type, row),
      ];
      return trialOf(random, call, sizes, [type], randomValues, along);
    }),
  );
  await bench.check(trials);
}

async function sorts({ bench, seed }: CaseContext, descending: boolean): Promise<void> {
  const random = new Random(seed);
  const trials = bench.offered(types).flatMap((type) =>
    allSizes.flatMap((sizes) => {
      const call: AnchorCall = { op: "sort", attributes: { type, descending }, rank: sizes.length };
      const along = (row: readonly number[]) => sorted(row, descending);
      return [randomValues, repetitive].map((values) => trialOf(random, call, sizes, [type, "int32"], values, along));
    }),
  );
  await bench.check(trials);
}

/** Scans and sorts. */
export const scanAndSortCases = {
  "anchors/scan": (c) => scans(c, false),
  "anchors/scan reversed": (c) => scans(c, true),
  "anchors/sort": (c) => sorts(c, false),
  "anchors/sort descending": (c) => sorts(c, true),
} as const satisfies CaseTable;
