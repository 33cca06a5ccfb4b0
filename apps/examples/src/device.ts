// The one line that swaps the backend, from `--backend`, `--threads`, `--blas` and `--wide`.
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

/** Packages of the backends that are not embedded, and the function that opens a device. */
const packages = {
  cuda: { name: "@torchium/cuda-backend", create: "createCudaDevice" },
  webgpu: { name: "@torchium/webgpu-backend", create: "createWebGpuDevice" },
} as const;

/**
 * Opens the device that the options name and makes it the default.
 * @throws TensorError `unsupported` when its package is not installed, a library that was named cannot be used, or the engine has
 *   no wide registers
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const device = options.backend === "cpu" ? await openCpu(options) : await openPackage(options.backend);
  setDefaultDevice(device);
  return device;
}

async function openCpu({ blas, wide, threads }: DeviceOptions): Promise<Device> {
  const device = await createCpuDevice({
    ...(threads !== undefined && { threads }),
    ...(blas !== "off" && { blas: await findBlas(blas === "auto" ? {} : { path: blas }) }),
    wideSimd: wide,
  });
  if (wide) await checkWideRegisters(device);
  return device;
}

async function openPackage(backend: keyof typeof packages): Promise<Device> {
  const { name, create } = packages[backend];
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(name)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new TensorError(
      "unsupported",
      `--backend: ${backend} needs the package ${name}, which is not installed`,
      { backend },
      error,
    );
  }
  return (module[create] as () => Promise<Device>)();
}
