// A group of nodes that one launch computes, and how its members lie over the group's iteration space.
// `layOutGroup` is a function of concrete sizes: the planner asks it whether nodes may fuse, and a cached plan asks it
// again for every new set of sizes, so fusion never has to trust a signature.

import type { DType } from "../dtype.js";
import { composeLayouts, contiguous, isContiguous, type Layout, type Shape, sizeOf } from "../shape.js";
import type { Node } from "./node.js";

/** Members in creation order (operands before users); `exported[i]` lists the outputs of member i others read. */
export type Group = {
  readonly members: readonly Node[];
  readonly exported: readonly (readonly number[])[];
};

/** A member placed in the space: `perRow` when its value is the same along the row. */
export type Instance = {
  readonly member: number;
  readonly perRow: boolean;
  /** Per operand: index of an instance of the group (with the output read), or of an external operand. */
  readonly wires: readonly Wire[];
};
export type Wire =
  | { readonly kind: "instance"; readonly instance: number; readonly output: number; readonly byRow: boolean }
  | { readonly kind: "external"; readonly operand: number };

/** An operand from outside, read through a layout over the space. `node` is undefined for index operands. */
export type External = {
  readonly node: Node | undefined;
  readonly index: number;
  readonly layout: Layout;
  readonly type: DType;
  readonly rowConstant: boolean;
};

/** A result that leaves the group. */
export type Exported = { readonly instance: number; readonly member: number; readonly output: number };

export type GroupLayout = {
  readonly sizes: Shape;
  readonly hasRow: boolean;
  readonly instances: readonly Instance[];
  readonly externals: readonly External[];
  readonly exports: readonly Exported[];
  /** What the composed program depends on: equal wirings give equal programs. */
  readonly wiring: string;
};

/** Work per element up to which a member may be computed twice rather than stored. */
const cheap = 3;

/** Row members fix the space; otherwise the stored member with the most elements, the last of them. */
function spaceOf({ members, exported }: Group): { sizes: Shape; hasRow: boolean; anchor: number } {
  const anchor = members.findIndex((m) => m.op.kind === "anchor");
  if (anchor >= 0) return { sizes: members[anchor]!.outputs[0]!.shape, hasRow: false, anchor };
  const row = members.find((m) => m.op.kind === "program" && m.op.hasRow);
  if (row) return { sizes: row.sizes, hasRow: true, anchor };
  let best: Node | undefined;
  members.forEach((m, i) => {
    if (exported[i]!.length > 0 && !(best && sizeOf(m.sizes) < sizeOf(best.sizes))) best = m;
  });
  best ??= members[members.length - 1]!;
  return { sizes: best.sizes, hasRow: false, anchor };
}

/** Lays out a group, or returns undefined when its members cannot share one launch at these sizes. */
export function layOutGroup(group: Group): GroupLayout | undefined {
  const { members, exported } = group;
  const { sizes, hasRow, anchor } = spaceOf(group);
  // An empty space has no addresses to check, so nothing fuses over it.
  if (members.length > 1 && sizeOf(sizes) === 0) return undefined;
  const full = contiguous(sizes);
  const rowLength = hasRow ? sizes[sizes.length - 1]! : 1;
  const outer = hasRow ? sizes.slice(0, -1) : sizes;
  const outerCount = sizeOf(outer);
  const count = outerCount * rowLength;
  const perRow: Layout = hasRow ? { shape: sizes, strides: [...contiguous(outer).strides, 0], offset: 0 } : full;
  const indexOf = new Map<Node, number>();
  members.forEach((m, i) => indexOf.set(m, i));

  // Placements asked of each member: its own when it is stored, and those of its users.
  const placements: Layout[][] = members.map(() => []);
  const want = (i: number, placement: Layout): number => {
    const list = placements[i]!;
    const known = list.findIndex(
      (p) => p.offset === placement.offset && p.strides.every((s, k) => s === placement.strides[k] || sizes[k] === 1),
    );
    return known >= 0 ? known : list.push(placement) - 1;
  };
  type Draft = {
    member: number;
    place: number;
    placement: Layout;
    wires: ({ member: number; place: number; output: number; byRow: boolean } | number)[];
  };
  const drafts: Draft[] = [];
  const externals: External[] = [];
  const external = (node: Node | undefined, index: number, layout: Layout, type: DType): number => {
    for (let k = 0; k < externals.length; k++) {
      const e = externals[k]!;
      if (
        e.node === node &&
        e.index === index &&
        e.type === type &&
        e.layout.offset === layout.offset &&
        sameStrides(e.layout, layout)
      )
        return k;
    }
    const rowConstant = hasRow && rowLength !== 1 && isRowConstant(layout);
    return externals.push({ node, index, layout, type, rowConstant }) - 1;
  };

  for (let i = 0; i < members.length; i++) {
    const m = members[i]!;
    if (isRowOp(m)) {
      if (sizeOf(m.sizes) !== count || m.sizes[m.sizes.length - 1] !== rowLength) return undefined;
      want(i, full);
    } else if (i === anchor) want(i, full);
    else if (exported[i]!.length > 0) {
      const n = sizeOf(m.sizes);
      if (n === count) want(i, full);
      else if (hasRow && n === outerCount) want(i, perRow);
      else return undefined;
    }
  }
  for (let i = members.length - 1; i >= 0; i--) {
    const m = members[i]!;
    const isRow = isRowOp(m);
    if (placements[i]!.length > 1 && (isRow || i === anchor || !(m.op.kind === "program" && m.op.cost <= cheap)))
      return undefined;
    for (let place = 0; place < placements[i]!.length; place++) {
      const placement = placements[i]![place]!;
      const draft: Draft = { member: i, place, placement, wires: [] };
      drafts.push(draft);
      if (i === anchor) {
        if (m.inputs.some((x) => x.node && indexOf.has(x.node))) return undefined;
        continue;
      }
      for (let k = 0; k < m.inputs.length; k++) {
        const x = m.inputs[k]!;
        const layout = composeLayouts(x.layout, placement);
        if (!layout) return undefined;
        const at = x.node ? indexOf.get(x.node) : undefined;
        if (at === undefined) {
          draft.wires.push(external(x.node, x.index, layout, inputType(m, k)));
          continue;
        }
        const source = members[at]!;
        if (source.op.kind === "program" && source.op.hasRow) {
          const role = source.op.program.outputs[x.index]!.role;
          const byRow = role === "row" && sizesMatch(layout, perRow);
          if (!byRow && !(role === "full" && isContiguous(layout))) return undefined;
          draft.wires.push({ member: at, place: 0, output: x.index, byRow });
        } else if (at === anchor) {
          if (!isContiguous(layout)) return undefined;
          draft.wires.push({ member: at, place: 0, output: x.index, byRow: false });
        } else {
          const byRow = hasRow && rowLength !== 1 && isRowConstant(layout);
          draft.wires.push({ member: at, place: want(at, layout), output: x.index, byRow });
        }
      }
    }
  }

  drafts.reverse();
  const position = placements.map((list) => new Array<number>(list.length));
  drafts.forEach((d, k) => {
    position[d.member]![d.place] = k;
  });
  const perRowOf = drafts.map(
    (d) => hasRow && !isRowOp(members[d.member]!) && rowLength !== 1 && isRowConstant(d.placement),
  );
  const instances = drafts.map(
    (d, k): Instance => ({
      member: d.member,
      perRow: perRowOf[k]!,
      wires: d.wires.map(
        (w): Wire =>
          typeof w === "number"
            ? { kind: "external", operand: w }
            : { kind: "instance", instance: position[w.member]![w.place]!, output: w.output, byRow: w.byRow },
      ),
    }),
  );
  const exports: Exported[] = [];
  exported.forEach((list, member) => {
    for (const output of list) exports.push({ instance: position[member]![0]!, member, output });
  });
  const wiring = JSON.stringify([
    hasRow,
    instances.map((x) => [
      x.member,
      x.perRow,
      x.wires.map((w) => (w.kind === "external" ? w.operand : [w.instance, w.output, w.byRow])),
    ]),
    externals.map((e) => [e.node === undefined, e.type, e.rowConstant]),
    exports.map((e) => [e.instance, e.output]),
  ]);
  return { sizes, hasRow, instances, externals, exports, wiring };
}

const sameStrides = (a: Layout, b: Layout): boolean =>
  a.strides.every((s, k) => s === b.strides[k] || a.shape[k] === 1);

const sizesMatch = (a: Layout, b: Layout): boolean => a.offset === b.offset && sameStrides(a, b);

const isRowConstant = (layout: Layout): boolean => layout.strides[layout.strides.length - 1] === 0;

const isRowOp = (m: Node): boolean => m.op.kind === "program" && m.op.hasRow;

const inputType = (m: Node, k: number): DType =>
  m.op.kind === "program" ? m.op.program.inputs[k]!.type : m.inputs[k]!.node!.outputs[m.inputs[k]!.index]!.dtype;
