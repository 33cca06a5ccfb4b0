// What must stay readable after the next update of a device: values that were kept, and gradients of leaves.

import type { Node, Value } from "./node.js";

/** A leaf as the device sees it: its data, and a gradient that may still be waiting to be computed. */
export type GradientHolder = { readonly value: Value; readonly gradient: { readonly value: Value } | undefined };

/** Collects values until an update takes them. */
export class Waiting {
  readonly #kept = new Set<Node>();
  readonly #values: Value[] = [];
  readonly #holders = new Set<WeakRef<GradientHolder>>();
  readonly #watched = new WeakSet<GradientHolder>();

  keep(value: Value): void {
    if (this.#kept.has(value.node)) return;
    if (value.node.op.kind === "leaf" || value.node.leaves?.[value.index]) return;
    this.#kept.add(value.node);
    this.#values.push(value);
  }

  watch(leaf: GradientHolder): void {
    if (this.#watched.has(leaf)) return;
    this.#watched.add(leaf);
    this.#holders.add(new WeakRef(leaf));
  }

  get any(): boolean {
    return this.#values.length > 0 || [...this.#holders].some((ref) => ref.deref()?.gradient !== undefined);
  }

  /**
   * What an update of `targets` has to compute before it, and waits no longer. Gradients of leaves that it leaves alone are
   * among it; those of the others end with it.
   */
  take(targets: ReadonlySet<Node>): Value[] {
    for (const ref of this.#holders) {
      const leaf = ref.deref();
      if (!leaf) continue;
      this.#watched.delete(leaf);
      if (leaf.gradient && !targets.has(leaf.value.node)) this.keep(leaf.gradient.value);
    }
    this.#holders.clear();
    this.#kept.clear();
    return this.#values.splice(0);
  }
}
