// Decides which nodes share a launch. Greedy, in creation order: a node joins the groups of its operands whenever the
// joined group can be laid out, stays within the backend's limits, and makes no cycle.

import { sizeOf } from "../shape.js";
import { type Group, type GroupLayout, layOutGroup } from "./group.js";
import type { Node } from "./node.js";

/** What fusion needs to know of the graph and the device. */
export type FusionContext = {
  /** Unrealized nodes in creation order. */
  readonly order: readonly Node[];
  /** Whether an output must be stored whatever fuses (a root, or read by something that cannot fuse). */
  readonly isRoot: (node: Node, output: number) => boolean;
  readonly maxBuffers: number;
  /** False: every node is a launch of its own, which is what fusion is tested against. */
  readonly enabled: boolean;
  /** Whether the backend takes an epilogue behind this anchor. */
  readonly absorbs: (anchor: Node) => boolean;
};

/** Launch-sized groups in an order that respects their dependencies. */
export type FusedGroup = { readonly group: Group; readonly layout: GroupLayout | undefined };

/** Expressions longer than this are cut, so that one kernel stays compilable. */
const maxCost = 400;
const maxMembers = 64;
/**
 * The longest row that is still in a cache once it was reduced. Results of a longer one's length read it from memory again
 * in any case; in a launch of their own they do so on all threads, and updates in place.
 */
const maxCachedRow = 1 << 16;

const isRowOp = (m: Node): boolean => m.op.kind === "program" && m.op.hasRow;

class Cluster {
  members: Node[];
  constructor(node: Node) {
    this.members = [node];
  }
}

/** Groups the unrealized nodes of a graph. */
export function fuse(context: FusionContext): FusedGroup[] {
  const { order } = context;
  const users = new Map<Node, Node[]>();
  const pending = new Set(order);
  for (const n of order) {
    for (const x of n.inputs) {
      if (!x.node || !pending.has(x.node)) continue;
      const list = users.get(x.node);
      if (!list) users.set(x.node, [n]);
      else if (list[list.length - 1] !== n) list.push(n);
    }
  }
  const clusterOf = new Map<Node, Cluster>();
  for (const n of order) {
    const own = new Cluster(n);
    clusterOf.set(n, own);
    if (n.op.kind !== "program" || !context.enabled) continue;
    const tried = new Set<Cluster>();
    for (const x of n.inputs) {
      const producer = x.node && pending.has(x.node) ? clusterOf.get(x.node) : undefined;
      const mine = clusterOf.get(n)!;
      if (!producer || producer === mine || tried.has(producer)) continue;
      tried.add(producer);
      if (isForReductions(n, x, producer)) continue;
      const joined = tryJoin(producer, mine);
      if (joined) for (const m of joined.members) clusterOf.set(m, joined);
    }
  }
  return sorted();

  function tryJoin(a: Cluster, b: Cluster): Cluster | undefined {
    if (a.members.length + b.members.length > maxMembers) return undefined;
    const fits = (m: Node): boolean => m.op.kind === "program" || m.op.kind === "anchor";
    if (!a.members.every(fits) || !b.members.every(fits)) return undefined;
    const anchors = [...a.members, ...b.members].filter((m) => m.op.kind === "anchor");
    if (anchors.length > 1 || (anchors[0] && !context.absorbs(anchors[0]))) return undefined;
    const members = [...a.members, ...b.members].sort((x, y) => x.id - y.id);
    const row = members.find(isRowOp);
    if (row && anchors[0]) return undefined;
    let cost = 0;
    for (const m of members) if (m.op.kind === "program") cost += m.op.cost;
    if (cost > maxCost) return undefined;
    const inside = new Set(members);
    if (row && row.sizes[row.sizes.length - 1]! > maxCachedRow && givesLongResult(inside)) return undefined;
    const group = groupOf(members, inside);
    const layout = layOutGroup(group);
    if (!layout) return undefined;
    const buffers =
      layout.externals.filter((e) => e.node).length + layout.exports.length + (anchors[0]?.inputs.length ?? 0);
    if (buffers > context.maxBuffers || makesCycle(inside)) return undefined;
    const cluster = new Cluster(members[0]!);
    cluster.members = members;
    return cluster;
  }

  /**
   * Whether only reductions read a node, and its operand has to be stored behind the anchor anyway: then the node belongs
   * to them. Behind the anchor it would be stored as well, for them to read.
   */
  function isForReductions(n: Node, { node: operand, index }: Node["inputs"][number], producer: Cluster): boolean {
    if (!producer.members.some((m) => m.op.kind === "anchor")) return false;
    const readers = users.get(n) ?? [];
    if (readers.length === 0 || !readers.every(isRowOp) || n.outputs.some((_, k) => context.isRoot(n, k))) return false;
    return context.isRoot(operand!, index) || (users.get(operand!) ?? []).some((u) => u !== n);
  }

  /** Whether a map as long as the rows is a result, or uses what they were reduced to. */
  function givesLongResult(inside: ReadonlySet<Node>): boolean {
    for (const m of inside) {
      const size = sizeOf(m.sizes);
      if (isRowOp(m) || size <= maxCachedRow) continue;
      if (m.outputs.some((_, k) => context.isRoot(m, k))) return true;
      if (m.inputs.some(({ node }) => node && inside.has(node) && (isRowOp(node) || sizeOf(node.sizes) < size)))
        return true;
    }
    return false;
  }

  function groupOf(members: readonly Node[], inside: ReadonlySet<Node>): Group {
    const exported = members.map((m) => {
      const outs: number[] = [];
      for (let k = 0; k < m.outputs.length; k++) {
        const read = (users.get(m) ?? []).some(
          (u) => !inside.has(u) && u.inputs.some((x) => x.node === m && x.index === k),
        );
        if (read || context.isRoot(m, k)) outs.push(k);
      }
      return outs;
    });
    return { members, exported };
  }

  /** Whether a path leaves the set and comes back: then it could not run as one launch. */
  function makesCycle(inside: ReadonlySet<Node>): boolean {
    const seen = new Set<Node>();
    const stack: Node[] = [];
    const leave = (m: Node): void => {
      for (const u of users.get(m) ?? []) if (!inside.has(u) && !seen.has(u)) stack.push(u);
    };
    for (const m of inside) leave(m);
    while (stack.length > 0) {
      const n = stack.pop()!;
      if (seen.has(n)) continue;
      // The whole cluster of n runs at once, so all of its users wait for it.
      for (const m of clusterOf.get(n)?.members ?? [n]) {
        seen.add(m);
        for (const u of users.get(m) ?? []) {
          if (inside.has(u)) return true;
          if (!seen.has(u)) stack.push(u);
        }
      }
    }
    return false;
  }

  function sorted(): FusedGroup[] {
    const clusters = [...new Set(order.map((n) => clusterOf.get(n)!))];
    const key = new Map(clusters.map((c) => [c, c.members[c.members.length - 1]!.id]));
    clusters.sort((a, b) => key.get(a)! - key.get(b)!);
    const done = new Set<Cluster>();
    const out: FusedGroup[] = [];
    const emit = (c: Cluster): void => {
      if (done.has(c)) return;
      done.add(c);
      for (const m of c.members) {
        for (const x of m.inputs)
          if (x.node && pending.has(x.node) && clusterOf.get(x.node) !== c) emit(clusterOf.get(x.node)!);
      }
      const group = groupOf(c.members, new Set(c.members));
      const single = c.members.length === 1 ? c.members[0]! : undefined;
      const plain = single && single.op.kind !== "program";
      out.push({ group, layout: plain ? undefined : layOutGroup(group) });
    };
    for (const c of clusters) emit(c);
    return out;
  }
}
