// Matrix products: every small size around the edges of tiles, transposes, batches, and epilogues, against plain
// loops.

import {
  type AnchorCall,
  type DType,
  differentiate,
  type Expr,
  type FloatType,
  type HalfType,
  input,
  isHalf,
  kernelOf,
  makeProgram,
  type Program,
  type ProgramInput,
  rewrite,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import { addressOf, forEachIndex, type OperandView } from "@torchium/tensor/reference";
import type { CaseContext, CaseTable } from "../case.js";
import { type Bounded, boundedArithmetic, keepingArithmetic } from "../error-bounds.js";
import { layOut, type OperandLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { floatLimits, sumRoundings } from "../tolerances.js";
import { describeOperands, expectProgram, type Trial, type TrialOperand } from "../trial.js";

type Type = FloatType;
/** Sizes of a product and of the axes it is repeated over. */
type Size = { readonly batch?: readonly number[]; readonly m: number; readonly n: number; readonly k: number };
/** An epilogue: a map whose input 0 is the product; its other inputs may repeat over axes. */
type Epilogue = { readonly program: Program; readonly repeats: readonly ("rows" | "columns" | "nothing")[] };

/** A layout over the axes of `sizes` that `axes` names, the first innermost. */
const over = (sizes: readonly number[], axes: readonly number[], pad: number): OperandLayout =>
  layOut(
    sizes,
    axes,
    sizes.map((_, axis) => (axes.includes(axis) ? 1 : 0)),
    [pad, 1],
  );

/** Layouts of A, B and C over [batch…, M, N, K], in a random order of axes. */
function layouts(random: Random, sizes: readonly number[]): readonly OperandLayout[] {
  const rank = sizes.length;
  const [m, n, k] = [rank - 3, rank - 2, rank - 1];
  const batch = [...Array(m).keys()].reverse();
  const matrix = (first: number, second: number, written: boolean): OperandLayout => {
    const repeated = !written && random.chance(0.3);
    const axes = [
      ...random.pick([
        [second, first],
        [first, second],
      ]),
      ...(repeated ? [] : batch),
    ];
    return over(sizes, axes, random.integer(0, 3));
  };
  return [matrix(m, k, false), matrix(k, n, false), over(sizes, [n, m, ...batch], random.integer(0, 3))];
}

function trialOf(random: Random, type: Type, { batch = [], m, n, k }: Size, epilogue?: Epilogue): Trial {
  const sizes = [...batch, m, n, k];
  const rank = sizes.length;
  const [a, b, c] = layouts(random, sizes) as [OperandLayout, OperandLayout, OperandLayout];
  const given = (t: DType, layout: OperandLayout): TrialOperand => ({
    ...layout,
    type: t,
    values: randomValues(random, t, layout.extent),
  });
  const outer = [...Array(rank - 3).keys()].reverse();
  const axes = { rows: [rank - 2, ...outer], columns: [rank - 3, ...outer], nothing: [rank - 2, rank - 3, ...outer] };
  const others = (epilogue?.repeats ?? []).map((repeat, i) =>
    given(epilogue!.program.inputs[i + 1]!.type, over(sizes, axes[repeat], 0)),
  );
  const outputs = (epilogue?.program.outputs ?? [undefined]).map(
    (o): TrialOperand => ({ ...c, type: o?.expr.type ?? type }),
  );
  const program = epilogue?.program ?? identity(type);
  const scalars = program.scalars.map((t) => randomValues(random, t, 1)[0]!);
  const factors = [given(type, a), given(type, b)];
  // What follows the product strides over the product's axes.
  const behind = [...others, ...outputs].map((o): TrialOperand => ({ ...o, strides: o.strides.slice(0, -1) }));
  const call: AnchorCall = { op: "matmul", attributes: { type }, rank };
  const arithmetic = epilogue ? keepingArithmetic : boundedArithmetic;
  return {
    label: `matmul [${sizes.join(", ")}] of ${type}${epilogue ? " with an epilogue" : ""}`,
    compile: (backend) =>
      backend.anchor(epilogue ? { ...call, epilogue: epilogueKernel(program, sizes, behind) } : call),
    sizes,
    operands: [...factors, ...(epilogue ? behind : outputs)],
    scalars,
    expect: (read) => {
      const product = productView(type, sizes, factors, read, arithmetic);
      return expectProgram(
        program,
        sizes.slice(0, -1),
        behind,
        scalars,
        (operand, address) => read(operand + 2, address),
        [product],
        arithmetic,
      );
    },
    describe: () => describeOperands(sizes, [...factors, ...behind]).join("\n"),
  };
}

function epilogueKernel(program: Program, sizes: readonly number[], operands: readonly TrialOperand[]) {
  const axes = sizes.slice(0, -1);
  const product = layOut(
    axes,
    [...axes.keys()].reverse(),
    axes.map(() => 1),
  );
  return kernelOf(program, { sizes: axes, strides: [product, ...operands].map((o) => [...o.strides]) });
}

/** The product over its axes, with error bounds: a sum along K of rounded products. */
function productView(
  type: Type,
  sizes: readonly number[],
  [a, b]: readonly TrialOperand[],
  read: (operand: number, address: number) => number,
  arithmetic: typeof boundedArithmetic,
): OperandView<Bounded> {
  const axes = sizes.slice(0, -1);
  const depth = sizes.at(-1)!;
  const { strides } = layOut(
    axes,
    [...axes.keys()].reverse(),
    axes.map(() => 1),
  );
  const [stepA, stepB] = [a!.strides.at(-1)!, b!.strides.at(-1)!];
  // Numbers of 16 bits are multiplied and summed in float32; the sum is rounded once.
  const unit = floatLimits[type === "float64" ? type : "float32"].epsilon / 2;
  const stored = (sum: Bounded): Bounded => (isHalf(type) ? arithmetic.apply("cast", type, "float32", [sum]) : sum);
  const products: Bounded[] = [];
  forEachIndex(axes, (index) => {
    let [value, magnitude] = [0, 0];
    for (let k = 0, p = addressOf(a!, index), q = addressOf(b!, index); k < depth; k++, p += stepA, q += stepB) {
      const term = read(0, p) * read(1, q);
      value += term;
      magnitude += Math.abs(term);
    }
    products.push(stored({ value, error: depth === 0 ? 0 : (1 + sumRoundings(depth)) * unit * magnitude }));
  });
  return { strides, offset: 0, read: (address) => products[address]!, write: noWrite };
}

const noWrite = (): never => {
  throw new Error("a product is not written");
};

/** The map behind a product that has no epilogue. */
const identity = (type: Type): Program =>
  makeProgram({
    inputs: [{ kind: "buffer", type, role: "full" }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: input(0, type, "full"), role: "full" }],
  });

const small: Size[] = [];
for (let m = 1; m <= 9; m++)
  for (const n of [1, 3, 8, 9, 16, 17]) for (const k of [1, 2, 7, 8]) small.push({ m, n, k });

const large: Size[] = [
  { m: 64, n: 64, k: 64 },
  { m: 65, n: 33, k: 129 },
  { m: 130, n: 70, k: 300 },
  { m: 1, n: 256, k: 300 },
  { m: 200, n: 1, k: 100 },
  { m: 7, n: 500, k: 40 },
  { m: 33, n: 9, k: 1100 },
];

const batches: Size[] = [
  { batch: [3], m: 5, n: 7, k: 9 },
  { batch: [2, 3], m: 17, n: 16, k: 8 },
  { batch: [7], m: 1, n: 9, k: 16 },
  { batch: [1, 4], m: 8, n: 8, k: 1 },
  { batch: [2, 2, 2], m: 3, n: 3, k: 3 },
];

/** Sizes for epilogues. */
const behindProducts: Size[] = [...small.filter((_, i) => i % 8 === 0), ...large, ...batches];
const behindHalves: Size[] = [...small.filter((_, i) => i % 24 === 5), ...large.slice(0, 2), ...batches.slice(0, 2)];

const empty: Size[] = [
  { m: 3, n: 4, k: 0 },
  { m: 0, n: 4, k: 3 },
  { m: 3, n: 0, k: 4 },
  { batch: [0], m: 3, n: 3, k: 3 },
];

const float: ProgramInput = { kind: "buffer", type: "float32", role: "full" };
const result = input(0, "float32", "full");
const epilogues: readonly Epilogue[] = [
  // Bias and GELU, the values before it kept for the gradient.
  (() => {
    const z = s.add(result, input(1, "float32", "full"));
    const gelu = s.mul(s.mul(z, 0.5), s.add(1, s.erf(s.mul(z, Math.SQRT1_2))));
    return {
      program: makeProgram({
        inputs: [float, float],
        scalars: [],
        reduces: [],
        outputs: [
          { expr: gelu, role: "full" },
          { expr: z, role: "full" },
        ],
      }),
      repeats: ["rows"],
    };
  })(),
  // A scaled product with a mask and a residual.
  (() => {
    const [mask, residual] = [input(1, "bool", "full"), input(2, "float32", "full")];
    const expr = s.add(s.select(mask, s.mul(result, scalar(0, "float32")), -1), residual);
    const inputs: ProgramInput[] = [float, { ...float, type: "bool" }, float];
    return {
      program: makeProgram({ inputs, scalars: ["float32"], reduces: [], outputs: [{ expr, role: "full" }] }),
      repeats: ["columns", "nothing"],
    };
  })(),
  // A bias, a residual, and both: what libraries of products add themselves, in either order of the terms.
  added(["rows"], ([bias]) => s.add(bias!, result)),
  added(["nothing"], ([residual]) => s.add(result, residual!)),
  added(["nothing", "rows"], ([residual, bias]) => s.add(s.add(result, residual!), bias!)),
  added(["rows", "nothing"], ([bias, residual]) => s.add(residual!, s.add(result, bias!))),
  added(["columns"], ([bias]) => s.add(result, bias!)),
];

function added(repeats: Epilogue["repeats"], sum: (terms: readonly Expr[]) => Expr): Epilogue {
  const expr = sum(repeats.map((_, i) => input(i + 1, "float32", "full")));
  const inputs = [float, ...repeats.map(() => float)];
  return { program: makeProgram({ inputs, scalars: [], reduces: [], outputs: [{ expr, role: "full" }] }), repeats };
}

/** What follows products in 16 bits: master weights in float32 beside them, roundings on the way that may be left out. */
function epiloguesOf(type: HalfType): readonly Epilogue[] {
  const narrow = (e: Expr) => s.cast(e, type);
  const [y, x1, x2] = [0, 1, 2].map((i) => s.cast(input(i, type, "full"), "float32")) as [Expr, Expr, Expr];
  const [wide1, wide2] = [1, 2].map((i) => input(i, "float32", "full")) as [Expr, Expr];
  const rounded = (e: Expr) => s.cast(narrow(e), "float32");
  const biased = narrow(s.add(y, rounded(wide1)));
  const geluTanh = (x: Expr) =>
    s.mul(
      s.mul(0.5, x),
      s.add(1, s.tanh(s.mul(Math.sqrt(2 / Math.PI), s.add(x, s.mul(0.044715, s.mul(x, s.mul(x, x))))))),
    );
  const of = (repeats: Epilogue["repeats"], types: readonly DType[], ...exprs: readonly Expr[]): Epilogue => ({
    program: makeProgram({
      inputs: [type, ...types].map((own) => ({ ...float, type: own })),
      scalars: [],
      reduces: [],
      outputs: exprs.map((expr) => ({ expr, role: "full" })),
    }),
    repeats,
  });
  const gelu = makeProgram({
    inputs: [{ ...float, type }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: narrow(geluTanh(y)), role: "full" }],
  });
  // The product is the gradient that comes back, operand 1 what GELU was taken of.
  const place = (e: Expr): Expr => (e.kind === "input" ? input(1 - e.index, type, "full") : e);
  const slope = rewrite(differentiate(gelu, [0], [0]).outputs[0]!.expr, place, new Map());
  return [
    of([], [], y),
    of(["rows"], ["float32"], biased),
    of(["rows", "nothing"], [type, type], narrow(s.add(rounded(s.add(y, x1)), x2))),
    of(["rows", "nothing"], ["float32", "float32"], s.add(wide2, s.cast(biased, "float32"))),
    of(["nothing"], ["float32"], s.add(wide1, y)),
    of(["rows"], ["float32"], biased, narrow(geluTanh(s.cast(biased, "float32")))),
    of(["rows"], ["float32"], narrow(geluTanh(s.cast(biased, "float32")))),
    of([], [], narrow(geluTanh(y))),
    of(["columns"], ["float32"], biased),
    of(["nothing"], [type], slope),
    of(["nothing"], [type], narrow(s.mul(s.max(s.add(y, x1), 0), y))),
  ];
}

async function products(
  { bench, seed }: CaseContext,
  type: Type,
  sizes: readonly Size[],
  epilogues: readonly Epilogue[] = [],
): Promise<void> {
  bench.need(type);
  const random = new Random(seed);
  const trials = sizes.flatMap((size) =>
    epilogues.length > 0 ? epilogues.map((e) => trialOf(random, type, size, e)) : [trialOf(random, type, size)],
  );
  await bench.check(trials);
}

/** Matrix products. */
export const matmulCases = {
  "anchors/matmul of small sizes": (c) => products(c, "float32", small),
  "anchors/matmul of large sizes": (c) => products(c, "float32", [...large, ...large]),
  "anchors/matmul in batches": (c) => products(c, "float32", [...batches, ...batches, ...batches]),
  "anchors/matmul of nothing": (c) => products(c, "float32", empty),
  "anchors/matmul of float16": (c) => products(c, "float16", [...small.slice(0, 40), ...large, ...batches, ...empty]),
  "anchors/matmul of bfloat16": (c) => products(c, "bfloat16", [...small.slice(0, 40), ...large, ...batches, ...empty]),
  "anchors/matmul of float64": (c) => products(c, "float64", [...small.slice(0, 40), ...large, ...batches]),
  "anchors/matmul with epilogues": (c) => products(c, "float32", behindProducts, epilogues),
  "anchors/matmul of float16 with epilogues": (c) => products(c, "float16", behindHalves, epiloguesOf("float16")),
  "anchors/matmul of bfloat16 with epilogues": (c) => products(c, "bfloat16", behindHalves, epiloguesOf("bfloat16")),
} as const satisfies CaseTable;
