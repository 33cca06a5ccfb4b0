// The kernels, anchors and loop bodies that a device has compiled: one for each key.

import type { AnchorCall, Backend, Executable, Kernel } from "../backend/backend.js";
import type { LoopBody } from "./node.js";
import { type KernelCache, Plan } from "./plan.js";

/** Compiles what a plan asks for, once. */
export class Kernels implements KernelCache {
  compiled = 0;
  readonly #backend: Backend;
  readonly #kernels = new Map<string, Executable>();
  readonly #anchors = new Map<string, Executable | undefined>();
  readonly #bodies = new Map<string, Plan>();
  readonly #fusion: boolean;

  constructor(backend: Backend, fusion: boolean) {
    this.#backend = backend;
    this.#fusion = fusion;
  }

  kernel(kernel: Kernel): Executable {
    let e = this.#kernels.get(kernel.key);
    if (!e) {
      this.compiled++;
      e = this.#backend.compile(kernel);
      this.#kernels.set(kernel.key, e);
    }
    return e;
  }

  body(body: LoopBody): Plan {
    let plan = this.#bodies.get(body.key);
    if (!plan) {
      plan = Plan.build(body.order, body.roots, this, this.#backend, this.#fusion);
      this.#bodies.set(body.key, plan);
    }
    return plan;
  }

  anchor(call: AnchorCall): Executable | undefined {
    const key = `${call.op}${JSON.stringify(call.attributes)}${call.rank}${call.epilogue?.key ?? ""}`;
    if (this.#anchors.has(key)) return this.#anchors.get(key);
    this.compiled++;
    const e = this.#backend.anchor(call);
    this.#anchors.set(key, e);
    return e;
  }
}
