// Reductions in registers: several accumulators side by side hide latency; they are joined in a fixed order, so one
// size always gives one result.

import { type DType, type HalfType, isHalf } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import type { ReduceOp } from "../../kernel/program.js";
import { identityOf } from "../../kernel/reductions.js";
import { type FunctionBuilder, f32x4, f64x2, i32x4, type Local, type Vector, v128 } from "../wasm/assembler.js";
import { constantVector, type Vectors, vectorsPerFour, widenMasks } from "./lanes.js";

// One step of a reduction on vectors.
type Join = (a: Vector, b: Vector) => Vector;

const joins = {
  float32: { sum: f32x4.add, prod: f32x4.mul, max: f32x4.max, min: f32x4.min },
  float64: { sum: f64x2.add, prod: f64x2.mul, max: f64x2.max, min: f64x2.min },
  int32: { sum: i32x4.add, prod: i32x4.mul, max: i32x4.maxS, min: i32x4.minS },
  uint32: { sum: i32x4.add, prod: i32x4.mul, max: i32x4.maxU, min: i32x4.minU },
} as const satisfies Record<Exclude<DType, "bool" | HalfType>, Record<ReduceOp, Join>>;

/** Joins two vectors of `type`. @throws TensorError `internal` for bool and 16 bits, which have no reductions. */
export function joinVectors(op: ReduceOp, type: DType): Join {
  return type === "bool" || isHalf(type) ? unreachable(`reduction ${op} of ${type}`) : joins[type][op];
}

/** The running value of one reduction. */
export class Accumulator {
  readonly #f: FunctionBuilder;
  readonly #type: DType;
  readonly #join: Join;
  readonly #identity: Local<"v128">;
  readonly #values: readonly Local<"v128">[];
  /** Sums set aside. */
  readonly #aside: readonly Local<"v128">[];
  /** Lanes that have met a NaN, where `#join` would forget it. */
  readonly #lost: readonly Local<"v128">[];

  /** `fours` accumulators of four elements each. */
  constructor(f: FunctionBuilder, op: ReduceOp, type: DType, fours: number) {
    this.#f = f;
    this.#type = type;
    const quick = quickJoins[type]?.[op];
    this.#join = quick ?? joinVectors(op, type);
    this.#identity = constantVector(f, type, identityOf(op, type));
    this.#values = Array.from({ length: fours * vectorsPerFour(type) }, () => f.local("v128", this.#identity));
    this.#aside = op === "sum" && type === "float32" ? this.#values.map(() => f.local("v128", this.#identity)) : [];
    const none = f.constants.i32x4(0);
    this.#lost = quick ? this.#values.map(() => f.local("v128", none)) : [];
  }

  /** Takes in a run of values. */
  add(run: Vectors): void {
    const { length } = this.#values;
    run.forEach((x, k) => {
      const into = this.#values[k % length]!;
      const lost = this.#lost[k % length];
      this.#f.set(into, this.#join(into, x));
      if (lost) this.#f.set(lost, v128.or(lost, this.#isNaN(x)));
    });
  }

  /** Takes in the lanes of four values that `mask` (of 32-bit lanes) selects. */
  addMasked(four: Vectors, mask: Local<"v128">): void {
    const masks = vectorsPerFour(this.#type) === 2 ? widenMasks(this.#f, [mask]) : [mask];
    this.add(four.map((x, k) => this.#f.local("v128", v128.bitselect(x, this.#identity, masks[k]!))));
  }

  /** Adds a running sum to those set aside and starts anew: sums of sums stay small, and so do their errors. */
  setAside(): void {
    this.#aside.forEach((aside, k) => {
      this.#f.set(aside, this.#join(aside, this.#values[k]!));
      this.#f.set(this.#values[k]!, this.#identity);
    });
  }

  /** Lane by lane results: as many vectors as there are accumulators. */
  lanes(): Vectors {
    this.#joinAside();
    if (this.#lost.length === 0) return this.#values;
    return this.#values.map((x, k) => this.#f.local("v128", v128.or(x, this.#lost[k]!)));
  }

  /** The result over all lanes, in every lane of the vectors of four elements. */
  total(): Vectors {
    this.#joinAside();
    const all = this.#acrossLanes(this.#values, this.#join);
    if (this.#lost.length > 0) this.#f.set(all, v128.or(all, this.#acrossLanes(this.#lost, v128.or)));
    const total = this.#spread(all);
    return Array.from({ length: vectorsPerFour(this.#type) }, () => total);
  }

  // Where the engine joins vectors in pairs (`wideSimd`), it looks at all that a value is made of, this and the loops before
  // it, and gives up on so much; a lane that is spread it takes as it is.
  #spread(all: Local<"v128">): Local<"v128"> {
    if (this.#type === "float64") return this.#f.local("v128", f64x2.splat(f64x2.extractLane(all, 0)));
    if (this.#type === "float32") return this.#f.local("v128", f32x4.splat(f32x4.extractLane(all, 0)));
    return this.#f.local("v128", i32x4.splat(i32x4.extractLane(all, 0)));
  }

  #joinAside(): void {
    this.#aside.forEach((aside, k) => {
      this.#f.set(this.#values[k]!, this.#join(aside, this.#values[k]!));
    });
  }

  #acrossLanes(values: readonly Local<"v128">[], join: Join): Local<"v128"> {
    const all = this.#f.local("v128", joinPairwise(values, join));
    const turn = (lanes: readonly [Lane, Lane, Lane, Lane]) =>
      this.#f.set(all, join(all, i32x4.shuffle(all, all, lanes)));
    turn([2, 3, 0, 1]);
    if (this.#type !== "float64") turn([1, 0, 3, 2]);
    return all;
  }

  #isNaN(x: Vector): Vector {
    return this.#type === "float64" ? f64x2.ne(x, x) : f32x4.ne(x, x);
  }
}

type Lane = 0 | 1 | 2 | 3;

// Minima and maxima of floats in one instruction, which may drop a NaN; the ones that keep it take eight. A lane mask
// over a value is a NaN, so the lanes that met one are simply laid over the result.
const quickJoins: Partial<Record<DType, Partial<Record<ReduceOp, Join>>>> = {
  float32: { max: f32x4.pmax, min: f32x4.pmin },
  float64: { max: f64x2.pmax, min: f64x2.pmin },
};

function joinPairwise(values: readonly Vector[], join: Join): Vector {
  if (values.length === 1) return values[0]!;
  const middle = values.length / 2;
  return join(joinPairwise(values.slice(0, middle), join), joinPairwise(values.slice(middle), join));
}
