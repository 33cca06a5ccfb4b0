// One GPU: its primary context and what it says of itself.

import { TensorError } from "@torchium/tensor/backend";
import type { Driver } from "./driver.js";

const attributes = { multiprocessors: 16, major: 75, minor: 76 } as const;

/** An opened GPU. Its primary context is shared with every other user in the process. */
export class Gpu {
  readonly driver: Driver;
  readonly ordinal: number;
  readonly name: string;
  /** Compute capability: 90 is 9.0. */
  readonly capability: number;
  readonly multiprocessors: number;
  readonly totalBytes: number;
  readonly #device: number;
  readonly #context: number;

  /** @throws TensorError `device` where there is no such GPU */
  constructor(driver: Driver, ordinal: number) {
    const { functions, out } = driver;
    this.driver = driver;
    this.ordinal = ordinal;
    driver.check(functions.cuDeviceGetCount(out.bytes), "count GPUs");
    const count = out.int;
    if (!(Number.isInteger(ordinal) && ordinal >= 0 && ordinal < count)) {
      const expected = count === 0 ? "a GPU that this process may use" : `an integer from 0 to ${count - 1}`;
      throw new TensorError("device", `cuda: no such GPU, got ordinal ${ordinal}, expected ${expected}`, {
        ordinal,
        count,
      });
    }
    driver.check(functions.cuDeviceGet(out.bytes, ordinal), "open the GPU");
    this.#device = out.int;
    const name = new Uint8Array(256);
    driver.check(functions.cuDeviceGetName(name, name.length, this.#device), "ask for the GPU's name");
    this.name = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    this.capability = this.#attribute(attributes.major) * 10 + this.#attribute(attributes.minor);
    this.multiprocessors = this.#attribute(attributes.multiprocessors);
    driver.check(functions.cuDeviceTotalMem_v2(out.bytes, this.#device), "ask for the GPU's memory");
    this.totalBytes = out.word;
    driver.check(functions.cuDevicePrimaryCtxRetain(out.bytes, this.#device), "open the GPU's context");
    this.#context = out.word;
    this.enter();
  }

  /** Makes driver calls of this thread go to this GPU. */
  enter(): void {
    this.driver.use(this.#context);
  }

  /** Bytes that nobody uses, of the whole GPU. */
  freeBytes(): number {
    const { functions, out } = this.driver;
    const free = new BigUint64Array(1);
    this.driver.check(functions.cuMemGetInfo_v2(free, out.bytes), "ask for free memory");
    return Number(free[0]!);
  }

  /** Gives the context back; the last user closes it. */
  close(): void {
    // A dead context cannot be closed either, and it is gone all the same.
    this.driver.functions.cuDevicePrimaryCtxRelease_v2(this.#device);
  }

  #attribute(attribute: number): number {
    const { functions, out } = this.driver;
    this.driver.check(functions.cuDeviceGetAttribute(out.bytes, attribute, this.#device), "ask for an attribute");
    return out.int;
  }
}
