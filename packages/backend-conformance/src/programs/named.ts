// Programs that stand for what core fuses, and programs that careless backends get wrong.

import {
  type Capabilities,
  type DType,
  type Expr,
  input,
  makeProgram,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  type Role,
  RowBuilder,
  randomWord,
  rowSize,
  scalarAlgebra as s,
  scalar,
  uniformFromWord,
} from "@torchium/tensor/backend";
import { denseLayout } from "../layout.js";
import type { Random } from "../random.js";
import type { ProgramRun } from "../trial.js";
import { denseRun, randomValues } from "./run.js";

/** The runs of a named program. */
export type NamedProgram = (random: Random, capabilities: Capabilities) => ProgramRun[];

const full = (expr: Expr): ProgramOutput => ({ expr, role: "full" });
const perRow = (expr: Expr): ProgramOutput => ({ expr, role: "row" });
const overRows = (expr: Expr): ProgramOutput => ({ expr, role: "lane" });
const buffer = (type: DType, role: Role = "full"): ProgramInput => ({ kind: "buffer", type, role });
const position = (role: Role = "full"): ProgramInput => ({ kind: "index", type: "int32", role });

/** A program whose body gets its operands as expressions. */
function program(
  inputs: readonly ProgramInput[],
  scalars: readonly DType[],
  body: (row: RowBuilder, operands: readonly Expr[]) => ProgramOutput[],
): Program {
  const row = new RowBuilder();
  const outputs = body(
    row,
    inputs.map((x, i) => input(i, x.type, x.role)),
  );
  return makeProgram({ inputs, scalars, reduces: row.reduces, outputs });
}

const shapes = [
  [1, 1],
  [3, 17],
  [2, 3, 64],
  [5, 33],
];

type Sizes = readonly number[];

/** Dense runs over some sizes. */
const runsOf = (random: Random, p: Program, allSizes: readonly Sizes[] = shapes): ProgramRun[] =>
  allSizes.map((sizes) => denseRun(random, `over [${sizes.join(", ")}]`, p, sizes));

/** The same, as an entry of the table. */
const dense =
  (p: Program, allSizes?: readonly Sizes[]): NamedProgram =>
  (random) =>
    runsOf(random, p, allSizes);

/** Gives an input other values. */
const withValues = (run: ProgramRun, operand: number, values: (count: number) => readonly number[]): ProgramRun => ({
  ...run,
  operands: run.operands.map((o, i) => (i === operand ? { ...o, values: values(o.extent) } : o)),
});

/** Positions along the row, for an index operand. */
const alongRow = (run: ProgramRun, operand: number): ProgramRun => ({
  ...run,
  operands: run.operands.map((o, i) => (i === operand ? { ...o, ...denseLayout("lane", run.sizes) } : o)),
});

const softmax = program([buffer("float32")], [], (row, [x]) => {
  const e = s.exp(s.sub(x!, row.max(x!)));
  return [full(s.div(e, row.sum(e)))];
});

const layerNorm = program(
  [buffer("float32"), buffer("float32", "lane"), buffer("float32", "lane")],
  [],
  (row, [x, gamma, beta]) => {
    const n = rowSize("float32");
    const mean = s.div(row.sum(x!), n);
    const centred = s.sub(x!, mean);
    const deviation = s.rsqrt(s.add(s.div(row.sum(s.square(centred)), n), 1e-5));
    return [full(s.add(s.mul(s.mul(centred, deviation), gamma!), beta!)), perRow(mean), perRow(deviation)];
  },
);

const layerNormGradient = program(
  [buffer("float32"), buffer("float32"), buffer("float32", "lane")],
  [],
  (row, [x, dy, gamma]) => {
    const n = rowSize("float32");
    const centred = s.sub(x!, s.div(row.sum(x!), n));
    const deviation = s.rsqrt(s.add(s.div(row.sum(s.square(centred)), n), 1e-5));
    const unit = s.mul(centred, deviation);
    const g = s.mul(dy!, gamma!);
    const inner = s.sub(s.sub(g, s.div(row.sum(g), n)), s.mul(unit, s.div(row.sum(s.mul(g, unit)), n)));
    return [full(s.mul(inner, deviation)), overRows(s.mul(dy!, unit)), overRows(dy!)];
  },
);

const crossEntropy = program(
  [buffer("float32"), buffer("int32", "row"), position("full")],
  [],
  (row, [x, label, at]) => {
    const top = row.max(x!);
    const sum = row.sum(s.exp(s.sub(x!, top)));
    const chosen = row.sum(s.select(s.eq(at!, label!), x!, 0));
    const probability = s.div(s.exp(s.sub(x!, top)), sum);
    return [
      perRow(s.sub(s.add(top, s.log(sum)), chosen)),
      full(s.sub(probability, s.select(s.eq(at!, label!), x!, 0))),
    ];
  },
);

const argmax = program([buffer("float32"), position("full")], [], (row, [x, at]) => {
  const top = row.max(x!);
  return [perRow(row.min(s.select(s.eq(x!, top), at!, rowSize("int32"))))];
});

// The reduction and its users compute the same expression: it must have the same bits in both.
const ties = program([buffer("float32"), buffer("float32"), buffer("float32")], [], (row, [a, b, c]) => {
  const z = s.add(s.mul(a!, b!), c!);
  return [perRow(s.min(row.sum(s.cast(s.eq(z, row.max(z)), "float32")), 1))];
});

const dropout = program(
  [buffer("float32"), { ...position("full"), type: "uint32" }],
  ["uint32", "uint32", "uint32", "float32"],
  (_, [x, at]) => {
    const state = { seedLow: scalar(0, "uint32"), seedHigh: scalar(1, "uint32"), stream: scalar(2, "uint32") };
    const p = scalar(3, "float32");
    const word = randomWord(state, at!);
    const keep = s.le(p, uniformFromWord(word, "float32"));
    return [full(s.select(keep, s.div(x!, s.sub(1, p)), 0)), full(word)];
  },
);

const adamW = program(
  [0, 1, 2, 3].map(() => buffer("float32")),
  ["float32", "float32", "float32"],
  (_, [p, g, m, v]) => {
    const [rate, first, second] = [0, 1, 2].map((i) => scalar(i, "float32")) as [Expr, Expr, Expr];
    const m1 = s.add(s.mul(m!, 0.9), s.mul(g!, 0.1));
    const v1 = s.add(s.mul(s.abs(v!), 0.999), s.mul(s.square(g!), 0.001));
    const step = s.div(s.div(m1, first), s.add(s.sqrt(s.div(v1, second)), 1e-8));
    return [full(s.sub(s.mul(p!, s.sub(1, s.mul(rate, 0.1))), s.mul(rate, step))), full(m1), full(v1)];
  },
);

const chain = program([buffer("float32")], [], (row, [x]) => {
  const a = row.max(s.abs(x!));
  const b = row.sum(s.square(s.div(x!, s.add(a, 1))));
  const c = row.prod(s.add(1, s.mul(0.01, s.mul(b, x!))));
  const d = row.min(s.sub(s.mul(c, x!), b));
  return [full(s.add(s.mul(x!, d), c)), perRow(s.add(a, s.add(b, d)))];
});

const rowConstant = program([buffer("float32", "row"), buffer("float32", "lane")], [], (row, [r, l]) => [
  perRow(row.sum(r!)),
  perRow(row.prod(s.add(1, s.mul(r!, 0.01)))),
  overRows(r!),
  full(s.mul(r!, l!)),
  overRows(l!),
]);

const integers = program([buffer("int32"), buffer("uint32", "lane")], ["int32"], (row, [i, u]) => {
  const big = s.mul(i!, 123456789);
  return [
    perRow(row.sum(big)),
    perRow(row.prod(s.or(i!, 1))),
    perRow(row.max(s.sub(i!, scalar(0, "int32")))),
    perRow(row.min(s.cast(u!, "int32"))),
    overRows(s.mul(big, 1000003)),
    full(s.xor(s.shiftLeft(u!, 3), s.cast(big, "uint32"))),
  ];
});

const extremes = program([buffer("float32"), buffer("int32")], [], (row, [x, i]) =>
  [x!, i!].flatMap((v) => [perRow(row.sum(v)), perRow(row.max(v)), perRow(row.min(v))]),
);

// A reduction that starts at 0 gives 0.
const farFromZero = program([buffer("float32"), buffer("int32")], [], (row, [x, i]) =>
  [x!, i!].flatMap((v) => [perRow(row.max(s.sub(-1, s.abs(v)))), perRow(row.min(s.add(1, s.abs(v))))]),
);

const masked = program([buffer("float32"), buffer("bool"), buffer("float32")], [], (row, [x, mask, y]) => {
  const kept = s.select(mask!, x!, Number.NEGATIVE_INFINITY);
  const e = s.select(mask!, s.exp(s.sub(x!, row.max(kept))), 0);
  return [
    full(s.select(mask!, x!, y!)),
    perRow(row.sum(e)),
    full(s.not(mask!)),
    full(s.select(mask!, s.log(y!), s.mul(y!, 0))),
  ];
});

const doubles = program(
  [buffer("float64"), buffer("float64", "row"), buffer("float64", "lane")],
  ["float64"],
  (row, [x, r, l]) => {
    const z = s.mul(s.add(x!, r!), l!);
    const e = s.exp(s.sub(z, row.max(z)));
    return [
      full(s.div(e, row.sum(e))),
      perRow(s.log(row.sum(e))),
      overRows(s.mul(z, scalar(0, "float64"))),
      full(s.cast(z, "float32")),
      full(s.tanh(z)),
    ];
  },
);

const draws = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);

/** Every `period`-th value is another one. */
const sprinkle = (values: readonly number[], period: number, other: readonly number[]): number[] =>
  values.map((v, i) => (i % period === period - 1 ? other[Math.floor(i / period) % other.length]! : v));

/** An expression of about `count` operations, none of them shared. */
function longChain(count: number): Program {
  return program([buffer("float32"), buffer("float32")], [], (_, [x, y]) => {
    let e = x!;
    for (let i = 0; i < count / 4; i++) e = s.sub(s.mul(s.max(e, s.mul(y!, i / count)), 0.99), s.min(y!, i / count));
    return [full(e)];
  });
}

/** Programs by name. */
export const namedPrograms = {
  softmax: dense(softmax),
  "layer norm": dense(layerNorm),
  "gradients of a layer norm": dense(layerNormGradient),
  "cross entropy": (random) =>
    runsOf(random, crossEntropy).map((run) =>
      withValues(alongRow(run, 2), 1, (count) => draws(count, () => random.integer(0, run.sizes.at(-1)! - 1))),
    ),
  argmax: (random) =>
    runsOf(random, argmax).map((run) =>
      withValues(alongRow(run, 1), 0, (count) => draws(count, () => random.integer(0, 5))),
    ),
  "a maximum is found again": (random) => {
    const sizes = Array.from({ length: 35 }, (_, n) => [4, n + 1]);
    return runsOf(random, ties, sizes).map((run) => ({ ...run, result: 1 }));
  },
  dropout: (random) =>
    runsOf(random, dropout, [[7], [3, 65], [1000]]).map((run) => ({ ...run, scalars: [3735928559, 7, 42, 0.25] })),
  "AdamW in place": (random) =>
    runsOf(random, adamW, [[1], [67], [4, 33]]).map((run) => {
      const updated = [0, 2, 3];
      const operands = run.operands.map((o, i) => (i < 4 ? o : { ...o, over: updated[i - 4]! }));
      return { ...run, scalars: [0.01, 0.1, 0.001], operands };
    }),
  "reductions that use each other": dense(chain),
  "reductions of what a row shares": dense(rowConstant),
  "integers wrap": (random) =>
    runsOf(random, integers).map((run) =>
      withValues(run, 0, (n) => randomValues(random, "int32", n).map((v) => Math.imul(v, 99_999_989))),
    ),
  "maxima below zero and minima above": dense(farFromZero),
  "NaN and infinity in reductions": (random) =>
    runsOf(random, extremes).map((run) =>
      withValues(run, 0, (n) =>
        sprinkle(randomValues(random, "float32", n), 7, [
          Number.NaN,
          Number.POSITIVE_INFINITY,
          1,
          Number.NEGATIVE_INFINITY,
        ]),
      ),
    ),
  "masks select": (random) =>
    runsOf(random, masked).map((run) =>
      withValues(run, 2, (n) => sprinkle(randomValues(random, "float32", n), 3, [Number.NaN, -1])),
    ),
  "a product with zeros": (random) => {
    const p = program([buffer("float32")], [], (row, [x]) => [
      perRow(row.prod(x!)),
      perRow(row.sum(s.cast(s.eq(x!, 0), "int32"))),
    ]);
    return runsOf(random, p).map((run) =>
      withValues(run, 0, (n) => sprinkle(new Array<number>(n).fill(1.01), 11, [0, 1, 1])),
    );
  },
  "double precision": dense(doubles),
  "a long chain": dense(longChain(400), [[67], [3, 5]]),
  "as many buffers as a launch may bind": (random, { maxBuffersPerLaunch }) => {
    const count = Math.min(maxBuffersPerLaunch, 40) - 2;
    const p = program(
      Array.from({ length: count }, () => buffer("float32")),
      [],
      (row, xs) => {
        const sum = xs.reduce((a, b) => s.add(s.mul(a, 0.5), b));
        return [full(sum), perRow(row.max(sum))];
      },
    );
    return runsOf(random, p, [[3, 21]]);
  },
  "the same operand twice": dense(
    program([buffer("float32"), buffer("float32")], [], (_, [x]) => [full(x!), full(x!), full(s.neg(x!))]),
  ),
  "an output that depends on nothing": dense(
    program([], ["float32"], () => [
      full(scalar(0, "float32")),
      full(s.mul(rowSize("float32"), 2)),
      overRows(scalar(0, "float32")),
    ]),
  ),
} as const satisfies Record<string, NamedProgram>;
