// Errors that a GPU device tells later: every call that may fail runs in error scopes, and what they catch is thrown
// where somebody next waits for the device.

import { TensorError } from "@torchium/tensor/backend";
import type { GpuDevice, GpuError } from "../gpu.js";

const filters = ["validation", "out-of-memory", "internal"] as const;
const codes = { validation: "internal", "out-of-memory": "out-of-memory", internal: "internal" } as const;

/** What an error of guarded calls takes with it. */
export type Guarded = {
  /** Details of the error. */
  readonly facts?: () => Readonly<Record<string, unknown>>;
  /** Told of every error of the calls, whoever is told of it first. */
  readonly onError?: () => void;
};

/** The errors of one device. */
export class DeviceErrors {
  readonly #device: GpuDevice;
  #open: Promise<void>[] = [];
  #first: TensorError | undefined;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Runs calls on the device; `what` names them in an error. */
  guard<T>(what: string, run: () => T, guarded: Guarded = {}): T {
    for (const filter of filters) this.#device.pushErrorScope(filter);
    try {
      return run();
    } finally {
      for (const filter of [...filters].reverse()) {
        const caught = this.#device.popErrorScope().then(
          (error) => {
            if (error) this.#note(what, filter, error, guarded);
          },
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

  #note(what: string, filter: (typeof filters)[number], error: GpuError, { facts, onError }: Guarded): void {
    onError?.();
    if (this.#first) return;
    const message = `${what}: ${filter === "out-of-memory" ? "out of memory" : `${filter} error`}: ${error.message}`;
    this.#first = new TensorError(codes[filter], message, facts?.(), error);
  }
}
