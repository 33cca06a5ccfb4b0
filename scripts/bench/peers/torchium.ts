// Ours in Node: `torchium.ts THREADS [wide|blas|webgpu]`, on the embedded CPU backend, `blas` with the library that is found or
// that OPENBLAS_LIB names, or on WebGPU.
import { findBlas } from "@torchium/cpu-blas";
import { createCpuDevice, setDefaultDevice } from "@torchium/tensor";
import { createWebGpuDevice } from "@torchium/webgpu-backend";
import { serve, threadsAsked } from "../serve.js";
import type { Works } from "../work.js";
import { useDawn } from "./dawn.js";
import { wordWorks } from "./torchium-words.js";
import { torchiumWorks } from "./torchium-works.js";

const works: Works = { ...torchiumWorks, ...wordWorks };
const threads = threadsAsked();
const variant = process.argv[3] as "wide" | "blas" | "webgpu" | undefined;
if (variant === "webgpu") {
  const adapter = await useDawn();
  const device = await createWebGpuDevice();
  setDefaultDevice(device);
  const version = `${process.version} on ${adapter}`;
  await serve({ version, threads }, async ({ op, sizes }) => {
    const work = works[op]?.(sizes);
    // What a run submits is over when the device has done it.
    const run = async (): Promise<void> => {
      await work?.run();
      await device.backend.finish();
    };
    return work && { ...work, run };
  });
}
const path = process.env.OPENBLAS_LIB;
const blas = variant === "blas" ? await findBlas(path === undefined ? {} : { path }) : undefined;
if (blas && "missing" in blas) throw new Error(`Error: ${blas.missing}`);
setDefaultDevice(await createCpuDevice({ threads, wideSimd: variant === "wide", ...(blas && { blas }) }));
const version = blas ? `${process.version}, ${blas.name} ${blas.version ?? ""} ${blas.core ?? ""}` : process.version;
await serve({ version, threads }, ({ op, sizes }) => works[op]?.(sizes));
