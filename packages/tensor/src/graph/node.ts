// Lazy graph nodes. A node is tiny and immutable in meaning; it owns device memory only once it is realized.
// Operands are read through layouts over the node's own iteration space.

import type { AnchorCall, AnchorName, BufferHandle } from "../backend/backend.js";
import { type DataArray, type DType, makeData } from "../dtype.js";
import type { Program } from "../kernel/program.js";
import { contiguousStrides, isContiguous, type Layout, type Shape, sizeOf } from "../shape.js";

/** What a node computes; interned by its maker, so `id` is the structure. */
export type NodeOp =
  /** Data on the host or the device. */
  | { readonly kind: "leaf"; readonly id: number; readonly label: string }
  /** A row program over [outer…, row] (`hasRow`), or a map over the output's shape. */
  | {
      readonly kind: "program";
      readonly id: number;
      readonly label: string;
      readonly program: Program;
      readonly hasRow: boolean;
      readonly cost: number;
    }
  /** A hand-written operation; the iteration space is the anchor's. */
  | {
      readonly kind: "anchor";
      readonly id: number;
      readonly label: string;
      readonly name: AnchorName;
      readonly attributes: AnchorCall["attributes"];
    }
  /** A body run once for each step of a sequence; `node.loop` holds it. */
  | { readonly kind: "loop"; readonly id: number; readonly label: string }
  /** Inputs written one after the other into regions of the output (cat, pad, sliceAssign). */
  | { readonly kind: "regions"; readonly id: number; readonly label: string };

let opIds = 0;
/** A fresh operation id: one for each distinct structure. */
export const nextOpId = (): number => opIds++;

const leafOp: NodeOp = { kind: "leaf", id: nextOpId(), label: "leaf" };

/** Output `index` of a node. */
export type Value = { readonly node: Node; readonly index: number };

/** A value read through a layout. For `index` operands of programs the layout alone counts. */
export type NodeOperand = { readonly node: Node | undefined; readonly index: number; readonly layout: Layout };

/** A result of a node: always dense and row-major when stored. */
export type NodeOutput = { readonly shape: Shape; readonly dtype: DType };

/** Device memory of a realized value. Several leaf nodes (versions of one parameter) may share it in turn. */
export class Storage {
  buffer: BufferHandle;
  readonly byteLength: number;
  constructor(buffer: BufferHandle, byteLength: number) {
    this.buffer = buffer;
    this.byteLength = byteLength;
  }
}

/** What a leaf of a loop's body stands for: the step's slice of a sequence, a carried state, a constant. */
export type Placeholder = {
  readonly kind: "sequence" | "state" | "constant";
  readonly input: number;
  readonly state: number;
};

/** The body of a loop: a graph over placeholder leaves, walked once so that slots are places in `order`. */
export type LoopBody = {
  /** Names the structure; equal keys share a plan. */
  readonly key: string;
  readonly order: readonly Node[];
  readonly roots: readonly Value[];
  /** By slot, for the leaves of `order`. */
  readonly placeholders: ReadonlyMap<number, Placeholder>;
  /** Per root: the output it is a row of, and which row: the step's own, or the one after it in a history. */
  readonly results: readonly { readonly output: number; readonly history: boolean }[];
  /** Per state: the node's input that starts it and the output that keeps its history. */
  readonly states: readonly { readonly input: number; readonly output: number }[];
  readonly length: number;
  /** Whether steps go from the last row of the sequences to the first. */
  readonly reverse: boolean;
};

let nodeIds = 0;
/** The id that the next node gets. */
export const nextNodeId = (): number => nodeIds;

let log: Node[] | undefined;

/** The nodes that `fn` makes, in order. */
export function nodesMadeBy(fn: () => void): readonly Node[] {
  const around = log;
  const own: Node[] = [];
  log = own;
  try {
    fn();
  } finally {
    log = around;
    around?.push(...own);
  }
  return own;
}

/** One operation waiting to run, or data. */
export class Node {
  readonly id = nodeIds++;
  op: NodeOp;
  /** Sizes of the iteration space the operands' layouts span. */
  readonly sizes: Shape;
  inputs: readonly NodeOperand[];
  readonly outputs: readonly NodeOutput[];
  /** Numbers given at launch; not part of the structure. */
  scalars: readonly number[];
  /** `regions`: where each input goes in the output. */
  readonly regions: readonly Layout[];
  /** `loop`: what runs at each step. */
  loop: LoopBody | undefined = undefined;
  /** Longest chain of unrealized nodes below this one. */
  depth: number;
  /** Where output 0 lies, once realized; only nodes with one output have it. */
  storage: Storage | undefined = undefined;
  /** Realized outputs of a node with several, as data. */
  leaves: (Node | undefined)[] | undefined = undefined;
  /** Host copy of output 0: data not uploaded yet, or read back. */
  host: DataArray | undefined = undefined;
  /** Why the value can no longer be read, once an update has overwritten what it depends on. */
  stale: string | undefined = undefined;
  /** The operation that computed the data of a leaf, for errors. */
  origin: string | undefined = undefined;
  /** Realized only for backward's sake: its memory may be dropped at the next update. */
  evictable = false;
  /** Kept on the device even when it is small and has been read: a parameter or optimizer state. */
  pinned = false;
  /** Realizations that have used this host leaf. */
  uses = 0;
  /** Whether any operation reads this node; those that `nodesMadeBy` collects do not count. */
  isRead = false;
  // Scratch of one realization.
  mark = 0;
  slot = 0;

  constructor(
    op: NodeOp,
    sizes: Shape,
    inputs: readonly NodeOperand[],
    outputs: readonly NodeOutput[],
    scalars: readonly number[] = [],
    regions: readonly Layout[] = [],
  ) {
    this.op = op;
    this.sizes = sizes;
    this.inputs = inputs;
    this.outputs = outputs;
    this.scalars = scalars;
    this.regions = regions;
    let depth = 0;
    for (const { node } of inputs) {
      if (!node) continue;
      node.isRead ||= !log;
      if (node.depth >= depth) depth = node.depth + 1;
    }
    this.depth = depth;
    log?.push(this);
  }

  /** Replaces operands that have been realized as separate data. */
  resolveInputs(): void {
    if (!this.inputs.some((x) => x.node?.leaves?.[x.index])) return;
    this.inputs = this.inputs.map((x) => {
      const leaf = x.node?.leaves?.[x.index];
      return leaf ? { node: leaf, index: 0, layout: x.layout } : x;
    });
  }

  /** Turns the node into data: what it was computed from is let go. */
  becomeLeaf(): void {
    this.origin = this.op.label;
    this.op = leafOp;
    this.inputs = [];
    this.scalars = [];
    this.depth = 0;
    this.evictable = false;
  }
}

/** A node that holds data. */
export function leafNode(
  shape: Shape,
  dtype: DType,
  content: { host?: DataArray; storage?: Storage; origin?: string },
): Node {
  const node = new Node(leafOp, shape, [], [{ shape, dtype }]);
  node.origin = content.origin;
  node.host = content.host;
  node.storage = content.storage;
  return node;
}

/** The elements that a layout names of a value the host holds, row-major; undefined when only the device holds it. */
export function hostValuesOf({ node, index }: Value, layout: Layout): Readonly<DataArray> | undefined {
  const { host, outputs } = node.leaves?.[index] ?? node;
  if (!host) return undefined;
  const { shape, strides, offset } = layout;
  const count = sizeOf(shape);
  if (isContiguous(layout) && host.length === count) return host;
  const steps = contiguousStrides(shape);
  return makeData(outputs[0]!.dtype, count).map((_, i) => {
    let at = offset;
    for (let axis = 0; axis < shape.length; axis++) {
      at += (Math.floor(i / steps[axis]!) % shape[axis]!) * strides[axis]!;
    }
    return host[at]!;
  }) as DataArray;
}
