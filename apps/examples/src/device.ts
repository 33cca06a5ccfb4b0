// The one line that swaps the backend, from `--backend`, `--threads` and `--blas`.
import { createCpuDevice, type Device, setDefaultDevice, TensorError } from "@torchium/tensor";

/** The options that choose a device. */
export interface DeviceOptions {
  readonly backend: "cpu" | "cuda" | "webgpu";
  readonly blas: string;
  readonly threads?: number | undefined;
}

/** Packages of the backends that are not embedded, and the function that opens a device. */
const packages = {
  cuda: { name: "@torchium/cuda-backend", create: "createCudaDevice" },
  webgpu: { name: "@torchium/webgpu-backend", create: "createWebGpuDevice" },
} as const;

/**
 * Opens the device that the options name and makes it the default.
 * @throws TensorError `unsupported` when its package is not installed
 */
export async function openDevice({ backend, blas, threads }: DeviceOptions): Promise<Device> {
  if (blas !== "off" && blas !== "auto") {
    throw new TensorError(
      "unsupported",
      `--blas: no BLAS can be loaded by this version, got ${blas}, expected off or auto`,
    );
  }
  const device =
    backend === "cpu" ? await createCpuDevice(threads === undefined ? {} : { threads }) : await openPackage(backend);
  setDefaultDevice(device);
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
