// The house rules on who may import whom. Tests and their helpers are free to look into any room.
// Inside @torchium/tensor imports go one way, as docs/architecture.md lists the folders.
import { isBuiltin } from "node:module";
import { type WorkspacePackage, workspacePackages } from "../lib/repository.js";
import { isTest, type ModuleGraph, type ModuleImport } from "./module-graph.js";

const core = "@torchium/tensor";
const coreSources = "packages/tensor/src/";

const foundation = ["random", "dtype", "half-floats", "shape", "arguments", "errors"] as const;
const belowBackend = ["kernel", ...foundation] as const;
const belowGraph = ["backend", ...belowBackend] as const;
const belowAutograd = ["graph", ...belowGraph] as const;
// Ops record themselves on the tape, so the tape knows no op.
const belowOps = ["autograd", ...belowAutograd] as const;
const belowDevices = ["cpu", "reference", ...belowAutograd] as const;
const belowTensor = ["devices", "ops", ...belowOps] as const;
const belowUsers = ["tensor", ...belowTensor] as const;

/** The rooms of packages/tensor/src, and into which other rooms each may look. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  index: belowUsers,
  nn: ["options", ...belowUsers],
  data: belowUsers,
  io: belowUsers,
  more: belowUsers,
  options: belowUsers,
  tensor: belowTensor,
  devices: belowDevices,
  ops: belowOps,
  autograd: belowAutograd,
  graph: belowGraph,
  cpu: belowGraph,
  reference: belowGraph,
  backend: belowBackend,
  kernel: foundation,
  random: foundation,
  dtype: foundation,
  "half-floats": foundation,
  shape: foundation,
  arguments: foundation,
  errors: foundation,
};

/** Files of the core whose room is not the folder or the name they have. */
const placed: Readonly<Record<string, string>> = {
  "compile.ts": "tensor",
  "control.ts": "tensor",
  "creation.ts": "tensor",
  "declarations.ts": "tensor",
  "functions.ts": "tensor",
  // Where a backend and the graph's Device meet.
  "default-device.ts": "devices",
  "cpu/device.ts": "devices",
};

/** The room of a file of the core: its folder under src, or its name when it lies in src itself. */
function roomOf(path: string): string {
  const name = path.slice(coreSources.length);
  return placed[name] ?? (name.replace(/\.ts$/, "").split("/")[0] as string);
}

function coreProblem(path: string, { file }: ModuleImport): string | undefined {
  const room = roomOf(path);
  const allowed = rooms[room];
  if (allowed === undefined) return `${room} is no room of the core; give it a place in scripts/check/boundaries.ts`;
  if (file === undefined) return undefined;
  const target = roomOf(file);
  if (target === room || allowed.includes(target)) return undefined;
  return `${room} must not import from ${target}`;
}

/** `@torchium/tensor/nn` → `@torchium/tensor`, `koffi/x` → `koffi`. */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function packageProblem(owner: WorkspacePackage, { specifier, file, kind }: ModuleImport): string | undefined {
  const { folder, manifest } = owner;
  const isLibrary = folder.startsWith("packages/");
  if (file !== undefined) return file.startsWith(`${folder}/src/`) ? undefined : `leaves its package: ${specifier}`;
  if (isBuiltin(specifier)) {
    return isLibrary && kind === "value"
      ? `must import ${specifier} dynamically: browsers load this file too`
      : undefined;
  }
  const target = packageOf(specifier);
  if (target === manifest.name) return `imports its own package by name: ${specifier}`;
  if (isLibrary && target.startsWith("@torchium/") && target !== core) {
    return `may depend on ${core} only, not on ${target}`;
  }
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  return target in declared ? undefined : `${target} is not in the dependencies of ${manifest.name}`;
}

/** Every import that breaks a rule, as `file:line: rule`. */
export function boundaryProblems(graph: ModuleGraph, packages = workspacePackages()): readonly string[] {
  const problems: string[] = [];
  for (const [path, imports] of graph) {
    if (isTest(path)) continue;
    const owner = packages.find(({ folder }) => path.startsWith(`${folder}/`));
    if (owner === undefined) continue;
    for (const item of imports) {
      const inCore = path.startsWith(coreSources) && (item.file === undefined || item.file.startsWith(coreSources));
      const problem = packageProblem(owner, item) ?? (inCore ? coreProblem(path, item) : undefined);
      if (problem !== undefined) problems.push(`${path}:${item.line}: ${problem}`);
    }
  }
  return problems;
}
