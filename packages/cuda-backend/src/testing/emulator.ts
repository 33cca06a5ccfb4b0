// Builds the emulator once, with the machine's C++ compiler, and opens it: a stand-in for NVIDIA's driver, NVRTC and
// cuBLASLt in one library. Where there is no compiler, tests are skipped with a line that says so.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as koffi from "koffi";
import type { CudaBackend } from "../backend.js";
import { type CudaDeviceOptions, openCudaBackend } from "../device.js";

const sources = fileURLToPath(new URL("./emulator/", import.meta.url));
const cache = fileURLToPath(new URL("../../../../.cache/cuda-emulator/", import.meta.url));
const compiler = process.env["CXX"] ?? "g++";

/** Numbers that tests may turn: see `setting` in emulator/state.cpp. */
export type EmulatorSetting =
  | "devices"
  | "memory"
  | "driver"
  | "nvrtc"
  | "newest"
  | "major"
  | "minor"
  | "seed"
  | "launch_us"
  | "fail_launch"
  | "graphs"
  | "revive";
/** Numbers that tests may read. */
export type EmulatorCounter =
  /** Calls of the driver and of cuBLASLt. */
  | "calls"
  | "launches"
  | "graph_launches"
  /** Kernels that ran, in a graph or not. */
  | "grids"
  | "live_graphs"
  | "compilations"
  | "allocations"
  | "products"
  /** Products that add a bias, and those that add a matrix. */
  | "biases"
  | "accumulations"
  /** Those that take GELU, and those that go back through one. */
  | "gelus"
  | "gelu_gradients"
  | "mutations"
  | "leaked_bytes";

/** The opened emulator. */
export type Emulator = {
  /** Its file, to be given for all three libraries. */
  readonly path: string;
  /** Compiled kernels of this emulator. */
  readonly cacheDirectory: string;
  readonly set: (name: EmulatorSetting, value: number) => void;
  readonly get: (name: EmulatorCounter) => number;
  /** Replaces a piece of every kernel text compiled from now on; an empty one ends it. */
  readonly mutate: (from: string, to: string) => void;
  /** Keeps the text of every kernel compiled from now on in a folder. */
  readonly keepSources: (folder: string) => void;
  /** Runs `body` with settings changed. */
  readonly with: <T>(settings: Partial<Record<EmulatorSetting, number>>, body: () => Promise<T>) => Promise<T>;
  /** A backend on the emulator. */
  readonly backend: (
    options?: CudaDeviceOptions,
    parts?: Parameters<typeof openCudaBackend>[1],
  ) => Promise<CudaBackend>;
};

/** Why there is no emulator here, or undefined where there is one. */
export function emulatorMissing(): string | undefined {
  if (process.platform !== "linux") return `the CUDA emulator runs on Linux only, not on ${process.platform}`;
  const { error } = spawnSync(compiler, ["--version"]);
  return error ? `the CUDA emulator needs a C++ compiler: ${compiler} cannot be run (${error.message})` : undefined;
}

/** Builds the emulator where that has not been done, and opens it. */
export function openEmulator(): Emulator {
  const files = readdirSync(sources).sort();
  const hash = createHash("sha256").update(compiler);
  for (const name of files) hash.update(name).update(readFileSync(join(sources, name)));
  const folder = join(cache, hash.digest("hex").slice(0, 16));
  const path = join(folder, "libemulator.so");
  if (!existsSync(path)) build(files, folder, path);
  const library = koffi.load(path);
  const set = library.func("emulator_set", "void", ["const char *", "int64_t"]);
  const get = library.func("emulator_get", "int64_t", ["const char *"]);
  const mutate = library.func("emulator_mutate", "void", ["const char *", "const char *"]);
  const keepSources = library.func("emulator_keep_sources", "void", ["const char *"]);
  const read = (name: string): number => Number(get(name));
  const cacheDirectory = join(folder, "kernels");
  return {
    path,
    cacheDirectory,
    set: (name, value) => set(name, value),
    get: read,
    mutate: (from, to) => mutate(from, to),
    keepSources: (folder) => keepSources(folder),
    with: async (settings, body) => {
      const before = Object.keys(settings).map((name) => [name, read(name)] as const);
      for (const [name, value] of Object.entries(settings)) set(name, value);
      try {
        return await body();
      } finally {
        for (const [name, value] of before) set(name, value);
      }
    },
    backend: (options = {}, parts = {}) =>
      openCudaBackend({ cacheDirectory, libraries: { driver: path, nvrtc: path, cublasLt: path }, ...options }, parts),
  };
}

/** Several test files may build at once: the library appears whole, under its name, when it is ready. */
function build(files: readonly string[], folder: string, path: string): void {
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  const flags = ["-std=c++17", "-O1", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-pthread"];
  const defines = [`-DEMULATOR_COMPILER="${compiler}"`, `-DEMULATOR_SHIM="${join(sources, "device-shim.h")}"`];
  const inputs = files.filter((name) => name.endsWith(".cpp")).map((name) => join(sources, name));
  const result = spawnSync(compiler, [...flags, ...defines, "-o", temporary, ...inputs, "-ldl"], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`the CUDA emulator does not compile:\n${result.stderr}`);
  renameSync(temporary, path);
}
