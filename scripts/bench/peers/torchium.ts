// Ours in Node: `torchium.ts THREADS [wide|blas]`, on the embedded CPU backend, `blas` with the library that is found or that
// OPENBLAS_LIB names.
import { findBlas } from "@torchium/cpu-blas";
import { createCpuDevice, setDefaultDevice } from "@torchium/tensor";
import { serve, threadsAsked } from "../serve.js";
import type { Works } from "../work.js";
import { wordWorks } from "./torchium-words.js";
import { torchiumWorks } from "./torchium-works.js";

const works: Works = { ...torchiumWorks, ...wordWorks };
const threads = threadsAsked();
const variant = process.argv[3] as "wide" | "blas" | undefined;
const path = process.env.OPENBLAS_LIB;
const blas = variant === "blas" ? await findBlas(path === undefined ? {} : { path }) : undefined;
if (blas && "missing" in blas) throw new Error(`Error: ${blas.missing}`);
setDefaultDevice(await createCpuDevice({ threads, wideSimd: variant === "wide", ...(blas && { blas }) }));
const version = blas ? `${process.version}, ${blas.name} ${blas.version ?? ""} ${blas.core ?? ""}` : process.version;
await serve({ version, threads }, ({ op, sizes }) => works[op]?.(sizes));
