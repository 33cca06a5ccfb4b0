// Binds planned groups to sizes: collects their launches, which are then scheduled.

import type { AnchorCall, Backend, Binding, Executable, Kernel } from "../backend/backend.js";
import { joinAxes, kernelOf } from "../backend/kernel-geometry.js";
import { unreachable } from "../errors.js";
import type { Role } from "../kernel/expr.js";
import type { Program } from "../kernel/program.js";
import { contiguousStrides, reshapeLayout, type Shape, sizeOf } from "../shape.js";
import { anchorOutputStrides } from "./anchor-outputs.js";
import type { Composed } from "./compose-program.js";
import { copyProgram } from "./copy-program.js";
import type { GroupLayout } from "./group.js";
import type { LoopBody, Node } from "./node.js";
import { isTiled, type Part, partsOf } from "./parts.js";
import { type Bindings, type BoundPlan, type Draft, type DraftScalar, type Slot, schedule } from "./schedule.js";
import type { Root } from "./signature.js";
import { noValue, Values } from "./values.js";

/** Where a binder gets executables from. */
export interface KernelSource {
  kernel(kernel: Kernel): Executable;
  anchor(call: AnchorCall): Executable | undefined;
}

type Epilogue = { readonly layout: GroupLayout; readonly composed: Composed; readonly members: readonly Node[] };

/** A node's output, and how a launch's space walks it. */
type Target = {
  readonly node: Node;
  readonly output: number;
  readonly offset: number;
  readonly strides: readonly number[];
};

/** Collects launches. */
export class Binder {
  readonly #roots: readonly Root[];
  readonly #kernels: KernelSource;
  readonly #backend: Backend;
  readonly #drafts: Draft[] = [];
  readonly #values: Values;
  readonly #scalars: DraftScalar[] = [];
  /** Values that nothing but a place in a larger array needs, which is where they may be written at once. */
  readonly #parts: ReadonlyMap<number, Part>;
  /** Those of them that are. */
  readonly #placed = new Set<number>();

  constructor(order: readonly Node[], roots: readonly Root[], kernels: KernelSource, backend: Backend) {
    this.#roots = roots;
    this.#kernels = kernels;
    this.#backend = backend;
    this.#values = new Values(order);
    this.#parts = partsOf(order, roots, this.#values);
  }

  #slot(node: Node | undefined, index: number, strides: readonly number[], offset: number): Slot {
    const value = node ? this.#values.of(node, index) : noValue;
    return { value, operand: { strides, offset, binding: undefined, byteOffset: 0 } };
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
      program?: Program;
      copiesBase?: boolean;
      step?: { readonly first: boolean; readonly stage: number };
    } = {},
  ): number {
    const usual = { overlapsWrites: false, program: undefined, copiesBase: false, step: undefined };
    return this.#drafts.push({ executable, sizes, reads, writes, scalars, label, ...usual, ...kind }) - 1;
  }

  /** Where a result of a group goes: a place in a larger array that takes it, or memory of its own. */
  #target(node: Node, output: number, role: Role, sizes: Shape): Target {
    const rowAxis = sizes.length - 1;
    const own = { node, output, offset: 0 };
    if (role === "lane") return { ...own, strides: sizes.map((_, axis) => (axis === rowAxis ? 1 : 0)) };
    const shape = role === "full" ? sizes : sizes.slice(0, -1);
    const along = (strides: readonly number[]) => (role === "full" ? strides : [...strides, 0]);
    const value = this.#values.of(node, output);
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
      program: composed.program,
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
    const program = copyProgram(dtype);
    const copy = this.#kernels.kernel(kernelOf(program, { sizes: [count], strides: [[1], [1]] }));
    const from: Slot = { value: base.value, operand: { ...base.operand, strides: [1] } };
    this.#draft(copy, [count], [from], [this.#slot(node, 0, [1], 0)], 0, node.op.label, {
      program,
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
      if (sizeOf(region.shape) === 0 || this.#placed.has(this.#values.of(x.node!, x.index))) return;
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
    const scratch = bound.memory.blockBytes.map((bytes) => this.#values.scratch(bytes));
    const rowOf = (shape: Shape): number => sizeOf(shape.slice(1));
    const inputAt = (input: number, offset: number): [Slot["value"], number] => {
      const x = node.inputs[input]!;
      return [this.#values.of(x.node!, x.index), x.layout.offset + offset];
    };
    for (const { input, output } of body.states) {
      const { shape, dtype } = node.outputs[output]!;
      const count = rowOf(shape);
      if (count === 0) continue;
      const executable = this.#kernels.kernel(kernelOf(copyProgram(dtype), { sizes: [count], strides: [[1], [1]] }));
      const [value, offset] = inputAt(input, 0);
      const read = { value, operand: { strides: [1], offset, binding: undefined, byteOffset: 0 } };
      this.#draft(executable, [count], [read], [this.#slot(node, output, [1], 0)], 0, node.op.label);
    }
    const sourceOf = new Map<Binding | undefined, readonly [kind: keyof Bindings, index: number]>();
    for (const kind of ["leaf", "root", "block"] as const) {
      bound.bindings[kind].forEach((binding, index) => sourceOf.set(binding, [kind, index]));
    }
    const launchIndex = new Map(bound.launches.map((l, k) => [l, k]));
    for (let step = 0; step < body.length; step++) {
      const time = body.reverse ? body.length - 1 - step : step;
      const first = this.#drafts.length;
      bound.launches.forEach((launch, k) => {
        const slots = launch.operands.map((operand): Slot => {
          const source = sourceOf.get(operand.binding);
          const moved = { ...operand, binding: undefined };
          if (!source) return { value: noValue, operand: moved };
          const [kind, index] = source;
          if (kind === "block") return { value: scratch[index]!, operand: moved };
          if (kind === "root") {
            const { output, history } = body.results[index]!;
            moved.offset += (history ? step + 1 : time) * rowOf(node.outputs[output]!.shape);
            return { value: this.#values.of(node, output), operand: moved };
          }
          const place = body.placeholders.get(index)!;
          if (place.kind === "state") {
            const { output } = body.states[place.state]!;
            moved.offset += step * rowOf(node.outputs[output]!.shape);
            return { value: this.#values.of(node, output), operand: moved };
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

  /** What was collected, in stages and with every value in its place. */
  finish(): BoundPlan {
    return schedule(this.#drafts, this.#scalars, this.#values, this.#roots, this.#backend.capabilities);
  }
}

function labelOf(members: readonly Node[]): string {
  const names = members.map((m) => m.op.label);
  const short = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return short.join("+");
}
