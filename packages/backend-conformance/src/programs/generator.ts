// Random row programs: all operations, all roles, reductions that use each other, several outputs of several types.

import {
  arithmeticTypeOf,
  constant,
  type DType,
  type Expr,
  input,
  isFloat,
  isHalf,
  makeProgram,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  type ReduceOp,
  type Role,
  RowBuilder,
  rowSize,
  type ScalarOp,
  scalarAlgebra as s,
  scalar,
  variesAlongRow,
} from "@torchium/tensor/backend";
import type { Random } from "../random.js";

const roles: readonly Role[] = ["full", "full", "full", "row", "lane"];
const computed = (types: readonly DType[]) => types.filter((t) => !isHalf(t));
const numberTypes = (types: readonly DType[]) => computed(types).filter((t) => t !== "bool");

/** A random program over operands of `types`, within `maxBuffers` buffers. */
export function randomProgram(random: Random, types: readonly DType[], maxBuffers: number): Program {
  const outputCount = random.integer(1, Math.min(3, maxBuffers - 1));
  const inputs = randomInputs(random, types, Math.min(4, maxBuffers - outputCount));
  const scalars = Array.from({ length: random.integer(0, 2) }, () => random.pick(numberTypes(types)));
  const rows = new RowBuilder();
  const pool = new Pool(random, [
    ...inputs.map((x, i) => s.cast(input(i, x.type, x.role), arithmeticTypeOf(x.type))),
    ...scalars.map((type, i) => scalar(i, type)),
    rowSize(random.pick(numberTypes(types))),
  ]);
  const steps = random.integer(2, 14);
  for (let step = 0; step < steps; step++) {
    const made = random.chance(0.2) ? reduction(random, pool, rows) : operation(random, pool, computed(types));
    if (made) pool.add(made);
  }
  const outputs = Array.from({ length: outputCount }, (): ProgramOutput => {
    const expr = pool.recent();
    const choices: Role[] = ["full", "full"];
    if (expr.type !== "bool") choices.push("lane");
    if (!variesAlongRow(expr)) choices.push("row", "row", "row");
    const role = random.pick(choices);
    const halves = types.filter(isHalf);
    const narrow = isFloat(expr.type) && role !== "lane" && halves.length > 0 && random.chance(0.2);
    return { expr: narrow ? s.cast(expr, random.pick(halves)) : expr, role };
  });
  return makeProgram({ inputs, scalars, reduces: rows.reduces, outputs });
}

function randomInputs(random: Random, types: readonly DType[], most: number): ProgramInput[] {
  return Array.from({ length: random.integer(1, most) }, (): ProgramInput => {
    const role = random.pick(roles);
    if (random.chance(0.15)) return { kind: "index", type: random.pick(["int32", "uint32"]), role };
    const likely = random.chance(0.6) && types.includes("float32");
    return { kind: "buffer", type: likely ? "float32" : random.pick(types), role };
  });
}

/** What has been made so far. */
class Pool {
  readonly #random: Random;
  readonly #all: Expr[];

  constructor(random: Random, all: Expr[]) {
    this.#random = random;
    this.#all = all;
  }

  add(e: Expr): void {
    this.#all.push(e);
  }

  /** Something made lately. */
  recent(): Expr {
    const last = this.#all.length - 1;
    return this.#all[this.#random.integer(Math.max(0, last - 3), last)]!;
  }

  /** Something of one of these types, a cast of something else, or a literal. */
  operand(accepts: (type: DType) => boolean, fallback: DType): Expr {
    const fitting = this.#all.filter((e) => accepts(e.type));
    if (fitting.length > 0 && this.#random.chance(0.85)) return this.#random.pick(fitting.slice(-6));
    const type = fitting[0]?.type ?? fallback;
    if (this.#random.chance(0.4)) return constant(this.#random.integer(-3, 7) / (isFloat(type) ? 4 : 1), type);
    return s.cast(this.recent(), type);
  }

  /** Something of `type`. */
  of(type: DType): Expr {
    return this.operand((t) => t === type, type);
  }
}

const reduceOps: readonly ReduceOp[] = ["sum", "sum", "max", "min", "prod"];

function reduction(random: Random, pool: Pool, rows: RowBuilder): Expr {
  const of = pool.operand((type) => type !== "bool", "float32");
  const op = random.pick(reduceOps);
  // Products of rows stay near 1.
  return rows[op](op === "prod" && isFloat(of.type) ? s.add(1, s.mul(0.1, bounded(of))) : of);
}

const bounded = (x: Expr): Expr => s.div(x, s.add(1, s.abs(x)));
const positive = (x: Expr): Expr => s.add(s.abs(x), 0.25);

/** Makes one operation; most operands are kept where its result is ordinary. */
function operation(random: Random, pool: Pool, types: readonly DType[]): Expr {
  const floats = types.filter(isFloat);
  const integers = types.filter((t) => t === "int32" || t === "uint32");
  const float = (): Expr => pool.operand(isFloat, floats[0]!);
  const number = (): Expr => pool.operand((t) => t !== "bool", floats[0]!);
  const integer = (): Expr => pool.operand((t) => t === "int32" || t === "uint32", integers[0]!);
  const any = (): Expr => pool.recent();
  const like = (e: Expr): Expr => pool.of(e.type);
  const pair = (f: (a: Expr, b: Expr) => Expr, first: () => Expr) => () => {
    const a = first();
    return f(a, like(a));
  };
  const makers = {
    add: pair(s.add, number),
    sub: pair(s.sub, number),
    mul: pair((a, b) => (isFloat(a.type) ? s.mul(a, bounded(b)) : s.mul(a, b)), number),
    div: pair((a, b) => (isFloat(a.type) ? s.div(a, positive(b)) : s.div(a, b)), number),
    neg: () => s.neg(number()),
    abs: () => s.abs(number()),
    min: pair(s.min, number),
    max: pair(s.max, number),
    exp: () => s.exp(s.min(float(), 4)),
    log: () => s.log(positive(float())),
    log1p: () => s.log1p(s.abs(float())),
    expm1: () => s.expm1(s.min(float(), 4)),
    sqrt: () => s.sqrt(positive(float())),
    rsqrt: () => s.rsqrt(positive(float())),
    tanh: () => s.tanh(float()),
    erf: () => s.erf(float()),
    sin: () => s.sin(s.mul(4, bounded(float()))),
    cos: () => s.cos(s.mul(4, bounded(float()))),
    pow: pair((a, b) => s.pow(positive(bounded(a)), bounded(b)), float),
    floor: () => s.floor(float()),
    ceil: () => s.ceil(float()),
    trunc: () => s.trunc(float()),
    round: () => s.round(float()),
    eq: pair(s.eq, any),
    ne: pair(s.ne, any),
    lt: pair(s.lt, any),
    le: pair(s.le, any),
    isNaN: () => s.isNaN(float()),
    and: pair(s.and, () => pool.operand((t) => !isFloat(t), "bool")),
    or: pair(s.or, () => pool.operand((t) => !isFloat(t), "bool")),
    xor: pair(s.xor, () => pool.operand((t) => !isFloat(t), "bool")),
    not: () => s.not(pool.operand((t) => !isFloat(t), "bool")),
    shiftLeft: pair(s.shiftLeft, integer),
    shiftRight: pair(s.shiftRight, integer),
    mulHigh: () => s.mulHigh(pool.of("uint32"), pool.of("uint32")),
    select: pair((a, b) => s.select(pool.of("bool"), a, b), any),
    cast: () => s.cast(any(), random.pick(types)),
    detach: () => s.detach(any()),
  } satisfies Record<ScalarOp, () => Expr>;
  return random.pick(Object.values(makers))();
}
