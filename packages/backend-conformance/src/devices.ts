// Devices for the levels that run tensors, not launches: the backend's own, with and without fusion, and the reference.

import { Device } from "@torchium/tensor";
import type { Backend } from "@torchium/tensor/backend";
import { createReferenceBackend } from "@torchium/tensor/reference";

/** Devices made when they are asked for first, and shared by the cases. */
export class TestDevices {
  readonly #createBackend: () => Promise<Backend>;
  #own: Promise<Device> | undefined;
  #unfused: Promise<Device> | undefined;
  #reference: Device | undefined;

  constructor(createBackend: () => Promise<Backend>) {
    this.#createBackend = createBackend;
  }

  /** On the backend under test. */
  own(): Promise<Device> {
    this.#own ??= this.#createBackend().then((backend) => new Device(backend));
    return this.#own;
  }

  /** The same with every operation a launch of its own. */
  unfused(): Promise<Device> {
    this.#unfused ??= this.#createBackend().then((backend) => new Device(backend, { fusion: false }));
    return this.#unfused;
  }

  /** What decides: float64 arithmetic, every operation for itself. */
  get reference(): Device {
    this.#reference ??= new Device(createReferenceBackend({ limitBytes: 2 ** 28 }), { fusion: false });
    return this.#reference;
  }

  /** Disposes those that were made. */
  async close(): Promise<void> {
    for (const device of [this.#own, this.#unfused, this.#reference]) (await device)?.dispose();
  }
}
