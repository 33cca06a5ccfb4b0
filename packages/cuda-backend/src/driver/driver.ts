// NVIDIA's driver, opened: its functions, with every status code checked.

import { TensorError } from "@torchium/tensor/backend";
import { bind } from "../ffi/bind.js";
import { driverFunctions } from "../ffi/driver-functions.js";
import type { Host } from "../ffi/host.js";
import { machineOf, openLibrary } from "../ffi/open-library.js";
import { OutSlot } from "../ffi/out-slots.js";
import type { NativeFunctions } from "../ffi/signatures.js";
import { isSticky, isTooOld, results } from "./result-codes.js";

/** The driver's functions and what their codes mean. */
export class Driver {
  readonly host: Host;
  /** Where the library was found. */
  readonly path: string;
  readonly functions: NativeFunctions<typeof driverFunctions>;
  /** Highest CUDA version that it supports: 13000 is 13.0. */
  readonly version: number;
  readonly out = new OutSlot();
  /** The context that calls of this thread go to. */
  #current = 0;

  private constructor(host: Host, path: string, functions: NativeFunctions<typeof driverFunctions>) {
    this.host = host;
    this.path = path;
    this.functions = functions;
    this.check(functions.cuInit(0), "start the driver");
    this.check(functions.cuDriverGetVersion(this.out.bytes), "ask for the driver's version");
    this.version = this.out.int;
  }

  /** Opens the driver. @throws TensorError `unsupported` where there is none, `device` where there is no GPU */
  static open(host: Host, explicit?: string): Driver {
    const { path, functions } = openLibrary(host, machineOf(host), "driver", 0, explicit, (library, path) => ({
      path,
      functions: bind(library, driverFunctions),
    }));
    return new Driver(host, path, functions);
  }

  /** Makes calls of this thread go to `context`. */
  use(context: number): void {
    if (this.#current === context) return;
    this.check(this.functions.cuCtxSetCurrent(context), "select the context");
    this.#current = context;
  }

  /** @throws TensorError for any code but success: `out-of-memory`, `device-lost`, `device`, `unsupported`, `internal` */
  check(code: number, action: string): void {
    if (code !== results.success) throw this.error(code, action);
  }

  /** The error of a code. */
  error(code: number, action: string): TensorError {
    const name = this.#text(this.functions.cuGetErrorName, code) ?? `code ${code}`;
    const text = this.#text(this.functions.cuGetErrorString, code) ?? "unknown error";
    const what = `cuda: cannot ${action}, got ${name} (${text})`;
    const details = { code, name, action };
    if (code === results.outOfMemory) return new TensorError("out-of-memory", what, details);
    if (code === results.noDevice)
      return new TensorError("device", `${what}, expected a GPU that this process may use`, details);
    if (code === results.invalidDevice) return new TensorError("device", what, details);
    if (isTooOld(code)) return new TensorError("unsupported", `${what}; the driver is too old: update it`, details);
    if (isSticky(code)) {
      const advice =
        "the GPU's context is dead; restart the process and resume from a checkpoint (TORCHIUM_CUDA_SYNC=1 names the kernel)";
      return new TensorError("device-lost", `${what}: ${advice}`, details);
    }
    return new TensorError("internal", what, details);
  }

  #text(ask: (code: number, out: Uint8Array) => number, code: number): string | undefined {
    if (ask(code, this.out.bytes) !== results.success) return undefined;
    return this.host.koffi.decode.string(BigInt(this.out.word));
  }
}
