// Reductions in registers: several accumulators side by side hide latency; they are joined in a fixed order, so one
// size always gives one result.

import type { DType } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import type { ReduceOp } from "../../kernel/program.js";
import { type FunctionBuilder, f32x4, f64x2, i32x4, type Local, type Vector, v128 } from "../wasm/assembler.js";
import { constantVector, type Vectors, vectorsPerFour, widenMasks } from "./lanes.js";

type Join = (a: Vector, b: Vector) => Vector;

const joins = {
  float32: { sum: f32x4.add, prod: f32x4.mul, max: f32x4.max, min: f32x4.min },
  float64: { sum: f64x2.add, prod: f64x2.mul, max: f64x2.max, min: f64x2.min },
  int32: { sum: i32x4.add, prod: i32x4.mul, max: i32x4.maxS, min: i32x4.minS },
  uint32: { sum: i32x4.add, prod: i32x4.mul, max: i32x4.maxU, min: i32x4.minU },
  bool: { sum: v128.or, prod: v128.and, max: v128.or, min: v128.and },
} as const satisfies Record<DType, Record<ReduceOp, Join>>;

const least = { float32: -Infinity, float64: -Infinity, int32: -2147483648, uint32: 0, bool: 0 } as const;
const greatest = { float32: Infinity, float64: Infinity, int32: 2147483647, uint32: 4294967295, bool: 1 } as const;

/** The value that changes nothing. */
export function identityOf(op: ReduceOp, type: DType): number {
  switch (op) {
    case "sum":
      return 0;
    case "prod":
      return 1;
    case "max":
      return least[type];
    case "min":
      return greatest[type];
  }
}

/** Joins two vectors of `type`. */
export const joinOf = (op: ReduceOp, type: DType): Join => joins[type][op];

/** The running value of one reduction. */
export class Accumulator {
  readonly #f: FunctionBuilder;
  readonly #type: DType;
  readonly #join: Join;
  readonly #identity: Local<"v128">;
  readonly #values: readonly Local<"v128">[];

  /** `fours` accumulators of four elements each. */
  constructor(f: FunctionBuilder, op: ReduceOp, type: DType, fours: number) {
    this.#f = f;
    this.#type = type;
    this.#join = joinOf(op, type);
    this.#identity = constantVector(f, type, identityOf(op, type));
    this.#values = Array.from({ length: fours * vectorsPerFour(type) }, () => f.local("v128", this.#identity));
  }

  /** Takes in a run of values. */
  add(run: Vectors): void {
    const { length } = this.#values;
    run.forEach((x, k) => {
      const into = this.#values[k % length] ?? unreachable("an accumulator without vectors");
      this.#f.set(into, this.#join(into, x));
    });
  }

  /** Takes in the lanes of four values that `mask` (of 32-bit lanes) selects. */
  addMasked(four: Vectors, mask: Local<"v128">): void {
    const masks = vectorsPerFour(this.#type) === 2 ? widenMasks(this.#f, [mask]) : [mask];
    this.add(four.map((x, k) => this.#f.local("v128", v128.bitselect(x, this.#identity, masks[k]!))));
  }

  /** Lane by lane results: as many vectors as there are accumulators. */
  get lanes(): Vectors {
    return this.#values;
  }

  /** The result over all lanes, in every lane of the vectors of four elements. */
  total(): Vectors {
    const join = this.#join;
    const all = this.#f.local("v128", joinPairwise(this.#values, join));
    if (this.#type !== "float64") this.#f.set(all, join(all, i32x4.shuffle(all, all, [2, 3, 0, 1])));
    const [first, second] = this.#type === "float64" ? ([2, 3] as const) : ([1, 0] as const);
    const [third, fourth] = this.#type === "float64" ? ([0, 1] as const) : ([3, 2] as const);
    this.#f.set(all, join(all, i32x4.shuffle(all, all, [first, second, third, fourth])));
    return Array.from({ length: vectorsPerFour(this.#type) }, () => all);
  }
}

function joinPairwise(values: readonly Vector[], join: Join): Vector {
  if (values.length === 1) return values[0]!;
  const middle = values.length / 2;
  return join(joinPairwise(values.slice(0, middle), join), joinPairwise(values.slice(middle), join));
}
