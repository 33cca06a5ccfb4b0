// The plans that a device has made: by structure, and bound to sizes by dimensions.

import type { Backend } from "../backend/backend.js";
import { unreachable } from "../errors.js";
import { type KernelCache, Plan } from "./plan.js";
import type { BoundPlan } from "./schedule.js";
import type { GraphWalk, Root } from "./signature.js";

type PlanEntry = {
  readonly structure: Int32Array;
  readonly plan: Plan;
  readonly bound: Map<number, BoundEntry[]>;
  boundCount: number;
};
type BoundEntry = { readonly dimensions: Int32Array; readonly bound: BoundPlan };

/** Bound plans kept for one structure; the oldest go first. */
const maxBoundPlans = 256;

/** Finds the plan of a graph that has been walked, or makes it. */
export class PlanCache {
  /** Structures planned from scratch. */
  built = 0;
  /** Structures bound to new sizes. */
  bound = 0;
  readonly #plans = new Map<number, PlanEntry[]>();
  readonly #kernels: KernelCache;
  readonly #backend: Backend;
  readonly #fusion: boolean;

  constructor(kernels: KernelCache, backend: Backend, fusion: boolean) {
    this.#kernels = kernels;
    this.#backend = backend;
    this.#fusion = fusion;
  }

  clear(): void {
    this.#plans.clear();
  }

  /** The launches for the graph of the walk `at`. */
  bind(at: GraphWalk, roots: readonly Root[]): BoundPlan {
    const { structure, dimensions, order } = at;
    let bucket = this.#plans.get(structure.hash);
    if (!bucket) {
      bucket = [];
      this.#plans.set(structure.hash, bucket);
    }
    for (const entry of bucket) {
      if (!structure.equals(entry.structure)) continue;
      const known = entry.bound.get(dimensions.hash)?.find((b) => dimensions.equals(b.dimensions));
      if (known) return known.bound;
      const bound = entry.plan.bind(order, roots);
      if (bound) return this.#remember(entry, bound, dimensions);
    }
    this.built++;
    const plan = Plan.build(order, roots, this.#kernels, this.#backend, this.#fusion);
    const entry: PlanEntry = { structure: structure.copy(), plan, bound: new Map(), boundCount: 0 };
    // Remembered once it has proved itself: later graphs of the structure would meet the same error.
    const bound = plan.bind(order, roots) ?? unreachable("a fresh plan does not bind");
    bucket.push(entry);
    return this.#remember(entry, bound, dimensions);
  }

  #remember(entry: PlanEntry, bound: BoundPlan, dimensions: GraphWalk["dimensions"]): BoundPlan {
    this.bound++;
    if (entry.boundCount >= maxBoundPlans) {
      const oldest = entry.bound.keys().next().value!;
      entry.boundCount -= entry.bound.get(oldest)!.length;
      entry.bound.delete(oldest);
    }
    const list = entry.bound.get(dimensions.hash) ?? [];
    list.push({ dimensions: dimensions.copy(), bound });
    entry.bound.set(dimensions.hash, list);
    entry.boundCount++;
    return bound;
  }
}
