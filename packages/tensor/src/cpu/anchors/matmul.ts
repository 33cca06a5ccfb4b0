// matmul: the packed product, and the map that may follow it. The product goes straight into an output where one has
// its type and layout, else into scratch memory.

import type { AnchorCall, Kernel, Launch, LaunchOperand } from "../../backend/backend.js";
import { byteLengthOf } from "../../dtype.js";
import { contiguousStrides, sizeOf } from "../../shape.js";
import { blasBlock } from "../blas/products.js";
import { gemmWorkspaceByteLength, keepsPackedB } from "../gemm/gemm.js";
import { type GemmParams, gemmOffsets, gemmParamsByteLength, writeGemmParams } from "../gemm/params.js";
import { launchCost } from "../run/cost.js";
import type { KernelExecutable } from "../run/kernel-work.js";
import type { AddressWord, CpuExecutable, Crew, KeptOperand, ScratchWord, Step, Work } from "../run/work.js";
import { copyKernel } from "./copy.js";

type Type = "float32" | "float64";
type Strides = readonly number[];

// Each thread packs in its own part of the workspace.
const threadSpace = { word: gemmOffsets.workspace / 4, bytes: gemmWorkspaceByteLength };

/** What matmul needs of its backend. */
export type MatmulTools = {
  /** The product's functions in the pool. */
  readonly products: Readonly<Record<Type, number>>;
  /** The same by a vendor's library, for matrices of so many multiply-adds. */
  readonly library: (Readonly<Record<Type, number>> & { readonly leastMultiplyAdds: number }) | undefined;
  /** Address of every thread's packing space, one after the other. */
  readonly workspace: number;
  readonly compile: (kernel: Kernel) => KernelExecutable;
};

// Nanoseconds of a multiply-add on one thread.
const perMultiplyAdd = { float32: 0.05, float64: 0.1 } as const;

/** Where a result is, over [batch…, M, N]: in an operand of the launch, or in its scratch memory. */
type Place = { readonly operand: number | undefined; readonly offset: number; readonly strides: Strides };

/** matmul of one structure. */
export class MatmulExecutable implements CpuExecutable {
  readonly key: string;
  readonly #type: Type;
  readonly #bytes: number;
  readonly #tools: MatmulTools;
  readonly #epilogue: KernelExecutable | undefined;

  constructor(key: string, call: AnchorCall & { readonly op: "matmul" }, tools: MatmulTools) {
    this.key = key;
    this.#type = call.attributes.type as Type;
    this.#bytes = byteLengthOf(this.#type);
    this.#tools = tools;
    this.#epilogue = call.epilogue && tools.compile(call.epilogue);
  }

  plan(launch: Launch, crew: Crew): Work {
    const { operands } = launch;
    const sizes = launch.sizes.slice(0, -1);
    const [, , c] = operands as readonly [LaunchOperand, LaunchOperand, LaunchOperand];
    if (!this.#epilogue && hasUnitStride(sizes, c.strides)) {
      const result = { operand: 2, offset: c.offset, strides: c.strides };
      return { phases: [this.#product(launch, result, crew)], scratchBytes: 0 };
    }
    const dense = contiguousStrides(sizes);
    const epilogue = this.#epilogue ?? this.#copy(sizes, dense, c.strides);
    const place = this.#placeFor(epilogue, sizes, operands, dense);
    const first: LaunchOperand = { binding: undefined, byteOffset: 0, strides: dense, offset: place.offset };
    const after = epilogue.plan({ ...launch, sizes, operands: [first, ...operands.slice(2)] }, crew);
    return {
      phases: [
        this.#product(launch, place, crew),
        ...after.phases.map((steps) => steps.map((step) => takeResultFrom(step, place, this.#bytes))),
      ],
      scratchBytes: place.operand === undefined ? sizeOf(sizes) * this.#bytes : 0,
    };
  }

  // An output of the map that the product can be written to first: the map replaces it element by element.
  #placeFor(epilogue: KernelExecutable, sizes: Strides, operands: readonly LaunchOperand[], dense: Strides): Place {
    const { inputs, outputs } = epilogue.kernel.program;
    const firstOutput = 1 + inputs.length;
    const k = outputs.findIndex(
      (o, i) => o.expr.type === this.#type && sameWalk(sizes, operands[firstOutput + i]!.strides, dense),
    );
    if (k < 0) return { operand: undefined, offset: 0, strides: dense };
    return { operand: firstOutput + k, offset: operands[firstOutput + k]!.offset, strides: dense };
  }

  // For results with gaps between neighbours, which the product cannot write.
  #copy(sizes: Strides, from: Strides, to: Strides): KernelExecutable {
    return this.#tools.compile(copyKernel(this.#type, sizes, from, to.slice(0, sizes.length)));
  }

  /** The products, which do not depend on each other: two batch axes a step, the others one by one. */
  #product({ sizes, operands }: Launch, place: Place, crew: Crew): readonly Step[] {
    const axes = sizes.length - 3;
    const [rows, columns, inner] = [sizes[axes]!, sizes[axes + 1]!, sizes[axes + 2]!];
    const { a, b, c, swapped } = matrices(axes, operands, place, columns);
    const batches = joinBatches(sizes.slice(0, axes), [a, b, c]);
    const [outer, within] = batches.slice(-2) as [Batch, Batch];
    const params: Omit<GemmParams, "a" | "b" | "c"> = {
      rows: swapped ? columns : rows,
      columns: swapped ? rows : columns,
      inner,
      accumulate: false,
      aRowStride: a.rowStride,
      aColumnStride: a.columnStride,
      bRowStride: b.rowStride,
      bColumnStride: b.columnStride,
      cRowStride: c.rowStride,
      outerBatch: outer.size,
      innerBatch: within.size,
      aOuterStride: outer.strides[0]!,
      bOuterStride: outer.strides[1]!,
      cOuterStride: outer.strides[2]!,
      aInnerStride: within.strides[0]!,
      bInnerStride: within.strides[1]!,
      cInnerStride: within.strides[2]!,
      workspace: this.#tools.workspace,
    };
    const multiplyAdds = outer.size * within.size * rows * columns * inner;
    const nanoseconds = launchCost(perMultiplyAdd[this.#type], outer.size * within.size, multiplyAdds);
    const parallel = crew.threads > 1 && nanoseconds >= crew.parallelNanoseconds;
    const { library, products } = this.#tools;
    const forLibrary = library && blasBlock(params, library.leastMultiplyAdds, parallel ? crew.threads : 1);
    const kernel = (forLibrary ? library : products)[this.#type];
    return offsetsOf(batches.slice(0, -2)).map((offsets): Step => {
      const block = forLibrary ?? new Int32Array(gemmParamsByteLength / 4);
      if (!forLibrary) writeGemmParams(block, 0, { ...params, a: 0, b: 0, c: 0 });
      const addresses: AddressWord[] = [];
      const scratch: ScratchWord[] = [];
      [a, b, c].forEach((matrix, i) => {
        const word = gemmOffsets[(["a", "b", "c"] as const)[i]!] / 4;
        const byteOffset = (matrix.offset + offsets[i]!) * this.#bytes;
        if (matrix.operand === undefined) scratch.push({ word, byteOffset });
        else addresses.push({ word, operand: matrix.operand, byteOffset });
      });
      const kept = forLibrary ? undefined : this.#kept(params, b, offsets[1]!);
      return {
        ...{ kernel, block, addresses, scalars: [], scratch, parallel, nanoseconds, threadSpace },
        ...(kept && { kept }),
      };
    });
  }

  // B of a single product, for products in a row that have it in common.
  #kept(params: Omit<GemmParams, "a" | "b" | "c">, b: Matrix, offset: number): KeptOperand | undefined {
    const { rows, columns, inner, outerBatch, innerBatch, bRowStride, bColumnStride } = params;
    if (b.operand === undefined || outerBatch * innerBatch !== 1 || !keepsPackedB(this.#type, params)) return undefined;
    const form = [this.#type, rows, columns, inner, bRowStride, bColumnStride, b.offset + offset].join();
    return { word: gemmOffsets.keeping / 4, operand: b.operand, form };
  }
}

type Matrix = Place & { readonly rowStride: number; readonly columnStride: number };
type Batch = { readonly size: number; readonly strides: readonly number[] };

// A result whose columns stride is the product of the transposed matrices, transposed.
function matrices(
  axes: number,
  operands: readonly LaunchOperand[],
  result: Place,
  columns: number,
): { readonly a: Matrix; readonly b: Matrix; readonly c: Matrix; readonly swapped: boolean } {
  const lay = (operand: number, rowAxis: number, columnAxis: number): Matrix => {
    const { strides, offset } = operands[operand]!;
    return { operand, offset, strides, rowStride: strides[rowAxis]!, columnStride: strides[columnAxis]! };
  };
  const a = lay(0, axes, axes + 2);
  const b = lay(1, axes + 2, axes + 1);
  const c = { ...result, rowStride: result.strides[axes]!, columnStride: result.strides[axes + 1]! };
  if (c.columnStride === 1 || columns === 1) return { a, b, c, swapped: false };
  return { a: turned(b), b: turned(a), c: turned(c), swapped: true };
}

const turned = (m: Matrix): Matrix => ({ ...m, rowStride: m.columnStride, columnStride: m.rowStride });

// Whether the rows or the columns of [batch…, M, N] lie side by side.
function hasUnitStride(sizes: Strides, strides: Strides): boolean {
  const [rows, columns] = [sizes.length - 2, sizes.length - 1];
  return [rows, columns].some((axis) => strides[axis] === 1 || sizes[axis] === 1);
}

// Whether two operands walk a space alike; axes of size 1 do not matter.
const sameWalk = (sizes: Strides, a: Strides, b: Strides): boolean =>
  sizes.every((size, axis) => size === 1 || a[axis] === b[axis]);

/** Batch axes with those joined that all matrices walk in one stride; at least two. */
function joinBatches(sizes: readonly number[], all: readonly Matrix[]): readonly Batch[] {
  const out: Batch[] = [];
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const strides = all.map((m) => m.strides[axis]!);
    const last = out.at(-1);
    if (!last?.strides.every((s, i) => s === strides[i]! * size)) out.push({ size, strides });
    else out[out.length - 1] = { size: last.size * size, strides };
  });
  while (out.length < 2) out.unshift({ size: 1, strides: all.map(() => 0) });
  return out;
}

/** Offsets of the matrices at every index of some batch axes. */
function offsetsOf(batches: readonly Batch[]): readonly (readonly number[])[] {
  let offsets: readonly (readonly number[])[] = [[0, 0, 0]];
  for (const { size, strides } of batches) {
    offsets = offsets.flatMap((at) => Array.from({ length: size }, (_, i) => at.map((o, m) => o + i * strides[m]!)));
  }
  return offsets;
}

// The map's first operand is where the product was written; its others follow A and B in the launch.
function takeResultFrom(step: Step, place: Place, bytes: number): Step {
  const addresses: AddressWord[] = [];
  const scratch: ScratchWord[] = [...step.scratch];
  for (const { word, operand, byteOffset } of step.addresses) {
    if (operand > 0) addresses.push({ word, operand: operand + 1, byteOffset });
    else if (place.operand === undefined) scratch.push({ word, byteOffset: 0 });
    else addresses.push({ word, operand: place.operand, byteOffset: place.offset * bytes });
  }
  return { ...step, addresses, scratch };
}
