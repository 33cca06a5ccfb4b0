// What must stay readable after the next update of a device: values that were kept, and gradients of leaves.

import type { Node, Value } from "./node.js";

type Held = { readonly value: Value };

/** A leaf as the device sees it: its data, and gradients, of all of it or of some rows, that may still be waiting to be computed. */
export type GradientHolder = Held & {
  readonly gradient: Held | undefined;
  /** Rows, or the factors of the products that they are. */
  rowGradients: readonly { readonly rows: Held; readonly products?: Readonly<Record<string, Held>> }[];
};

/** What a leaf's gradients are made of. */
function partsOf({ gradient, rowGradients }: GradientHolder): readonly Value[] {
  const rows = rowGradients.flatMap((g) => Object.values(g.products ?? [g.rows]));
  return [gradient, ...rows].flatMap((x) => x?.value ?? []);
}

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

  /** The gradients of watched leaves. */
  get gradients(): readonly Value[] {
    return [...this.#holders].flatMap((ref) => ref.deref() ?? []).flatMap(partsOf);
  }

  get any(): boolean {
    return this.#values.length > 0 || this.gradients.length > 0;
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
      if (targets.has(leaf.value.node)) continue;
      // The factors may be what is overwritten: they were handed on as they are.
      leaf.rowGradients = leaf.rowGradients.map(({ products, ...whole }) => whole);
      for (const value of partsOf(leaf)) this.keep(value);
    }
    this.#holders.clear();
    this.#kept.clear();
    return this.#values.splice(0);
  }
}
