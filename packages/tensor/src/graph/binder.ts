// Binds planned groups to sizes: collects launches, orders them in stages, and gives every value a place in memory.

import type { AnchorCall, Backend, Executable, Kernel, Launch, LaunchOperand } from "../backend/backend.js";
import { joinAxes, kernelOf } from "../backend/kernel-geometry.js";
import { byteLengthOf } from "../dtype.js";
import { unreachable } from "../errors.js";
import type { Role } from "../kernel/expr.js";
import { contiguousStrides, isContiguous, type Layout, reshapeLayout, type Shape, sizeOf } from "../shape.js";
import { anchorOutputStrides } from "./anchor-outputs.js";
import type { Composed } from "./compose-program.js";
import { copyProgram } from "./copy-program.js";
import type { GroupLayout } from "./group.js";
import { type MemoryPlan, planMemory, type Temporary } from "./memory-plan.js";
import type { LoopBody, Node } from "./node.js";
import type { Root } from "./signature.js";

/** Where a binder gets executables from. */
export interface KernelSource {
  kernel(kernel: Kernel): Executable;
  anchor(call: AnchorCall): Executable | undefined;
}

/** Where a launch finds an operand at run time. */
export type Source =
  | { readonly kind: "leaf"; readonly slot: number }
  | { readonly kind: "root"; readonly root: number }
  | { readonly kind: "block"; readonly block: number };

/** Launches for one set of sizes. Bindings and scalars are filled in at each run. */
export type BoundPlan = {
  readonly launches: readonly Launch[];
  readonly patches: readonly { readonly operand: LaunchOperand; readonly source: Source }[];
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

type Slot = {
  readonly value: string;
  readonly operand: { strides: readonly number[]; offset: number; buffer: undefined; byteOffset: number };
};
type Epilogue = { readonly layout: GroupLayout; readonly composed: Composed; readonly members: readonly Node[] };

/** A value's place in the one array that needs it. */
type Part = { readonly whole: Node; readonly region: Layout };
/** A node's output, and how a launch's space walks it. */
type Target = {
  readonly node: Node;
  readonly output: number;
  readonly offset: number;
  readonly strides: readonly number[];
};

/** Whether the regions of a node fill it without overlapping: those of `cat` do, those over a background do not. */
const isTiled = (node: Node): boolean =>
  node.regions.reduce((total, region) => total + sizeOf(region.shape), 0) === sizeOf(node.outputs[0]!.shape);

/** Results of programs that a node with regions reads whole and in order, and nothing else does. */
function partsOf(order: readonly Node[], roots: readonly Root[]): ReadonlyMap<string, Part> {
  const uses = new Map<string, number>();
  const use = (value: string): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  const wholes: Node[] = [];
  for (const n of order) {
    if (n.storage) continue;
    for (const x of n.inputs) if (x.node) use(`${x.node.slot},${x.index}`);
    if (n.op.kind === "regions" && isTiled(n)) wholes.push(n);
  }
  const parts = new Map<string, Part>();
  if (wholes.length === 0) return parts;
  for (const r of roots) use(`${r.node.slot},${r.index}`);
  for (const whole of wholes) {
    whole.inputs.forEach(({ node, index, layout }, i) => {
      const value = `${node!.slot},${index}`;
      const isPending = node!.op.kind === "program" && !node!.storage;
      const isWhole = isContiguous(layout) && sizeOf(layout.shape) === sizeOf(node!.outputs[index]!.shape);
      if (isPending && isWhole && uses.get(value) === 1) parts.set(value, { whole, region: whole.regions[i]! });
    });
  }
  return parts;
}

/** Collects launches, then gives every value a place. */
export class Binder {
  readonly #order: readonly Node[];
  readonly #roots: readonly Root[];
  readonly #kernels: KernelSource;
  readonly #backend: Backend;
  readonly #drafts: {
    executable: Executable;
    sizes: readonly number[];
    reads: Slot[];
    writes: Slot[];
    scalars: number;
    label: string;
    overlapsWrites: boolean;
    isMap: boolean;
    /** Moves a table to where rows are scattered into it: not needed when that is in place. */
    copiesBase: boolean;
    /** Part of a loop: its stage counted from the start of the step, and whether it starts one. */
    step: { readonly first: boolean; readonly stage: number } | undefined;
  }[] = [];
  /** Bytes of values that are no output of a node: the scratch memory of loops. */
  readonly #scratch = new Map<string, number>();
  readonly #scalars: { draft: number; at: number; slot: number; index: number }[] = [];
  /** Values that nothing but a place in a larger array needs, which is where they may be written at once. */
  readonly #parts: ReadonlyMap<string, Part>;
  /** Those of them that are. */
  readonly #placed = new Set<string>();

  constructor(order: readonly Node[], roots: readonly Root[], kernels: KernelSource, backend: Backend) {
    this.#order = order;
    this.#roots = roots;
    this.#kernels = kernels;
    this.#backend = backend;
    this.#parts = partsOf(order, roots);
  }

  #slot(node: Node | undefined, index: number, strides: readonly number[], offset: number): Slot {
    const value = node ? `${node.slot},${index}` : "";
    return { value, operand: { strides, offset, buffer: undefined, byteOffset: 0 } };
  }

  #draft(
    executable: Executable,
    sizes: readonly number[],
    reads: Slot[],
    writes: Slot[],
    scalars: number,
    label: string,
    kind: {
      overlapsWrites?: boolean;
      isMap?: boolean;
      copiesBase?: boolean;
      step?: { readonly first: boolean; readonly stage: number };
    } = {},
  ): number {
    const { overlapsWrites = false, isMap = false, copiesBase = false, step } = kind;
    return (
      this.#drafts.push({ executable, sizes, reads, writes, scalars, label, overlapsWrites, isMap, copiesBase, step }) -
      1
    );
  }

  /** Where a result of a group goes: a place in a larger array that takes it, or memory of its own. */
  #target(node: Node, output: number, role: Role, sizes: Shape): Target {
    const rowAxis = sizes.length - 1;
    const own = { node, output, offset: 0 };
    if (role === "lane") return { ...own, strides: sizes.map((_, axis) => (axis === rowAxis ? 1 : 0)) };
    const shape = role === "full" ? sizes : sizes.slice(0, -1);
    const along = (strides: readonly number[]) => (role === "full" ? strides : [...strides, 0]);
    const value = `${node.slot},${output}`;
    const part = this.#parts.get(value);
    const there = part && reshapeLayout(part.region, shape);
    if (!there) return { ...own, strides: along(contiguousStrides(shape)) };
    this.#placed.add(value);
    return { node: part.whole, output: 0, offset: there.offset, strides: along(there.strides) };
  }

  program(layout: GroupLayout, composed: Composed, members: readonly Node[], slots: readonly number[]): void {
    if (layout.exports.every((e) => sizeOf(members[e.member]!.outputs[e.output]!.shape) === 0)) return;
    const targets = layout.exports.map((e, i) =>
      this.#target(members[e.member]!, e.output, composed.program.outputs[i]!.role, layout.sizes),
    );
    const strides = [...layout.externals.map((e) => e.layout.strides), ...targets.map((t) => t.strides)];
    const space = joinAxes(layout.sizes, strides, layout.hasRow ? 1 : 0);
    const executable = this.#kernels.kernel(kernelOf(composed.program, space));
    const reads = layout.externals.map((e, i) => this.#slot(e.node, e.index, space.strides[i]!, e.layout.offset));
    const writes = targets.map((t, i) => this.#slot(t.node, t.output, space.strides[reads.length + i]!, t.offset));
    const draft = this.#draft(executable, space.sizes, reads, writes, composed.scalars.length, labelOf(members), {
      isMap: composed.program.reduces.length === 0,
    });
    this.#takeScalars(draft, composed, slots);
  }

  #takeScalars(draft: number, composed: Composed, slots: readonly number[]): void {
    composed.scalars.forEach((s, at) => this.#scalars.push({ draft, at, slot: slots[s.member]!, index: s.index }));
  }

  /** An anchor, alone or with the map that follows it. False when the backend declines. */
  anchor(node: Node, epilogue: Epilogue | undefined, slots: readonly number[]): boolean {
    if (node.op.kind !== "anchor") return unreachable(`${node.op.kind} is no anchor`);
    const call = { op: node.op.name, attributes: node.op.attributes, rank: node.sizes.length } as AnchorCall;
    const inputs = node.inputs.map((x) => this.#slot(x.node, x.index, x.layout.strides, x.layout.offset));
    if (!epilogue) {
      const executable = this.#kernels.anchor(call);
      if (!executable) return false;
      if (node.op.name === "scatterInto" || node.op.name === "scatterOuter") {
        this.#scatterInto(node, inputs, executable);
        return true;
      }
      const writes = node.outputs.map((_, k) => this.#slot(node, k, anchorOutputStrides(node, k), 0));
      this.#draft(executable, node.sizes, inputs, writes, 0, node.op.label);
      return true;
    }
    const { layout, composed, members } = epilogue;
    const result = contiguousStrides(node.outputs[0]!.shape);
    // The epilogue keeps the anchor's axes, so that a backend can run it on any block of the result.
    const strides = [result, ...layout.externals.map((e) => e.layout.strides), ...layout.exports.map(() => result)];
    const kernel = kernelOf(composed.program, { sizes: [...layout.sizes], strides: strides.map((s) => [...s]) });
    const executable = this.#kernels.anchor({ ...call, epilogue: kernel });
    if (!executable) return false;
    const others = layout.externals.map((e) => this.#slot(e.node, e.index, e.layout.strides, e.layout.offset));
    const writes = layout.exports.map((e) => this.#slot(members[e.member]!, e.output, result, 0));
    const draft = this.#draft(
      executable,
      node.sizes,
      [...inputs, ...others],
      writes,
      composed.scalars.length,
      labelOf(members),
    );
    this.#takeScalars(draft, composed, slots);
    return true;
  }

  /** Copies the table, unless it is overwritten in place, and scatters on top. The node's last input is the table. */
  #scatterInto(node: Node, inputs: readonly Slot[], executable: Executable): void {
    const { shape, dtype } = node.outputs[0]!;
    const base = inputs[inputs.length - 1]!;
    const count = sizeOf(shape);
    if (count === 0) return;
    const copy = this.#kernels.kernel(kernelOf(copyProgram(dtype), { sizes: [count], strides: [[1], [1]] }));
    const from: Slot = { value: base.value, operand: { ...base.operand, strides: [1] } };
    this.#draft(copy, [count], [from], [this.#slot(node, 0, [1], 0)], 0, node.op.label, {
      isMap: true,
      copiesBase: true,
    });
    const write = this.#slot(node, 0, anchorOutputStrides(node, 0), 0);
    this.#draft(executable, node.sizes, inputs.slice(0, -1) as Slot[], [write], 0, node.op.label, {
      overlapsWrites: true,
    });
  }

  /** One copy a region, in order; none for a part that was written in its place. */
  regions(node: Node): void {
    const { dtype } = node.outputs[0]!;
    const overlapsWrites = !isTiled(node);
    node.inputs.forEach((x, i) => {
      const region = node.regions[i]!;
      if (sizeOf(region.shape) === 0 || this.#placed.has(`${x.node!.slot},${x.index}`)) return;
      const space = joinAxes(region.shape, [x.layout.strides, region.strides], 0);
      const executable = this.#kernels.kernel(kernelOf(copyProgram(dtype), space));
      const read = this.#slot(x.node, x.index, space.strides[0]!, x.layout.offset);
      const write = this.#slot(node, 0, space.strides[1]!, region.offset);
      this.#draft(executable, space.sizes, [read], [write], 0, node.op.label, { overlapsWrites });
    });
  }

  /**
   * Unrolls a loop: the launches of its body once for each step, with operands moved along the sequences and the
   * histories. Steps share the body's temporaries, so each starts a stage of its own.
   */
  loop(node: Node, body: LoopBody, bound: BoundPlan): void {
    const bases: number[] = [];
    let scalars = 0;
    for (const n of body.order) {
      bases.push(scalars);
      scalars += n.scalars.length;
    }
    const scratch = bound.memory.blockBytes.map((bytes, block) => {
      const value = `${node.slot},scratch${block}`;
      this.#scratch.set(value, bytes);
      return value;
    });
    const rowOf = (shape: Shape): number => sizeOf(shape.slice(1));
    const inputAt = (input: number, offset: number): [Slot["value"], number] => {
      const x = node.inputs[input]!;
      return [`${x.node!.slot},${x.index}`, x.layout.offset + offset];
    };
    for (const { input, output } of body.states) {
      const { shape, dtype } = node.outputs[output]!;
      const count = rowOf(shape);
      if (count === 0) continue;
      const executable = this.#kernels.kernel(kernelOf(copyProgram(dtype), { sizes: [count], strides: [[1], [1]] }));
      const [value, offset] = inputAt(input, 0);
      const read = { value, operand: { strides: [1], offset, buffer: undefined, byteOffset: 0 } };
      this.#draft(executable, [count], [read], [this.#slot(node, output, [1], 0)], 0, node.op.label);
    }
    const sourceOf = new Map(bound.patches.map((p) => [p.operand, p.source]));
    const launchIndex = new Map(bound.launches.map((l, k) => [l, k]));
    for (let step = 0; step < body.length; step++) {
      const time = body.reverse ? body.length - 1 - step : step;
      const first = this.#drafts.length;
      bound.launches.forEach((launch, k) => {
        const slots = launch.operands.map((operand): Slot => {
          const source = sourceOf.get(operand);
          const moved = {
            strides: operand.strides,
            offset: operand.offset,
            buffer: undefined,
            byteOffset: operand.byteOffset,
          };
          if (!source) return { value: "", operand: moved };
          if (source.kind === "block") return { value: scratch[source.block]!, operand: moved };
          if (source.kind === "root") {
            const { output, history } = body.results[source.root]!;
            moved.offset += (history ? step + 1 : time) * rowOf(node.outputs[output]!.shape);
            return { value: `${node.slot},${output}`, operand: moved };
          }
          const place = body.placeholders.get(source.slot)!;
          if (place.kind === "state") {
            const { output } = body.states[place.state]!;
            moved.offset += step * rowOf(node.outputs[output]!.shape);
            return { value: `${node.slot},${output}`, operand: moved };
          }
          const row = place.kind === "sequence" ? time * node.inputs[place.input]!.layout.strides[0]! : 0;
          const [value, offset] = inputAt(place.input, row);
          moved.offset += offset;
          return { value, operand: moved };
        });
        this.#draft(launch.executable, launch.sizes, slots, [], launch.scalars.length, node.op.label, {
          step: { first: k === 0, stage: launch.stage },
        });
      });
      for (const s of bound.scalars) {
        this.#scalars.push({
          draft: first + launchIndex.get(s.launch)!,
          at: s.at,
          slot: node.slot,
          index: bases[s.slot]! + s.index,
        });
      }
    }
  }

  /** Stages, places for temporaries, and the list of what changes from run to run. */
  finish(): BoundPlan {
    const inPlace = this.#roots.map((r) => this.#mayOverwrite(r));
    const overwritten = new Set(this.#roots.flatMap((r, k) => (inPlace[k] ? [`${r.node.slot},${r.index}`] : [])));
    const skipped = this.#drafts.map((d) => d.copiesBase && overwritten.has(d.writes[0]!.value));
    const stages = this.#stages();
    const rootOf = new Map<string, number>();
    this.#roots.forEach((r, k) => rootOf.set(`${r.node.slot},${r.index}`, k));
    const life = new Map<string, { from: number; to: number }>();
    const touch = (value: string, stage: number): void => {
      const l = life.get(value);
      if (!l) life.set(value, { from: stage, to: stage });
      else l.to = stage;
    };
    this.#drafts.forEach((d, i) => {
      if (!skipped[i]) for (const x of [...d.reads, ...d.writes]) if (x.value) touch(x.value, stages[i]!);
    });
    const temporaries: Temporary[] = [];
    const placeOf = new Map<string, number>();
    for (const [value, l] of life) {
      const byteLength = this.#scratch.get(value) ?? this.#byteLengthOf(value);
      if (byteLength === undefined || rootOf.has(value)) continue;
      placeOf.set(value, temporaries.push({ byteLength, ...l }) - 1);
    }
    const { bindingAlignment, maxBufferByteLength } = this.#backend.capabilities;
    const memory = planMemory(temporaries, Math.max(64, bindingAlignment), maxBufferByteLength);
    const patches: { operand: LaunchOperand; source: Source }[] = [];
    const all = this.#drafts.map((d, i): Launch => {
      const operands = [...d.reads, ...d.writes].map((x) => {
        const operand: LaunchOperand = x.operand;
        if (!x.value) return operand;
        const place = placeOf.get(x.value);
        const root = rootOf.get(x.value);
        if (place !== undefined) {
          operand.byteOffset += memory.places[place]!.byteOffset;
          patches.push({ operand, source: { kind: "block", block: memory.places[place]!.block } });
        } else if (root !== undefined) patches.push({ operand, source: { kind: "root", root } });
        else patches.push({ operand, source: { kind: "leaf", slot: Number(x.value.split(",")[0]) } });
        return operand;
      });
      return {
        executable: d.executable,
        sizes: d.sizes,
        operands,
        scalars: new Array<number>(d.scalars).fill(0),
        stage: stages[i]!,
        label: d.label,
      };
    });
    const launches = all.filter((_, i) => !skipped[i]);
    const scalars = this.#scalars.map((s) => ({ launch: all[s.draft]!, at: s.at, slot: s.slot, index: s.index }));
    return { launches, patches, scalars, memory, inPlace, filledBy: undefined };
  }

  /** Bytes of a pending node's output; undefined for data. */
  #byteLengthOf(value: string): number | undefined {
    const [slot, index] = value.split(",").map(Number) as [number, number];
    const node = this.#order[slot]!;
    if (node.op.kind === "leaf" || node.storage) return undefined;
    const out = node.outputs[index]!;
    return sizeOf(out.shape) * byteLengthOf(out.dtype);
  }

  /** A launch joins the stage before it unless it needs, or would disturb, something of that stage. */
  #stages(): number[] {
    const written = new Map<string, number>();
    const read = new Map<string, number>();
    const overwrites = new Map<string, string>();
    this.#roots.forEach((r) => {
      if (r.into) overwrites.set(`${r.node.slot},${r.index}`, `${r.into.target.slot},0`);
    });
    let stage = 0;
    let stepStart = 0;
    return this.#drafts.map((d) => {
      if (d.step) {
        if (d.step.first) stepStart = stage + 1;
        stage = stepStart + d.step.stage;
        for (const x of d.reads) if (x.value) written.set(x.value, stage);
        return stage;
      }
      let after = -1;
      for (const x of d.reads) if (x.value) after = Math.max(after, written.get(x.value) ?? -1);
      for (const x of d.writes) {
        if (d.overlapsWrites) after = Math.max(after, written.get(x.value) ?? -1);
        const old = overwrites.get(x.value);
        if (old) after = Math.max(after, read.get(old) ?? -1);
      }
      if (after >= stage) stage++;
      for (const x of d.reads) if (x.value) read.set(x.value, stage);
      for (const x of d.writes) written.set(x.value, stage);
      return stage;
    });
  }

  /** An update may run in place when its launch is the last to read the old value, and reads it element by element. */
  #mayOverwrite(root: Root): boolean {
    if (!root.into) return false;
    const old = `${root.into.target.slot},0`;
    const value = `${root.node.slot},${root.index}`;
    const at = this.#drafts.findIndex((d) => d.writes.some((x) => x.value === value));
    if (at < 0) return false;
    const d = this.#drafts[at]!;
    for (let i = at + 1; i < this.#drafts.length; i++)
      if (this.#drafts[i]!.reads.some((x) => x.value === old)) return false;
    const write = d.writes.find((x) => x.value === value)!;
    const elementwise = d.reads.every(
      (x) =>
        x.value !== old ||
        (x.operand.offset === 0 &&
          x.operand.strides.length === write.operand.strides.length &&
          x.operand.strides.every((s, i) => s === write.operand.strides[i])),
    );
    const dense = sizeOf(d.sizes) === sizeOf(root.node.outputs[root.index]!.shape);
    return elementwise && dense && d.isMap;
  }
}

function labelOf(members: readonly Node[]): string {
  const names = members.map((m) => m.op.label);
  const short = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return short.join("+");
}
