// A plan is what a graph's structure decides: groups, programs, kernels. Bound to sizes it becomes launches over buffers.
// A plan never trusts its signature: binding lays every group out again, and refuses when the groups no longer fit.

import type { AnchorCall, Backend, Executable } from "../backend/backend.js";
import { unreachable } from "../errors.js";
import { Binder } from "./binder.js";
import { type Composed, composeProgram } from "./compose-program.js";
import { fuse } from "./fusion.js";
import { layOutGroup } from "./group.js";
import type { LoopBody, Node, Value } from "./node.js";
import type { BoundPlan } from "./schedule.js";
import type { Root } from "./signature.js";

/** Compiled kernels and anchors of one device, by key; counts what was compiled. */
export interface KernelCache {
  kernel(kernel: Parameters<Backend["compile"]>[0]): Executable;
  anchor(call: AnchorCall): Executable | undefined;
  /** The plan of a loop's body. */
  body(body: LoopBody): Plan;
}

type PlannedGroup = {
  readonly members: readonly number[];
  readonly exported: readonly (readonly number[])[];
  readonly composed: Map<string, Composed>;
  /** One node that is no program: an anchor without epilogue, or regions. */
  readonly plain: boolean;
};

/** The structure of a realization. */
export class Plan {
  readonly #groups: readonly PlannedGroup[];
  readonly #kernels: KernelCache;
  readonly #backend: Backend;

  private constructor(groups: readonly PlannedGroup[], kernels: KernelCache, backend: Backend) {
    this.#groups = groups;
    this.#kernels = kernels;
    this.#backend = backend;
  }

  /** Fuses and orders the pending nodes of `order`, whose slots are their places in it. */
  static build(
    order: readonly Node[],
    roots: readonly Value[],
    kernels: KernelCache,
    backend: Backend,
    fusion = true,
  ): Plan {
    const isRoot = new Set(roots.map((r) => `${r.node.id},${r.index}`));
    const pending = order.filter((n) => n.op.kind !== "leaf" && !n.storage).sort((a, b) => a.id - b.id);
    const fused = fuse({
      order: pending,
      isRoot: (n, k) => isRoot.has(`${n.id},${k}`),
      enabled: fusion,
      maxBuffers: backend.capabilities.maxBuffersPerLaunch,
      absorbs: (n) => n.op.kind === "anchor" && n.op.name === "matmul",
    });
    const groups = fused.map(({ group, layout }): PlannedGroup => {
      const plain = layout === undefined;
      const [{ op, sizes }] = group.members as [Node];
      if (plain && op.kind === "program") return unreachable(`${op.label}: no launch over the sizes ${sizes}`);
      return { members: group.members.map((m) => m.slot), exported: group.exported, composed: new Map(), plain };
    });
    return new Plan(groups, kernels, backend);
  }

  /** Binds the plan to the sizes of a graph of its structure; undefined when they do not fit its groups. */
  bind(order: readonly Node[], roots: readonly Root[]): BoundPlan | undefined {
    const binder = new Binder(order, roots, this.#kernels, this.#backend);
    for (const g of this.#groups) {
      const members = g.members.map((slot) => order[slot]!);
      if (g.plain) {
        const node = members[0]!;
        if (node.op.kind === "regions") binder.regions(node);
        else if (node.op.kind === "loop") {
          const bound = this.#kernels.body(node.loop!).bind(node.loop!.order, node.loop!.roots);
          if (!bound) return undefined;
          binder.loop(node, node.loop!, bound);
        } else if (!binder.anchor(node, undefined, g.members))
          return unreachable(`${node.op.label}: declined after being offered`);
        continue;
      }
      const group = { members, exported: g.exported };
      const layout = layOutGroup(group);
      if (!layout) return undefined;
      let composed = g.composed.get(layout.wiring);
      if (!composed) {
        composed = composeProgram(group, layout);
        g.composed.set(layout.wiring, composed);
      }
      const anchor = members.find((m) => m.op.kind === "anchor");
      if (!anchor) binder.program(layout, composed, members, g.members);
      else if (!binder.anchor(anchor, { layout, composed, members }, g.members)) return undefined;
    }
    return binder.finish();
  }
}
