// Opens a library at the first place that works, and remembers what was tried, for the error.

import { TensorError } from "@torchium/tensor/backend";
import { fileVariables, folderVariable, type LibraryName, type Machine, placesOf } from "./discovery.js";
import type { Host } from "./host.js";

type Library = ReturnType<Host["koffi"]["load"]>;

/** A place that was tried, and why it is not the library. */
export type Attempt = { readonly path: string; readonly reason: string };

/** The machine as Node shows it. */
export function machineOf({ fs, os, childProcess }: Host): Machine {
  return {
    platform: process.platform,
    env: process.env,
    home: os.homedir(),
    list: (folder) => {
      try {
        return fs.readdirSync(folder);
      } catch {
        return [];
      }
    },
    output: (command, args) => {
      const result = childProcess.spawnSync(command, [...args], {
        encoding: "utf8",
        timeout: 10_000,
        windowsHide: true,
      });
      return result.status === 0 ? result.stdout : undefined;
    },
  };
}

/** What each library is for, and how to get it, for messages. */
const advice = {
  driver: "NVIDIA's driver is needed",
  nvrtc: "the compiler comes with the CUDA toolkit or with `python3 -m pip install nvidia-cuda-nvrtc`",
  cublasLt: "it comes with the CUDA toolkit or with `python3 -m pip install nvidia-cublas`",
} as const satisfies Record<LibraryName, string>;

/**
 * Opens a library and makes something of it. `use` may refuse a library by throwing; the next place is tried then.
 * @throws TensorError `unsupported` that lists every place tried and why it failed
 */
export function openLibrary<T>(
  host: Host,
  machine: Machine,
  library: LibraryName,
  driverMajor: number,
  explicit: string | undefined,
  use: (library: Library, path: string) => T,
): T {
  const attempts: Attempt[] = [];
  const tried = new Set<string>();
  const { paths, certain } = placesOf(library, machine, driverMajor, explicit);
  for (const path of paths) {
    if (tried.has(path)) continue;
    tried.add(path);
    // The linker searches for a bare name; a full path that does not exist needs no message of its own.
    const reason = attempt(() => use(host.koffi.load(path), path));
    if ("value" in reason) return reason.value;
    attempts.push({ path, reason: reason.error });
  }
  const hint = certain
    ? "the file was named by an option or an environment variable, so no other place was tried"
    : `${advice[library]}; ${fileVariables[library]} may name the file, ${folderVariable} a folder`;
  const message = `cuda: library ${library} cannot be used; ${hint}. Tried:\n${listOf(attempts)}`;
  throw new TensorError("unsupported", message, { library, attempts });
}

/** Places by why they failed: most of them fail alike. */
function listOf(attempts: readonly Attempt[]): string {
  const reasons = [...new Set(attempts.map(({ reason }) => reason))];
  const groups = reasons.map((reason) => {
    const paths = attempts.filter((a) => a.reason === reason).map(({ path }) => path);
    return paths.length === 1 ? `  ${paths[0]}: ${reason}` : `  ${reason}:\n    ${paths.join("\n    ")}`;
  });
  return groups.join("\n");
}

function attempt<T>(body: () => T): { readonly value: T } | { readonly error: string } {
  try {
    return { value: body() };
  } catch (error) {
    if (TensorError.is(error)) throw error;
    return { error: error instanceof Error ? error.message.split("\n")[0]! : String(error) };
  }
}
