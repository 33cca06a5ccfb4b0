// The Backend interface, version 1: everything a device must provide. Core plans, checks and differentiates; a
// backend stores bytes, compiles row programs and runs launches in order.

import type { DType, FloatType, HalfType } from "../dtype.js";
import type { TensorError } from "../errors.js";
import type { Program } from "../kernel/program.js";

/** Opaque to core; a backend may keep anything in it. */
export type BufferHandle = { readonly byteLength: number };

/** How an operand walks one axis: it repeats (0), it is dense (1), or it strides (2). */
export type Access = 0 | 1 | 2;

/**
 * A fused kernel: a row program and how its operands lie. `rank` counts the axes of the iteration space, the row
 * last; core has already joined the axes that can be joined. `access[i]` holds operand i's class for each axis, inputs
 * first, then outputs. Sizes and strides come with each launch, so a new size is no new kernel.
 */
export type Kernel = {
  readonly program: Program;
  readonly rank: number;
  readonly access: readonly (readonly Access[])[];
  readonly key: string;
};

/**
 * Operations worth a hand-written kernel. Sizes span an iteration space, operands stride over it (0 = absent axis):
 * - `matmul`: [batch…, M, N, K]; inputs A (no N), B (no M); output C (no K). Numbers of 16 bits are multiplied and summed
 *   in float32, and the sum is rounded once.
 * - `gather`: [rows, width, table]; inputs the table (no rows), ids (int32, rows only); output (no table) holds row
 *   ids[row] of the table. An id outside [0, table) gives a zero row and a launch error.
 * - `scatterAdd`: [table, width, rows]; inputs x (no table), ids (int32, rows only); output (no rows), which it zeroes
 *   first, gets each row of x added at row ids[row]. Rows with the same id are added in order, so results are
 *   deterministic. An id outside [0, table) is skipped and gives a launch error.
 * - `scatterInto`: the same iteration space on top of what the output holds: rows are added, or (`set`) put in its place,
 *   where rows of one id hold equal values. Touches the rows named and no others.
 * - `gatherDot`: [picks, rows, width, table]; inputs x (rows, width), the table (table, width), ids (int32, rows and picks);
 *   output [picks, rows] holds the dot product of each row of x with row ids[row, pick] of the table. An id outside
 *   [0, table) gives 0 and a launch error.
 * - `gatherSum`: [rows, width, picks, table]; inputs weights (rows, picks), the table, ids; output [rows, width] holds
 *   Σ_pick weights · row ids[row, pick] of the table. An id outside adds nothing and gives a launch error.
 * - `scatterOuter`: [table, width, rows, picks]; inputs weights, x (rows, width), ids; weights[row, pick] · row of x is added
 *   to row ids[row, pick] of what the output holds, in order. Ids outside as in `gatherSum`. In these three, tables, x and
 *   sums lie densely along `width`.
 * - `scan`: [outer…, row]; inclusive prefix sums along the row (suffix sums when `reverse`).
 * - `sort`: [outer…, row]; outputs sorted values and their positions (int32), stable, NaN counts as largest.
 * - `attention`: [batch…, L, S, E, V], no axis of a matrix being 0; inputs queries [batch…, L, E], keys [batch…, S, E],
 *   values [batch…, S, V]; outputs softmax(scale · q kᵀ) v [batch…, L, V] and ln Σ e^(scale · q kᵀ) [batch…, L]. With
 *   `causal` query i sees keys 0 to i only. The logarithms are float32. Numbers of 16 bits are multiplied and summed in
 *   float32; weights may be rounded to 16 bits before they multiply values, and results are rounded once.
 * - `attentionGradient`: the same space; inputs queries, keys, values, both outputs of `attention` and the gradient of the
 *   first; outputs the gradients of queries, keys and values. Of 16 bits, weights and the gradients of scores may be
 *   rounded before they are multiplied.
 */
export type AnchorOps = {
  readonly matmul: { readonly type: FloatType };
  readonly gather: { readonly type: DType };
  readonly scatterAdd: { readonly type: "float32" | "float64" };
  readonly scatterInto: { readonly type: "float32" | "float64"; readonly mode: "add" | "set" };
  readonly gatherDot: { readonly type: "float32" };
  readonly gatherSum: { readonly type: "float32" };
  readonly scatterOuter: { readonly type: "float32" };
  readonly scan: { readonly type: DType; readonly reverse: boolean };
  readonly sort: { readonly type: DType; readonly descending: boolean };
  readonly attention: AttentionAttributes;
  readonly attentionGradient: AttentionAttributes;
};
/** What `attention` and its gradient share. */
export type AttentionAttributes = {
  /** Of all operands but the logarithms. */
  readonly type: "float32" | HalfType;
  readonly causal: boolean;
  readonly scale: number;
};
/** Name of an anchor. */
export type AnchorName = keyof AnchorOps;
/**
 * An anchor to be made executable. `epilogue` is a map over the output's axes, its input 0 the anchor's result. Behind a product
 * of 16 bits a backend may keep in float32 what the map, or the product, rounds to 16 bits on the way to an output.
 */
export type AnchorCall = {
  readonly [P in AnchorName]: {
    readonly op: P;
    readonly attributes: AnchorOps[P];
    readonly rank: number;
    readonly epilogue?: Kernel;
  };
}[AnchorName];

/** Compiled work, reusable for any buffers and sizes. Opaque to core. */
export type Executable = { readonly key: string };

/** The memory of a run. All operands that lie in one buffer at every run share one, so that it is filled in once. */
export type Binding = { buffer: BufferHandle | undefined };

/** One operand of a launch: where its bytes are, and its strides in elements over the launch's axes. */
export type LaunchOperand = {
  /** An `index` operand has none. */
  readonly binding: Binding | undefined;
  readonly byteOffset: number;
  readonly strides: readonly number[];
  /** Elements from `byteOffset` to index (0, …, 0); for an `index` operand, its value there. */
  readonly offset: number;
};

/**
 * One run of an executable. Launches of one `stage` do not depend on each other and may overlap; stages run in order.
 * Core replays launch objects with other bindings and scalars, so a backend may cache what depends on the rest.
 */
export type Launch = {
  readonly executable: Executable;
  readonly sizes: readonly number[];
  /**
   * Inputs, then outputs. With an epilogue: the anchor's inputs, then the epilogue's other inputs and its outputs,
   * which stride over the axes of the anchor's output.
   *
   * An output of a row program with role `full` may lie on a `full` input of the same type, strides and offset; nothing
   * else may overlap what is written. So a row's reductions end before its outputs are written, and of each place
   * everything is read before anything is written.
   */
  readonly operands: readonly LaunchOperand[];
  readonly scalars: number[];
  readonly stage: number;
  /** What it computes, for errors and profiles: `layerNorm`, `matmul`. */
  readonly label: string;
};

/** A fault found while launches ran, such as an id outside its table. */
export type LaunchError = { readonly label: string; readonly code: "index"; readonly message: string };

/** What a device's memory holds, in bytes. */
export type MemoryInfo = {
  /** Bytes handed out and not released. */
  readonly liveBytes: number;
  /** The most that were live at once. */
  readonly peakBytes: number;
  /** Bytes the device holds, in use or ready for reuse. */
  readonly pooledBytes: number;
  /** The most it may hold. */
  readonly limitBytes: number;
};

/** What a backend can do; core plans within it. */
export type Capabilities = {
  readonly dtypes: ReadonlySet<DType>;
  /** Buffers one launch may bind. */
  readonly maxBuffersPerLaunch: number;
  readonly maxBufferByteLength: number;
  /** Bindings start at multiples of this many bytes. */
  readonly bindingAlignment: number;
  /** `readSync` exists. */
  readonly synchronousRead: boolean;
};

/** A device's driver. Every member but the optional ones must be there; every valid row program must compile. */
export interface Backend {
  /** The version of this interface that the backend implements. */
  readonly interfaceVersion: 1;
  /** `cpu`, `cuda`, `webgpu`, or a third party's. */
  readonly name: string;
  /** One line for people: the hardware and the libraries in use. */
  readonly info?: string;
  readonly capabilities: Capabilities;
  /** Memory of at least `byteLength` bytes with undefined contents. @throws TensorError `out-of-memory` */
  allocate(byteLength: number): BufferHandle;
  /** Gives a buffer back; work submitted before may still use it. */
  release(buffer: BufferHandle): void;
  /** Copies host bytes in, after all work submitted so far. */
  write(buffer: BufferHandle, bytes: Uint8Array, byteOffset?: number): void;
  /** Copies bytes out, after all work submitted so far. */
  read(buffer: BufferHandle, byteOffset?: number, byteLength?: number): Promise<Uint8Array>;
  /** The same at once, where `capabilities.synchronousRead` says so. */
  readSync?(buffer: BufferHandle, byteOffset?: number, byteLength?: number): Uint8Array;
  /** Compiles a kernel; core keeps the result by `kernel.key`. */
  compile(kernel: Kernel): Executable;
  /** Compiles an anchor, or declines it by its structure: then core runs a fallback made of kernels and host code. */
  anchor(call: AnchorCall): Executable | undefined;
  /**
   * Whether an anchor that it takes is also the faster way at these sizes, with its gradient where that follows; core's
   * composition runs otherwise. Asked for attention. Always, where it is left out.
   */
  pays?(call: AnchorCall, sizes: readonly number[], withGradient: boolean): boolean;
  /** Compiles ahead, in parallel. */
  prepare?(kernels: readonly Kernel[]): Promise<void>;
  /** Runs launches in order; one call a realization. */
  submit(launches: readonly Launch[]): void;
  /** Records launches for replay by `submit` of a single launch; bindings and scalars are read at replay. */
  capture?(launches: readonly Launch[]): Executable;
  /** Faults since the last call, in launch order, after all submitted work. */
  checkErrors(): Promise<readonly LaunchError[]>;
  /** Settles once, when the device is gone. */
  readonly lost: Promise<TensorError>;
  memory(): MemoryInfo;
  /** Device milliseconds of running `launches` once. */
  time?(launches: readonly Launch[]): Promise<number>;
  /** Resolves when all submitted work has run. */
  finish(): Promise<void>;
  /** Frees everything. The backend is not used again. */
  dispose(): void;
}
