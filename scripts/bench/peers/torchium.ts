// Ours in Node: `torchium.ts THREADS [wide|blas]`, on the embedded CPU backend, `blas` with the library that is found or that
// OPENBLAS_LIB names.
import { createCpuDevice, setDefaultDevice } from "@torchium/tensor";
import { serve, threadsAsked } from "../serve.js";
import { untilFinished, type Works } from "../work.js";
import { foundBlas } from "./found-blas.js";
import { wordWorks } from "./torchium-words.js";
import { torchiumWorks } from "./torchium-works.js";

const works: Works = { ...torchiumWorks, ...wordWorks };
const threads = threadsAsked();
const variant = process.argv[3] as "wide" | "blas" | undefined;
const blas = variant === "blas" ? await foundBlas() : undefined;
const device = await createCpuDevice({ threads, wideSimd: variant === "wide", ...(blas && { blas }) });
setDefaultDevice(device);
const version = blas ? `${process.version}, ${blas.name} ${blas.version ?? ""} ${blas.core ?? ""}` : process.version;
await serve({ version, threads }, ({ op, sizes }) => {
  const work = works[op]?.(sizes);
  return work && untilFinished(work, device);
});
