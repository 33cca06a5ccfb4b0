// gather, scatterAdd and scatterInto: rows of a table by id, in every type and layout, with ids that repeat and ids outside.

import { type AnchorCall, type AnchorOps, byteLengthOf, type DType } from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import type { Bounded } from "../error-bounds.js";
import { check, NotOffered } from "../failure.js";
import { layOut, type OperandLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { describeOperands, type Trial, type TrialOperand } from "../trial.js";
import { bytesOf, heldAs } from "../workbench.js";

type Shape = { readonly rows: number; readonly width: number; readonly table: number };
type Mode = AnchorOps["scatterInto"]["mode"];
type Op = { readonly name: "gather" | "scatterAdd" } | { readonly name: "scatterInto"; readonly mode: Mode };

const gather: Op = { name: "gather" };
const scatterAdd: Op = { name: "scatterAdd" };
const scatterInto = (mode: Mode): Op => ({ name: "scatterInto", mode });
const isGather = ({ name }: Op): boolean => name === "gather";

const shapes: readonly Shape[] = [
  { rows: 1, width: 1, table: 1 },
  { rows: 5, width: 3, table: 7 },
  { rows: 67, width: 17, table: 5 },
  { rows: 40, width: 64, table: 100 },
  { rows: 9, width: 1, table: 3 },
  { rows: 3, width: 0, table: 4 },
  { rows: 0, width: 3, table: 4 },
  { rows: 300, width: 33, table: 2 },
];

/** Axes of the iteration space: where rows, columns and rows of the table lie in it. */
const axesOf = (op: Op) => (isGather(op) ? { row: 0, column: 1, table: 2 } : { row: 2, column: 1, table: 0 });

const sizesOf = (op: Op, { rows, width, table }: Shape): number[] =>
  isGather(op) ? [rows, width, table] : [table, width, rows];

/** A layout over some axes, in a random order, padded. */
function place(random: Random, sizes: readonly number[], axes: readonly number[]): OperandLayout {
  const wishes = sizes.map((_, axis) => (axes.includes(axis) ? random.pick([1, 1, 1, 2]) : 0));
  const order = random.chance(0.7) ? axes : [...axes].reverse();
  return layOut(sizes, order, wishes, [random.integer(0, 3), random.integer(0, 3)]);
}

/** One trial; `ids` draws an id. */
function trialOf(
  random: Random,
  op: Op,
  type: "float32" | "float64" | DType,
  shape: Shape,
  draw: () => number,
  values = ordinary,
): Trial {
  const sizes = sizesOf(op, shape);
  const axes = axesOf(op);
  const byTable = place(random, sizes, [axes.column, axes.table]);
  const byRow = place(random, sizes, [axes.column, axes.row]);
  const idLayout = place(random, sizes, [axes.row]);
  const [from, to] = isGather(op) ? [byTable, byRow] : [byRow, byTable];
  const id = Array.from({ length: idLayout.extent }, draw);
  const ids: TrialOperand = { ...idLayout, type: "int32", values: id };
  const source: TrialOperand = { ...from, type, values: values(random, type, from.extent) };
  const held = op.name === "scatterInto" ? { values: ordinary(random, type, to.extent) } : {};
  const isSet = op.name === "scatterInto" && op.mode === "set";
  const operands: TrialOperand[] = [isSet ? alikeById(shape, source, ids) : source, ids, { ...to, type, ...held }];
  const { name, ...attributes } = op;
  const call = { op: name, attributes: { type, ...attributes }, rank: 3 } as AnchorCall;
  return {
    label: `${nameOf(op)} [${sizes.join(", ")}] of ${type}`,
    compile: (backend) => backend.anchor(call),
    sizes,
    operands,
    scalars: [],
    expect: (read) => [expectedOf[name](shape, operands, read, isSet)],
    describe: () => describeOperands(sizes, operands).join("\n"),
  };
}

const nameOf = (op: Op): string => (op.name === "scatterInto" ? `${op.name}, ${op.mode},` : op.name);

/** Updates of which those of one id are equal, as `set` wants them. */
function alikeById({ rows, width }: Shape, updates: TrialOperand, ids: TrialOperand): TrialOperand {
  const values = [...updates.values!];
  const first = new Map<number, number>();
  for (let row = 0; row < rows; row++) {
    const id = ids.values![at(ids, 0, 0, row)]!;
    const same = first.get(id) ?? row;
    first.set(id, same);
    for (let column = 0; column < width; column++)
      values[at(updates, 0, column, row)] = values[at(updates, 0, column, same)]!;
  }
  return { ...updates, values };
}

const ordinary = randomValues;
type Read = (operand: number, address: number) => number;

const at = ({ offset, strides }: OperandLayout, ...index: readonly number[]): number =>
  index.reduce((sum, n, axis) => sum + n * strides[axis]!, offset);
const exactly = (value: number): Bounded => ({ value, error: 0 });

function gathered(
  { rows, width, table }: Shape,
  [source, ids, out]: readonly TrialOperand[],
  read: Read,
): Map<number, Bounded> {
  const expected = new Map<number, Bounded>();
  for (let row = 0; row < rows; row++) {
    const id = read(1, at(ids!, row, 0, 0));
    for (let column = 0; column < width; column++) {
      const value = id >= 0 && id < table ? read(0, at(source!, 0, column, id)) : 0;
      expected.set(at(out!, row, column, 0), exactly(value));
    }
  }
  return expected;
}

/** Each sum is rounded to the type, in the order of the rows. */
function scattered(
  { rows, width, table }: Shape,
  [updates, ids, out]: readonly TrialOperand[],
  read: Read,
): Map<number, Bounded> {
  const { type } = out!;
  const sums = type === "float64" ? new Float64Array(table * width) : new Float32Array(table * width);
  for (let row = 0; row < rows; row++) {
    const id = read(1, at(ids!, 0, 0, row));
    if (id < 0 || id >= table) continue;
    for (let column = 0; column < width; column++) sums[id * width + column]! += read(0, at(updates!, 0, column, row));
  }
  const expected = new Map<number, Bounded>();
  sums.forEach((sum, i) => expected.set(at(out!, Math.floor(i / width), i % width, 0), exactly(sum)));
  return expected;
}

/** What the output held, with rows added or put in place; nothing is expected of the others, which must stay. */
function scatteredInto(
  { rows, width, table }: Shape,
  [updates, ids, out]: readonly TrialOperand[],
  read: Read,
  isSet: boolean,
): Map<number, Bounded> {
  const round = out!.type === "float64" ? (x: number): number => x : Math.fround;
  const expected = new Map<number, Bounded>();
  for (let row = 0; row < rows; row++) {
    const id = read(1, at(ids!, 0, 0, row));
    if (id < 0 || id >= table) continue;
    for (let column = 0; column < width; column++) {
      const address = at(out!, id, column, 0);
      const update = read(0, at(updates!, 0, column, row));
      const before = expected.get(address)?.value ?? read(2, address);
      expected.set(address, exactly(isSet ? update : round(before + update)));
    }
  }
  return expected;
}

const expectedOf = { gather: gathered, scatterAdd: scattered, scatterInto: scatteredInto } as const;

/** Values whose sum depends on the order of adding. */
const unruly = (random: Random, type: DType, count: number): number[] =>
  heldAs(
    type,
    Array.from({ length: count }, () => random.pick([1e8, -1e8, 1, 3, 0.25]) * random.number(1, 2)),
  );

async function inside({ bench, seed }: CaseContext, op: Op, types: readonly DType[], values = ordinary): Promise<void> {
  const random = new Random(seed);
  const trials = bench
    .offered(types)
    .flatMap((type) =>
      [...shapes, ...shapes].map((shape) =>
        trialOf(random, op, type, shape, () => random.integer(0, shape.table - 1), values),
      ),
    );
  await bench.check(trials);
  const errors = await bench.backend.checkErrors();
  check(errors.length === 0, () => `checkErrors after ids inside the table: ${JSON.stringify(errors)}`);
}

/** A faulty launch between two sound ones: its own rows aside, nothing is disturbed, and the fault is told once. */
async function outside({ bench, seed }: CaseContext, op: Op): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  for (const bad of [-1, 7, 1_000_000, -2_147_483_648, 2_147_483_647]) {
    const shape = { rows: 40, width: 5, table: 7 };
    let drawn = 0;
    const trial = trialOf(random, op, "float32", shape, () => (drawn++ % 5 === 3 ? bad : random.integer(0, 6)));
    const label = `${op.name} of words`;
    await bench.check([{ ...trial, label }]);
    const errors = await bench.backend.checkErrors();
    check(
      errors.length === 1,
      () => `one launch with ids of ${bad}: checkErrors gave ${errors.length} errors, expected 1`,
    );
    const { code, label: told, message } = errors[0]!;
    check(
      code === "index" && told === label,
      () => `the fault has code ${code} and label ${told}, expected index and ${label}`,
    );
    check(
      message.includes(String(bad)) && message.includes(label),
      () => `the message names neither label nor id ${bad}: ${message}`,
    );
    check(
      /[67]/.test(message.replaceAll(String(bad), "")),
      () => `the message does not name the table's size, 7: ${message}`,
    );
    const again = await bench.backend.checkErrors();
    check(again.length === 0, "a fault is told twice");
  }
}

/** Several faulty launches in one submission are told in their order. */
async function inOrder({ bench }: CaseContext): Promise<void> {
  bench.need("float32");
  const { backend } = bench;
  const executable = backend.anchor({ op: "gather", attributes: { type: "float32" }, rank: 3 });
  if (!executable) throw new NotOffered("gather");
  const table = backend.allocate(12);
  const badIds = backend.allocate(4);
  const goodIds = backend.allocate(4);
  const out = Array.from({ length: 5 }, () => backend.allocate(byteLengthOf("float32")));
  backend.write(table, bytesOf("float32", [1, 2, 3]));
  backend.write(badIds, bytesOf("int32", [5]));
  backend.write(goodIds, bytesOf("int32", [2]));
  const operand = (buffer: typeof table, strides: readonly number[]) => ({
    binding: { buffer },
    byteOffset: 0,
    strides,
    offset: 0,
  });
  backend.submit(
    out.map((to, i) => ({
      executable,
      sizes: [1, 1, 3],
      operands: [operand(table, [0, 1, 1]), operand(i % 2 ? goodIds : badIds, [1, 0, 0]), operand(to, [1, 1, 0])],
      scalars: [],
      stage: i >> 1,
      label: `gather ${i}`,
    })),
  );
  const labels = (await backend.checkErrors()).map((e) => e.label);
  for (const buffer of [table, badIds, goodIds, ...out]) backend.release(buffer);
  check(
    labels.join() === "gather 0,gather 2,gather 4",
    () => `faults of launches 0, 2 and 4 were told as ${labels.join()}`,
  );
}

/** Rows of tables. */
export const rowsByIdCases = {
  "anchors/gather": (c) => inside(c, gather, ["float32", "float64", "float16", "bfloat16", "int32", "uint32", "bool"]),
  "anchors/gather outside": (c) => outside(c, gather),
  "anchors/gather faults in order": inOrder,
  "anchors/scatterAdd": (c) => inside(c, scatterAdd, ["float32", "float64"]),
  "anchors/scatterAdd in order": (c) => inside(c, scatterAdd, ["float32", "float64"], unruly),
  "anchors/scatterAdd outside": (c) => outside(c, scatterAdd),
  "anchors/scatterInto add": (c) => inside(c, scatterInto("add"), ["float32", "float64"]),
  "anchors/scatterInto in order": (c) => inside(c, scatterInto("add"), ["float32", "float64"], unruly),
  "anchors/scatterInto set": (c) => inside(c, scatterInto("set"), ["float32", "float64"]),
  "anchors/scatterInto outside": (c) => outside(c, scatterInto("add")),
  "anchors/scatterInto set outside": (c) => outside(c, scatterInto("set")),
} as const satisfies CaseTable;
