// Reading and writing a kernel's operands inside its loops: by kind (memory or position), by how they lie along the
// lanes, and by where the walk over the outer axes stands.

import type { Access, Kernel } from "../../backend/backend.js";
import type { DType } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import type { Expr } from "../../kernel/expr.js";
import { type FunctionBuilder, i32, i32x4, type Operand } from "../wasm/assembler.js";
import { castVectors } from "./casts.js";
import { shiftOf, type Vectors, type Word } from "./lanes.js";
import { loadDense, loadRepeated, loadStrided, type Run, storeDense, storeFirst, storeStrided } from "./memory.js";
import type { Parameters } from "./walk.js";

/** The operands of one kernel, with a pointer each. */
export class Operands {
  readonly #f: FunctionBuilder;
  readonly #kernel: Kernel;
  readonly #laneAxis: number;
  readonly #laneStrides = new Map<number, Word>();
  /** Where each operand's lane 0 is: an address, or an `index` operand's value. */
  readonly pointers: readonly Word[];

  constructor(f: FunctionBuilder, kernel: Kernel, parameters: Parameters, laneAxis: number) {
    this.#f = f;
    this.#kernel = kernel;
    this.#laneAxis = laneAxis;
    this.pointers = kernel.access.map((_, i) => parameters.local(parameters.layout.base(i)));
    kernel.access.forEach((_, i) => {
      if (this.laneAccess(i) === 2) this.#laneStrides.set(i, parameters.local(parameters.layout.laneStride(i)));
    });
  }

  /** How operand `i` lies along the lanes. */
  laneAccess(i: number): Access {
    return this.#kernel.access[i]![this.#laneAxis]!;
  }

  /** Reads input `i` for a run of lanes that starts at lane `at` from `pointer`. */
  read(i: number, pointer: Word, at: Word, run: Run): Vectors {
    const { kind, type } = this.#kernel.program.inputs[i]!;
    if (this.laneAccess(i) === 0) return this.readRepeated(i, pointer);
    if (kind === "index") return this.#positions(i, type, pointer, at, run);
    const address = this.#f.local("i32", this.#place(i, type, pointer, at));
    const stride = this.#laneStrides.get(i);
    return stride ? loadStrided(this.#f, type, address, stride, run) : loadDense(this.#f, type, address, run);
  }

  /** Reads the one value of input `i` that all lanes share. */
  readRepeated(i: number, pointer: Word): Vectors {
    const { kind, type } = this.#kernel.program.inputs[i]!;
    if (kind === "buffer") return loadRepeated(this.#f, type, pointer);
    return castVectors(this.#f, "int32", type, [this.#f.local("v128", i32x4.splat(pointer))]);
  }

  /** Writes a run of output `output` (counted among the outputs) that starts at lane `at` from `pointer`. */
  write(output: number, pointer: Word, at: Word, values: Vectors, run: Run): void {
    const i = this.operandOf(output);
    const { type } = this.#kernel.program.outputs[output]!.expr;
    const address = this.#f.local("i32", this.#place(i, type, pointer, at));
    const stride = this.#laneStrides.get(i);
    if (stride) storeStrided(this.#f, type, address, stride, values, run);
    else if (this.laneAccess(i) === 1) storeDense(this.#f, type, address, values, run);
    else this.writeOne(output, pointer, values);
  }

  /** Writes one value where `pointer` is. */
  writeOne(output: number, pointer: Word, values: Vectors): void {
    const { type } = this.#kernel.program.outputs[output]!.expr;
    storeFirst(this.#f, type, pointer, values);
  }

  /** An output's number among all operands. */
  operandOf(output: number): number {
    return this.#kernel.program.inputs.length + output;
  }

  #place(i: number, type: DType, pointer: Word, at: Word): Operand<"i32"> {
    const stride = this.#laneStrides.get(i);
    if (stride) return i32.add(pointer, i32.mul(at, stride));
    return this.laneAccess(i) === 0 ? pointer : i32.add(pointer, i32.shl(at, shiftOf(type)));
  }

  #positions(i: number, type: DType, pointer: Word, at: Word, { fours }: Run): Vectors {
    const f = this.#f;
    const stride = this.#laneStrides.get(i);
    const first = f.local("v128", i32x4.splat(i32.add(pointer, stride ? i32.mul(at, stride) : at)));
    const step = stride && f.local("v128", i32x4.splat(stride));
    const lanes = Array.from({ length: fours }, (_, k) => {
      const unit = f.constants.i32x4(4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 3);
      return f.local("v128", i32x4.add(first, step ? i32x4.mul(step, unit) : unit));
    });
    return castVectors(f, "int32", type, lanes);
  }
}

/** Reads the leaves that are one value a launch. */
export function readLaunchLeaf(f: FunctionBuilder, parameters: Parameters, leaf: Expr): Vectors {
  if (leaf.kind === "rowSize") {
    const size = f.local("v128", i32x4.splat(parameters.header("rowCount")));
    return castVectors(f, "int32", leaf.type, [size]);
  }
  if (leaf.kind !== "scalar") return unreachable(`${leaf.kind} is not known at launch`);
  return loadRepeated(f, leaf.type, parameters.addressOf(parameters.layout.scalar(leaf.index)));
}
