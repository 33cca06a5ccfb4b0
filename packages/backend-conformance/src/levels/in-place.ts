// Outputs that lie on inputs: core puts a result where an operand lay that nothing needs any more. Maps and row programs, one
// to three outputs, rows and columns of every kind of length, and rows that many threads share.

import {
  type DType,
  type Expr,
  type HalfType,
  input,
  makeProgram,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  type Role,
  RowBuilder,
  rowSize,
  scalarAlgebra as s,
} from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { NotOffered } from "../failure.js";
import { denseLayout, layOut } from "../layout.js";
import { runOn } from "../programs/run.js";
import { Random } from "../random.js";
import { kernelTrial, type ProgramRun } from "../trial.js";

/** A program, and for each output the input it lies on, if any. */
type InPlace = { readonly program: Program; readonly over: readonly (number | undefined)[] };

const float = (role: Role = "full"): ProgramInput => ({ kind: "buffer", type: "float32", role });
const full = (expr: Expr): ProgramOutput => ({ expr, role: "full" });

function build(
  inputs: readonly ProgramInput[],
  body: (row: RowBuilder, operands: readonly Expr[]) => readonly ProgramOutput[],
): Program {
  const row = new RowBuilder();
  const outputs = body(
    row,
    inputs.map((x, i) => input(i, x.type, x.role)),
  );
  return makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs });
}

/** A softmax of numbers of a type, on them. */
const softmax = (type: DType): InPlace => ({
  over: [0],
  program: build([{ ...float(), type }], (row, [x]) => {
    const wide = s.cast(x!, "float32");
    const e = s.exp(s.sub(wide, row.max(wide)));
    return [full(s.cast(s.div(e, row.sum(e)), type))];
  }),
});

/** The gradient of a softmax and what a row has once, on either operand. */
const softmaxGradient = (over: number): InPlace => ({
  over: [over, undefined],
  program: build([float(), float()], (row, [y, dy]) => {
    const inner = row.sum(s.mul(y!, dy!));
    return [full(s.mul(y!, s.sub(dy!, inner))), { expr: inner, role: "row" }];
  }),
});

/** What a cross entropy leaves on its scores: a map but for what a row has once. */
const scores = (type: DType): InPlace => ({
  over: [0],
  program: build([{ ...float(), type }, float("row"), float("row")], (_, [x, top, scale]) => [
    full(s.cast(s.mul(s.exp(s.sub(s.cast(x!, "float32"), top!)), scale!), type)),
  ]),
});

/** The gradients of a layer norm: one over elements, two over the rows. */
const layerNormGradient: InPlace = {
  over: [1, undefined, undefined],
  program: build([float(), float(), float("lane")], (row, [x, dy, gamma]) => {
    const n = rowSize("float32");
    const centred = s.sub(x!, s.div(row.sum(x!), n));
    const deviation = s.rsqrt(s.add(s.div(row.sum(s.square(centred)), n), 1e-5));
    const unit = s.mul(centred, deviation);
    const g = s.mul(dy!, gamma!);
    const inner = s.sub(s.sub(g, s.div(row.sum(g), n)), s.mul(unit, s.div(row.sum(s.mul(g, unit)), n)));
    return [full(s.mul(inner, deviation)), { expr: s.mul(dy!, unit), role: "lane" }, { expr: dy!, role: "lane" }];
  }),
};

/** Sums over rows beside elements, without a reduction. */
const biasGradient: InPlace = {
  over: [0, undefined],
  program: build([float(), float("row")], (_, [x, r]) => {
    const z = s.mul(x!, r!);
    return [full(z), { expr: z, role: "lane" }];
  }),
};

/** Three outputs that each need all inputs, each on an input that is not its own. */
const rotated: InPlace = {
  over: [1, 2, 0],
  program: build([float(), float(), float()], (row, [x, y, z]) => {
    const mean = s.div(row.sum(s.add(x!, s.mul(y!, z!))), rowSize("float32"));
    const top = row.max(s.sub(y!, mean));
    return [
      full(s.sub(s.add(x!, y!), s.mul(z!, mean))),
      full(s.sub(s.mul(y!, top), s.add(x!, z!))),
      full(s.add(s.mul(z!, mean), s.sub(x!, s.mul(y!, top)))),
    ];
  }),
};

const programs = [
  softmax("float32"),
  softmaxGradient(0),
  softmaxGradient(1),
  scores("float32"),
  layerNormGradient,
  biasGradient,
  rotated,
];

/** A run whose outputs lie on inputs; `columns`: elements of a row lie apart, those of neighbouring rows together. */
function runInPlace(
  random: Random,
  { program, over }: InPlace,
  sizes: readonly number[],
  columns: boolean,
): ProgramRun {
  const axes = [...sizes.keys()];
  const order = [...axes.slice(-2), ...axes.slice(0, -2).reverse()];
  const wishes = sizes.map(() => 1);
  const layouts = [...program.inputs, ...program.outputs].map(({ role }) =>
    columns && role === "full" ? layOut(sizes, order, wishes) : denseLayout(role, sizes),
  );
  const run = runOn(random, `sizes [${sizes.join(", ")}]${columns ? ", columns" : ""}`, program, sizes, layouts);
  const operands = run.operands.map((o, i) => {
    const on = over[i - program.inputs.length];
    return on === undefined ? o : { ...o, over: on };
  });
  return { ...run, operands };
}

async function checkInPlace(
  { bench, seed }: CaseContext,
  cases: readonly InPlace[],
  allSizes: readonly (readonly number[])[],
): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  const runs = allSizes.flatMap((sizes) =>
    [false, true]
      .filter((columns) => !columns || sizes.length > 1)
      .flatMap((columns) => cases.map((c) => runInPlace(random, c, sizes, columns))),
  );
  await bench.check(runs.map(kernelTrial));
}

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 131];

/** Outputs on inputs. */
export const inPlaceCases = {
  "layouts/in place": (c) =>
    checkInPlace(
      c,
      programs,
      lengths.flatMap((n) => [[n], [3, n], [2, 3, n]]),
    ),
  "layouts/in place over many rows": (c) =>
    checkInPlace(c, programs, [
      [67, 12],
      [40, 129],
    ]),
  "layouts/in place over long rows": (c) =>
    checkInPlace(c, programs, [
      [1, 5003],
      [2, 1028],
    ]),
  "layouts/in place of 16 bits": async (c) => {
    const types = c.bench.offered(["float16", "bfloat16"]) as readonly HalfType[];
    if (types.length === 0) throw new NotOffered("numbers of 16 bits");
    await checkInPlace(
      c,
      types.flatMap((type) => [softmax(type), scores(type)]),
      [...lengths.map((n) => [3, n]), [2, 1028], [2, 1030]],
    );
  },
} as const satisfies CaseTable;
