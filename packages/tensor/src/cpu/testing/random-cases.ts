// Test support: random row programs over random layouts. Numbers stay near 1 and conditions only compare operands, so
// that a correct float32 result is near the exact one.

import { joinAxes } from "../../backend/kernel-geometry.js";
import { type DType, isFloat, makeData } from "../../dtype.js";
import { type Expr, input, reduced, rowSize, scalar } from "../../kernel/expr.js";
import { makeProgram, type Program, type ProgramInput, type ProgramOutput, type Reduce } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { sizeOf } from "../../shape.js";
import { type Case, type Content, operandTypes } from "./launches.js";

/** Numbers in [0, 1). */
export type Random = () => number;

/** What a random case may contain. */
export type Wish = {
  readonly type: "float32" | "float64";
  readonly reduces: boolean;
  /** Outputs summed over the rows. */
  readonly sums: boolean;
  readonly sizes?: readonly number[];
};

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const upTo = (random: Random, n: number): number => Math.floor(random() * (n + 1));

/** A random kernel with operands. */
export function randomCase(random: Random, wish: Wish): Case {
  const program = randomProgram(random, wish);
  const sizes = wish.sizes ?? randomSizes(random);
  const types = operandTypes(program);
  const isBuffer = types.map((_, i) => program.inputs[i]?.kind !== "index");
  const layouts = types.map((_, i) => {
    const role = program.inputs[i]?.role ?? program.outputs[i - program.inputs.length]!.role;
    return randomLayout(random, sizes, role, i < program.inputs.length, isBuffer[i]!);
  });
  const space = joinAxes(
    sizes,
    layouts.map((l) => l.strides),
    program.reduces.length > 0 || wish.sums ? 1 : 0,
  );
  const contents = types.map((type, i): Content => {
    if (!isBuffer[i]) return undefined;
    const data = makeData(type, layouts[i]!.length);
    for (let k = 0; k < data.length; k++) data[k] = type === "bool" ? upTo(random, 1) : randomNumber(random, type);
    return data;
  });
  return {
    program,
    space,
    contents,
    offsets: layouts.map((l) => l.offset),
    scalars: program.scalars.map(() => random()),
  };
}

const randomNumber = (random: Random, type: DType): number =>
  isFloat(type) ? random() * 4 - 2 : type === "uint32" ? upTo(random, 9) : upTo(random, 18) - 9;

function randomSizes(random: Random): readonly number[] {
  const rank = 1 + upTo(random, 3);
  const odd = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 19, 33, 47, 64, 67];
  return Array.from({ length: rank }, (_, axis) => pick(random, axis < rank - 2 ? odd.slice(0, 5) : odd));
}

type Laid = { readonly strides: readonly number[]; readonly offset: number; readonly length: number };

/** Strides over permuted axes, some repeated (inputs only) or walked backwards, with gaps. */
function randomLayout(random: Random, sizes: readonly number[], role: string, isInput: boolean, dense: boolean): Laid {
  const row = sizes.length - 1;
  const strides = sizes.map(() => 0);
  const axes = sizes.map((_, axis) => axis);
  if (random() < 0.4) axes.sort(() => random() - 0.5);
  let step = random() < 0.15 ? 2 : 1;
  let offset = upTo(random, 5);
  let length = offset + 1;
  for (const axis of axes.reverse()) {
    const absent = (role === "row" && axis === row) || (role === "lane" && axis !== row);
    if (absent || (isInput && random() < 0.2)) continue;
    const backwards = random() < 0.1;
    strides[axis] = backwards ? -step : step;
    const span = (sizes[axis]! - 1) * step;
    if (backwards) offset += span;
    length += span;
    step *= sizes[axis]!;
    if (random() < 0.1) step += upTo(random, 3);
  }
  return { strides, offset, length: dense ? length : sizeOf(sizes) };
}

function randomProgram(random: Random, { type, reduces: hasReduces, sums }: Wish): Program {
  const types: readonly DType[] = [
    type,
    type,
    type,
    "int32",
    "uint32",
    "bool",
    type === "float32" ? "float64" : "float32",
  ];
  const hasRow = hasReduces || sums;
  const inputs: ProgramInput[] = Array.from({ length: 1 + upTo(random, 3) }, () => {
    const kind = random() < 0.15 ? "index" : "buffer";
    const role = hasRow ? pick(random, ["full", "full", "row", "lane"] as const) : "full";
    return { kind, type: kind === "index" ? pick(random, ["int32", "uint32"] as const) : pick(random, types), role };
  });
  inputs[0] = { kind: "buffer", type, role: "full" };
  const scalars: readonly DType[] = [type, "int32"];
  const leaves = inputs.map((x, i) => s.cast(input(i, x.type, x.role), type));
  const conditions = inputs.flatMap((x, i) =>
    x.kind === "buffer" ? [s.lt(input(i, x.type, x.role), typedOne(x))] : [],
  );
  leaves.push(scalar(0, type), s.cast(scalar(1, "int32"), type), s.div(1, rowSize(type)));
  const reduces: Reduce[] = [];
  const known = [...leaves];
  const grow = (depth: number): Expr => randomExpr(random, known, conditions, depth);
  if (hasReduces) {
    for (let n = 1 + upTo(random, 2); n > 0; n--) {
      const op = pick(random, ["sum", "max", "min"] as const);
      // A mean keeps sums near 1.
      const of = op === "sum" ? s.mul(grow(2), s.div(1, rowSize(type))) : grow(2);
      known.push(reduced(reduces.push({ op, of }) - 1, type));
    }
  }
  const rowLeaves = known.filter((e) => e.kind !== "apply" && (e.kind !== "input" || e.role === "row"));
  const output = (role: ProgramOutput["role"]): ProgramOutput => ({
    role,
    expr: role === "row" ? randomExpr(random, rowLeaves, [], 1) : grow(3),
  });
  const outputs: ProgramOutput[] = [
    output(sums ? "lane" : hasReduces ? pick(random, ["row", "full"] as const) : "full"),
  ];
  if (random() < 0.4) outputs.push(output(hasReduces ? "row" : "full"));
  if (random() < 0.3) outputs.push({ role: "full", expr: pick(random, [...conditions, ...leaves]) });
  return makeProgram({ inputs, scalars, reduces, outputs });
}

const typedOne = (x: ProgramInput): Expr =>
  x.type === "bool" ? s.eq(rowSize("int32"), 0) : s.cast(rowSize("int32"), x.type);

function randomExpr(random: Random, leaves: readonly Expr[], conditions: readonly Expr[], depth: number): Expr {
  if (depth === 0 || random() < 0.1) return pick(random, leaves);
  const [a, b] = [0, 0].map(() => randomExpr(random, leaves, conditions, depth - 1)) as [Expr, Expr];
  const makes = [
    () => s.add(a, b),
    () => s.sub(a, b),
    () => s.mul(s.tanh(a), b),
    () => s.max(a, b),
    () => s.min(a, b),
    () => s.exp(s.min(a, 1)),
    () => s.sqrt(s.abs(a)),
    () => s.div(a, s.add(2, s.abs(b))),
    () => (conditions.length > 0 ? s.select(pick(random, conditions), a, b) : s.neg(a)),
  ];
  return pick(random, makes)();
}
