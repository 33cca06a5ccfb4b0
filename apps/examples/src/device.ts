// The one line that swaps the backend, from `--backend`, `--threads`, `--blas` and `--wide`.
import { existsSync } from "node:fs";
import { findBlas } from "@torchium/cpu-blas";
import { createCpuDevice, type Device, setDefaultDevice, TensorError } from "@torchium/tensor";
import { checkWideRegisters } from "./wide-registers.js";

/** The options that choose a device. */
export interface DeviceOptions {
  readonly backend: "cpu" | "cuda" | "webgpu";
  /** `auto`, `off` or a library. */
  readonly blas: string;
  readonly wide: boolean;
  readonly threads?: number | undefined;
}

/** How a device of each backend is opened; a backend is loaded only when it is asked for. */
const openers = {
  cpu: openCpu,
  cuda: async () => (await import("@torchium/cuda-backend")).createCudaDevice(),
  webgpu: async () => (await import("@torchium/webgpu-backend")).createWebGpuDevice(),
} satisfies Record<DeviceOptions["backend"], (options: DeviceOptions) => Promise<Device>>;

/**
 * Opens the device that the options name and makes it the default.
 * @throws TensorError `unsupported` when the machine has no such device, a library that was named cannot be used, or the engine
 *   has no wide registers
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const device = await openers[options.backend](options);
  setDefaultDevice(device);
  return device;
}

async function openCpu({ blas, wide, threads }: DeviceOptions): Promise<Device> {
  const device = await createCpuDevice({
    ...(threads !== undefined && { threads }),
    ...(blas !== "off" && { blas: await (blas === "auto" ? findBlas() : namedBlas(blas)) }),
    wideSimd: wide,
  });
  if (wide) await checkWideRegisters(device);
  return device;
}

/** A bare name that the dynamic linker may know: it need not be a file here. */
const linkerName = /^[^\\/]*\.(so|dylib|dll)\b[^\\/]*$/i;

async function namedBlas(path: string): ReturnType<typeof findBlas> {
  try {
    return await findBlas({ path });
  } catch (error) {
    if (existsSync(path) || linkerName.test(path)) throw error;
    const message = `--blas: neither auto, off nor a library, got ${path}, expected one of these or an existing library's file`;
    throw new TensorError("argument", message, { op: "--blas", got: path }, error);
  }
}
