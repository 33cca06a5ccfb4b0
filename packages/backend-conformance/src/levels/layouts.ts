// Operands that lie in every way a kernel may meet: all access classes, backwards, overlapping, padded, at offsets;
// every row length from 1 to 67; nothing at all; and more rows and columns than one round of threads takes. Numbers of
// 16 bits, two of which may share a word that different threads write.

import {
  type Expr,
  type HalfType,
  input,
  makeProgram,
  type Program,
  type ProgramInput,
  type Role,
  RowBuilder,
  rowSize,
  scalarAlgebra as s,
} from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { NotOffered } from "../failure.js";
import { layOut, type OperandLayout, randomLayout, walks } from "../layout.js";
import { denseRun, randomSizes, runOn, scatteredRun } from "../programs/run.js";
import { Random } from "../random.js";
import { kernelTrial, type ProgramRun } from "../trial.js";

const float = (role: Role = "full"): ProgramInput => ({ kind: "buffer", type: "float32", role });
const position: ProgramInput = { kind: "index", type: "int32", role: "full" };
const [x, y] = [input(0, "float32", "full"), input(1, "float32", "full")];

/** y0 = x0 − 2·x1. */
const map: Program = makeProgram({
  inputs: [float(), float()],
  scalars: [],
  reduces: [],
  outputs: [{ expr: s.sub(x, s.mul(2, y)), role: "full" }],
});

/** A softmax of a sum of operands, and its logarithm's sum a row. */
const rows: Program = build([float(), float()], (row) => {
  const z = s.add(x, y);
  const top = row.max(z);
  const e = s.exp(s.sub(z, top));
  const sum = row.sum(e);
  return [
    { expr: s.div(e, sum), role: "full" },
    { expr: s.add(top, s.log(sum)), role: "row" },
  ];
});

/** Sums over the rows, of values that need a reduction along them first. */
const lanes: Program = build([float(), float("lane")], (row) => {
  const z = s.mul(x, input(1, "float32", "lane"));
  return [
    { expr: s.add(z, row.max(z)), role: "lane" },
    { expr: row.sum(z), role: "row" },
  ];
});

/** The sums that are split between threads: along a row, and over the rows. */
const sums: Program = build([float()], (row) => [
  { expr: s.sub(row.sum(x), row.max(x)), role: "row" },
  { expr: x, role: "lane" },
]);

/** What is asked of whole arrays: a norm, a mean, the greatest element and where it is, on the elements of `type`. */
const totals = (type: "float32" | HalfType): Program =>
  build([{ ...float(), type }, position], (row) => {
    const z = s.cast(input(0, type, "full"), "float32");
    const top = row.max(z);
    return [
      { expr: s.sqrt(row.sum(s.square(z))), role: "row" },
      { expr: s.div(row.sum(z), rowSize("float32")), role: "row" },
      { expr: top, role: "row" },
      { expr: row.min(s.select(s.eq(z, top), input(1, "int32", "full"), 2 ** 30)), role: "row" },
    ];
  });

/** Each operand has another role, and every reduction takes part. */
const mixed: Program = build([float(), float("row"), float("lane")], (row) => {
  const [r, l] = [input(1, "float32", "row"), input(2, "float32", "lane")];
  const z = s.add(s.mul(x, r), l);
  const near = s.add(1, s.mul(z, 0.01));
  return [
    { expr: s.sub(s.mul(z, row.prod(near)), row.min(z)), role: "full" },
    { expr: s.add(row.sum(z), row.max(z)), role: "row" },
    { expr: s.square(z), role: "lane" },
  ];
});

/** Positions take part in arithmetic. */
const positions: Program = makeProgram({
  inputs: [float(), position, { ...position, type: "uint32" }],
  scalars: [],
  reduces: [],
  outputs: [
    { expr: s.add(x, s.cast(input(1, "int32", "full"), "float32")), role: "full" },
    { expr: s.xor(input(2, "uint32", "full"), 5), role: "full" },
  ],
});

const half = (type: HalfType, role: Role = "full"): ProgramInput => ({ kind: "buffer", type, role });
const widened = (index: number, type: HalfType, role: Role = "full"): Expr =>
  s.cast(input(index, type, role), "float32");

/** Programs whose operands are of 16 bits, with one of float32 among them: a map, rows, and sums over rows. */
const inHalves = (type: HalfType): readonly Program[] => {
  const [h, r, l] = [widened(0, type), widened(1, type, "row"), widened(2, type, "lane")];
  return [
    makeProgram({
      inputs: [half(type), float()],
      scalars: [],
      reduces: [],
      outputs: [
        { expr: s.cast(s.sub(h, s.mul(2, y)), type), role: "full" },
        { expr: s.add(h, y), role: "full" },
      ],
    }),
    build([half(type), half(type, "row"), half(type, "lane")], (row) => {
      const z = s.add(s.mul(h, r), l);
      return [
        { expr: s.cast(s.sub(z, row.max(z)), type), role: "full" },
        { expr: s.cast(row.sum(z), type), role: "row" },
        { expr: z, role: "lane" },
      ];
    }),
    makeProgram({
      inputs: [half(type), half(type, "row"), half(type, "lane")],
      scalars: [],
      reduces: [],
      outputs: [
        { expr: s.cast(s.mul(h, l), type), role: "full" },
        { expr: s.cast(s.neg(r), type), role: "row" },
        { expr: s.mul(h, r), role: "lane" },
      ],
    }),
  ];
};

function build(inputs: readonly ProgramInput[], body: (row: RowBuilder) => Program["outputs"]): Program {
  const row = new RowBuilder();
  const outputs = body(row);
  return makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs });
}

const classes = [0, 1, 2] as const;
type Class = (typeof classes)[number];

/** A layout whose last two axes have the wanted access classes. */
function layoutOfClasses(
  random: Random,
  sizes: readonly number[],
  role: Role,
  wanted: readonly [Class, Class],
  written: boolean,
): OperandLayout {
  const rank = sizes.length;
  const stepOf = (axis: number): number => {
    if (!walks(role, axis, rank)) return 0;
    const kind = axis === rank - 1 ? wanted[1] : axis === rank - 2 ? wanted[0] : 2;
    if (kind === 0) return written ? 1 : 0;
    return kind === 1 ? 1 : random.pick([2, 3, -1, -2]);
  };
  const wishes = sizes.map((_, axis) => stepOf(axis));
  // The dense axis lies inside the others; two dense axes of an input overlap.
  const inner = wanted[0] === 1 && wanted[1] !== 1 && rank > 1 ? rank - 2 : rank - 1;
  const order = [inner, ...[...sizes.keys()].reverse().filter((axis) => axis !== inner)];
  const layout = layOut(sizes, order, wishes, [random.integer(0, 3), random.integer(0, 3)]);
  if (written || wanted[0] !== 1 || wanted[1] !== 1 || rank < 2 || role !== "full") return layout;
  const strides = layout.strides.with(rank - 2, 1).with(rank - 1, 1);
  return { ...layout, strides };
}

/** Every pair of access classes for the first input and for the outputs; other operands lie anyhow. */
function classRuns(random: Random, label: string, program: Program, rank: number): ProgramRun[] {
  const runs: ProgramRun[] = [];
  const pairs = classes.flatMap((a) => classes.map((b) => [a, b] as const));
  for (const read of pairs) {
    for (const write of pairs.filter(([a, b]) => a !== 0 && b !== 0 && !(a === 1 && b === 1))) {
      const sizes = randomSizes(random, rank, 90);
      const layouts = [...program.inputs, ...program.outputs].map(({ role }, i) => {
        const written = i >= program.inputs.length;
        if (i > 0 && !written) return randomLayout(random, sizes, role, false);
        return layoutOfClasses(random, sizes, role, written ? write : read, written);
      });
      runs.push({ ...runOn(random, `${label}, read ${read}, written ${write}`, program, sizes, layouts), join: false });
    }
  }
  return runs;
}

async function allClasses({ bench, seed }: CaseContext, label: string, program: Program): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  const runs = [1, 2, 3].flatMap((rank) => classRuns(random, `${label} of rank ${rank}`, program, rank));
  await bench.check(runs.map(kernelTrial));
}

async function scattered({ bench, seed, effort }: CaseContext, label: string, program: Program): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  const runs = Array.from({ length: Math.ceil(60 * effort) }, (_, i) => {
    const rank = 1 + (i % 5);
    return scatteredRun(random, `${label} of rank ${rank}`, program, randomSizes(random, rank, 200));
  });
  await bench.check(runs.map(kernelTrial));
}

/** Dense operands over given sizes. */
async function overSizes(
  { bench, seed }: CaseContext,
  programs: readonly Program[],
  allSizes: readonly (readonly number[])[],
): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  const runs = allSizes.flatMap((sizes) =>
    programs.map((p) => denseRun(random, `sizes [${sizes.join(", ")}]`, p, sizes)),
  );
  await bench.check(runs.map(kernelTrial));
}

/** Programs of numbers of 16 bits, of each type that the backend has. @throws NotOffered where it has none */
function programsInHalves({ bench }: CaseContext): readonly Program[] {
  const types = bench.offered(["float16", "bfloat16"]) as readonly HalfType[];
  if (types.length === 0) throw new NotOffered("numbers of 16 bits");
  return types.flatMap(inHalves);
}

/** Rows that no block of threads reads alone, as most GPUs have them; a result lies on an operand. */
async function veryLong({ bench, seed }: CaseContext): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  const types = ["float32", ...(bench.offered(["bfloat16"]) as readonly HalfType[])] as const;
  const softmax = denseRun(random, "a softmax on its operand", rows, [131_072]);
  const onOperand = { ...softmax, operands: softmax.operands.map((o, i) => (i === 2 ? { ...o, over: 0 } : o)) };
  const runs = types.map((type, i) => denseRun(random, `totals of ${type}`, totals(type), [131_072 + i]));
  await bench.check([...runs, onOperand].map(kernelTrial));
}

const oneTo67 = Array.from({ length: 67 }, (_, i) => i + 1);

/** Operands that lie in every way. */
export const layoutCases = {
  "layouts/classes of maps": (c) => allClasses(c, "map", map),
  "layouts/classes of rows": (c) => allClasses(c, "row program", rows),
  "layouts/classes of sums over rows": (c) => allClasses(c, "sum over rows", lanes),
  "layouts/classes of positions": (c) => allClasses(c, "positions", positions),
  "layouts/scattered maps": (c) => scattered(c, "map", map),
  "layouts/scattered rows": (c) => scattered(c, "row program", rows),
  "layouts/scattered roles": (c) => scattered(c, "mixed roles", mixed),
  "layouts/scattered positions": (c) => scattered(c, "positions", positions),
  "layouts/scattered halves": async (c) => {
    for (const program of programsInHalves(c)) await scattered({ ...c, effort: c.effort / 4 }, "halves", program);
  },
  "layouts/lengths of halves": (c) =>
    overSizes(
      c,
      programsInHalves(c),
      oneTo67.flatMap((n) => [[n], [3, n]]),
    ),
  "layouts/many halves": (c) =>
    overSizes(c, programsInHalves(c), [
      [1001, 3],
      [3, 1003],
      [66, 64],
    ]),
  "layouts/lengths of maps": (c) =>
    overSizes(
      c,
      [map],
      oneTo67.map((n) => [n]),
    ),
  "layouts/lengths of rows": (c) =>
    overSizes(
      c,
      [rows, mixed],
      oneTo67.flatMap((n) => [
        [1, n],
        [3, n],
      ]),
    ),
  "layouts/counts of rows": (c) =>
    overSizes(
      c,
      [rows, lanes],
      oneTo67.map((n) => [n, 5]),
    ),
  "layouts/axes of one": (c) =>
    overSizes(c, [map, rows, mixed], [[1], [1, 1], [1, 1, 1, 1, 1], [4, 1], [1, 4], [1, 3, 1, 5, 1]]),
  "layouts/no elements": (c) =>
    overSizes(c, [map, rows, lanes, mixed], [[0], [0, 4], [4, 0], [0, 0], [2, 0, 3], [0, 2, 3], [2, 3, 0]]),
  "layouts/many elements": (c) => overSizes(c, [map], [[100_003], [30_001, 3]]),
  "layouts/many rows": (c) =>
    overSizes(
      c,
      [sums],
      [
        [70_001, 2],
        [300, 301],
      ],
    ),
  "layouts/very long rows": veryLong,
  "layouts/long rows": (c) =>
    overSizes(
      c,
      [sums],
      [
        [1, 100_003],
        [2, 20_011],
      ],
    ),
} as const satisfies CaseTable;
