// Errors that a GPU device tells later: every call that may fail runs in error scopes, and what they catch is thrown
// where somebody next waits for the device.

import { TensorError } from "@torchium/tensor/backend";
import type { GpuDevice, GpuError } from "../gpu.js";

const filters = ["validation", "out-of-memory", "internal"] as const;
const codes = { validation: "internal", "out-of-memory": "out-of-memory", internal: "internal" } as const;

/** The errors of one device. */
export class DeviceErrors {
  readonly #device: GpuDevice;
  #open: Promise<void>[] = [];
  #first: TensorError | undefined;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Runs calls on the device; `what` names them in an error, with `facts` behind it. */
  guard<T>(what: string, run: () => T, facts: () => Readonly<Record<string, unknown>> = () => ({})): T {
    for (const filter of filters) this.#device.pushErrorScope(filter);
    try {
      return run();
    } finally {
      for (const filter of [...filters].reverse()) {
        const caught = this.#device.popErrorScope().then(
          (error) => this.#note(what, filter, error, facts),
          // The device is gone, which is told elsewhere.
          () => {},
        );
        this.#open.push(caught);
      }
    }
  }

  /** Waits for what has been asked so far. @throws TensorError the first error that a scope has caught since */
  async settle(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open);
    const error = this.#first;
    this.#first = undefined;
    if (error) throw error;
  }

  #note(
    what: string,
    filter: (typeof filters)[number],
    error: GpuError | null,
    facts: () => Readonly<Record<string, unknown>>,
  ): void {
    if (!error || this.#first) return;
    const message = `${what}: ${filter === "out-of-memory" ? "out of memory" : `${filter} error`}: ${error.message}`;
    this.#first = new TensorError(codes[filter], message, facts(), error);
  }
}
