// Orders launches in stages and gives every value a place in memory.

import type { Binding, BufferHandle, Capabilities, Executable, Launch, LaunchOperand } from "../backend/backend.js";
import { byteLengthOf } from "../dtype.js";
import type { Program } from "../kernel/program.js";
import { sizeOf } from "../shape.js";
import { type MemoryPlan, planMemory, type Temporary } from "./memory-plan.js";
import type { Root } from "./signature.js";
import { noValue, type Values } from "./values.js";

/** What launches bind, by what comes there at run time: a leaf's memory by its slot, a root's, a block of temporaries. */
export type Bindings = Readonly<Record<"leaf" | "root" | "block", Binding[]>>;

/** Launches for one set of sizes. Bindings and scalars are filled in at each run. */
export type BoundPlan = {
  readonly launches: readonly Launch[];
  readonly bindings: Bindings;
  readonly scalars: readonly {
    readonly launch: Launch;
    readonly at: number;
    readonly slot: number;
    readonly index: number;
  }[];
  readonly memory: MemoryPlan;
  /** Per root: written in place over the storage it updates. */
  readonly inPlace: readonly boolean[];
  /** Whose numbers the launches hold: those of a replayed record, or nobody's in particular. */
  filledBy: object | undefined;
};

/** An operand of a launch and the value it lies in. */
export type Slot = {
  readonly value: number;
  readonly operand: { strides: readonly number[]; offset: number; binding: Binding | undefined; byteOffset: number };
};

/** A launch without stage and places. */
export type Draft = {
  readonly executable: Executable;
  readonly sizes: readonly number[];
  readonly reads: readonly Slot[];
  readonly writes: readonly Slot[];
  readonly scalars: number;
  readonly label: string;
  /** Writes some of a value that others write too. */
  readonly overlapsWrites: boolean;
  /** What it computes, where that is a program over the whole of its results. */
  readonly program: Program | undefined;
  /** Moves a table to where rows are scattered into it: not needed when that is in place. */
  readonly copiesBase: boolean;
  /** Part of a loop: its stage counted from the start of the step, and whether it starts one. */
  readonly step: { readonly first: boolean; readonly stage: number } | undefined;
};

/** A number of a launch: scalar `at` of a draft is number `index` of the node at `slot`. */
export type DraftScalar = {
  readonly draft: number;
  readonly at: number;
  readonly slot: number;
  readonly index: number;
};

/** Stages, places for temporaries, and the list of what changes from run to run. */
export function schedule(
  drafts: readonly Draft[],
  scalars: readonly DraftScalar[],
  values: Values,
  roots: readonly Root[],
  { bindingAlignment, maxBufferByteLength }: Capabilities,
): BoundPlan {
  const rootOf = new Int32Array(values.count).fill(-1);
  roots.forEach((r, k) => {
    rootOf[values.of(r.node, r.index)] = k;
  });
  const inPlace = overwritable(drafts, values, roots);
  const skipped = drafts.map((d) => d.copiesBase && inPlace[rootOf[d.writes[0]!.value]!] === true);
  const stages = stagesOf(drafts, values, roots);
  const { temporaries, placeOf } = temporariesOf(drafts, skipped, stages, values, rootOf);
  const memory = planMemory(temporaries, Math.max(64, bindingAlignment), maxBufferByteLength);
  const bindings: Bindings = { leaf: [], root: [], block: [] };
  const bind = (kind: keyof Bindings, index: number): Binding => {
    bindings[kind][index] ??= { buffer: undefined };
    return bindings[kind][index];
  };
  const place = ({ value, operand }: Slot): LaunchOperand => {
    if (value === noValue) return operand;
    const at = placeOf[value]!;
    if (at >= 0) {
      const { block, byteOffset } = memory.places[at]!;
      operand.byteOffset += byteOffset;
      operand.binding = bind("block", block);
    } else if (rootOf[value]! >= 0) operand.binding = bind("root", rootOf[value]!);
    else operand.binding = bind("leaf", values.slotOf(value));
    return operand;
  };
  const all = drafts.map(
    (d, i): Launch => ({
      executable: d.executable,
      sizes: d.sizes,
      operands: [...d.reads.map(place), ...d.writes.map(place)],
      scalars: new Array<number>(d.scalars).fill(0),
      stage: stages[i]!,
      label: d.label,
    }),
  );
  return {
    launches: all.filter((_, i) => !skipped[i]),
    bindings,
    scalars: scalars.map(({ draft, ...s }) => ({ launch: all[draft]!, ...s })),
    memory,
    inPlace,
    filledBy: undefined,
  };
}

/** Binds what a run has allocated: blocks of temporaries, and its results. */
export function bindResults(
  { bindings }: BoundPlan,
  blocks: readonly BufferHandle[],
  results: readonly { readonly buffer: BufferHandle }[],
): void {
  bindings.block.forEach((binding, i) => {
    binding.buffer = blocks[i];
  });
  bindings.root.forEach((binding, k) => {
    binding.buffer = results[k]!.buffer;
  });
}

/** Values that no run leaves behind, by how long they live; `placeOf` gives the number of a value's, or -1. */
function temporariesOf(
  drafts: readonly Draft[],
  skipped: readonly boolean[],
  stages: readonly number[],
  values: Values,
  rootOf: Int32Array,
) {
  const temporaries: Temporary[] = [];
  const placeOf = new Int32Array(values.count).fill(-1);
  const lastTouch = new Int32Array(values.count).fill(-1);
  drafts.forEach((d, i) => {
    if (!skipped[i]) for (const { value } of [...d.reads, ...d.writes]) if (value !== noValue) lastTouch[value] = i;
  });
  /** Puts an output where an operand lies that ends with its launch: one temporary then, which lives for both. */
  const overlay = (i: number, k: number): void => {
    const d = drafts[i]!;
    const { value } = d.writes[k]!;
    const output = d.program?.outputs[k];
    if (!output || rootOf[value]! >= 0 || placeOf[value]! >= 0) return;
    const byteLength = values.byteLengthOf(value)!;
    const under = d.reads.find((x) => {
      const known = x.value === noValue ? undefined : temporaries[placeOf[x.value]!];
      // Launches of one stage may overlap, so no other of this stage may touch it.
      const ends = known?.byteLength === byteLength && known.to < stages[i]! && lastTouch[x.value] === i;
      return ends && mayLieOn(d, k, x.value, byteLength / byteLengthOf(output.expr.type));
    });
    if (!under) return;
    placeOf[value] = placeOf[under.value]!;
    temporaries[placeOf[value]!]!.to = stages[i]!;
  };
  const touch = ({ value }: Slot, stage: number): void => {
    if (value === noValue || rootOf[value]! >= 0) return;
    const known = temporaries[placeOf[value]!];
    if (known) {
      known.to = stage;
      return;
    }
    const byteLength = values.byteLengthOf(value);
    if (byteLength !== undefined) placeOf[value] = temporaries.push({ byteLength, from: stage, to: stage }) - 1;
  };
  drafts.forEach((d, i) => {
    if (skipped[i]) return;
    for (let k = 0; k < d.writes.length; k++) overlay(i, k);
    for (const x of [...d.reads, ...d.writes]) touch(x, stages[i]!);
  });
  return { temporaries, placeOf };
}

/** A launch joins the stage before it unless it needs, or would disturb, something of that stage. */
function stagesOf(drafts: readonly Draft[], values: Values, roots: readonly Root[]): readonly number[] {
  const written = new Int32Array(values.count).fill(-1);
  const read = new Int32Array(values.count).fill(-1);
  const overwrites = new Int32Array(values.count).fill(noValue);
  for (const { node, index, into } of roots) {
    if (into) overwrites[values.of(node, index)] = values.of(into.target, 0);
  }
  let stage = 0;
  let stepStart = 0;
  return drafts.map((d) => {
    if (d.step) {
      if (d.step.first) stepStart = stage + 1;
      stage = stepStart + d.step.stage;
      for (const x of d.reads) if (x.value !== noValue) written[x.value] = stage;
      return stage;
    }
    let after = -1;
    for (const x of d.reads) if (x.value !== noValue) after = Math.max(after, written[x.value]!);
    for (const { value } of d.writes) {
      if (d.overlapsWrites) after = Math.max(after, written[value]!);
      const old = overwrites[value]!;
      if (old !== noValue) after = Math.max(after, read[old]!);
    }
    if (after >= stage) stage++;
    for (const x of d.reads) if (x.value !== noValue) read[x.value] = stage;
    for (const x of d.writes) written[x.value] = stage;
    return stage;
  });
}

/** Which roots may be written over the storage they update: those whose launch is the last to read the old value. */
function overwritable(drafts: readonly Draft[], values: Values, roots: readonly Root[]): readonly boolean[] {
  const writer = new Int32Array(values.count).fill(-1);
  const lastReader = new Int32Array(values.count).fill(-1);
  drafts.forEach((d, i) => {
    for (const { value } of d.reads) if (value !== noValue) lastReader[value] = i;
    for (const { value } of d.writes) if (writer[value] === -1) writer[value] = i;
  });
  return roots.map(({ node, index, into }) => {
    if (!into) return false;
    const [old, value] = [values.of(into.target, 0), values.of(node, index)];
    const d = drafts[writer[value]!];
    if (!d || lastReader[old]! > writer[value]!) return false;
    return mayLieOn(
      d,
      d.writes.findIndex((x) => x.value === value),
      old,
      sizeOf(node.outputs[index]!.shape),
    );
  });
}

/**
 * Whether output `k` of a draft, the whole of a value of `count` elements, may lie on a value of as many that the draft may
 * read: the promise of `Launch.operands`.
 */
function mayLieOn({ program, sizes, reads, writes }: Draft, k: number, value: number, count: number): boolean {
  const output = program?.outputs[k];
  if (output?.role !== "full" || sizeOf(sizes) !== count) return false;
  const { strides, offset } = writes[k]!.operand;
  return reads.every((x, i) => {
    if (x.value !== value) return true;
    const { role, type } = program!.inputs[i]!;
    const { operand } = x;
    return (
      role === "full" &&
      type === output.expr.type &&
      operand.offset === offset &&
      operand.strides.every((s, axis) => s === strides[axis])
    );
  });
}
