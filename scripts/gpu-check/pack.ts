// Puts the whole check into one folder for a GPU machine that has Node and nothing else: one program, and koffi with its
// binary for this platform. There: `node gpu-check.mjs --out FOLDER`.
import { cpSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepClassNames } from "../class-names.mjs";
import { root } from "../lib/repository.js";

const program = "gpu-check.mjs";

/** The program's own file when this runs from a packed folder; undefined in the repository. */
export function packedProgram(): string | undefined {
  const file = fileURLToPath(import.meta.url);
  return basename(file) === program ? file : undefined;
}

/** Writes the folder; gives the program's path in it. */
export async function packCheck(folder: string): Promise<string> {
  // Only here: the packed program runs without it.
  const { build } = await import("esbuild");
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["scripts/gpu-check.ts"],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@torchium/source"],
    external: ["koffi", "esbuild"],
  });
  mkdirSync(folder, { recursive: true });
  const path = join(folder, program);
  writeFileSync(path, keepClassNames(result.outputFiles[0]!.text));
  const koffi = realpathSync(join(root, "packages/cuda-backend/node_modules/koffi"));
  const binary = `@koromix/koffi-${process.platform}-${process.arch}`;
  // npm and pnpm put an optional dependency beside the package that asks for it.
  const native = realpathSync(join(dirname(koffi), binary));
  const modules = join(folder, "node_modules");
  // What koffi needs to be built, and to be read about.
  const isNeeded = (path: string): boolean => !/^[\\/](vendor|doc|lib)([\\/]|$)/.test(path.slice(koffi.length));
  cpSync(koffi, join(modules, "koffi"), { recursive: true, dereference: true, filter: isNeeded });
  cpSync(native, join(modules, binary), { recursive: true, dereference: true });
  return path;
}
