// Where things are in this repository, read from the folders themselves: no list to keep.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the scripts read from a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly packageManager?: string;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One workspace package: its folder relative to the root (`packages/tensor`) and its manifest. */
export interface WorkspacePackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The parsed package.json of the folder `folder` (absolute). */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** Every package of the workspace, in the order of their folders. */
export function workspacePackages(): readonly WorkspacePackage[] {
  return ["packages", "apps"].flatMap((parent) =>
    readdirSync(join(root, parent))
      .filter((name) => existsSync(join(root, parent, name, "package.json")))
      .sort()
      .map((name) => ({ folder: `${parent}/${name}`, manifest: readManifest(join(root, parent, name)) })),
  );
}

/** The packages that are published. */
export function publishedPackages(): readonly WorkspacePackage[] {
  return workspacePackages().filter(({ manifest }) => manifest.private !== true);
}

/** The entries of a package: export name (`.`, `./nn`) and source file relative to the package's folder. */
export function packageEntries({ manifest }: WorkspacePackage): readonly (readonly [name: string, source: string])[] {
  return Object.entries(manifest.exports ?? {}).flatMap(([name, target]) => {
    const source = typeof target === "string" ? undefined : target["@torchium/source"];
    return source === undefined ? [] : [[name, source] as const];
  });
}

/** Files under `folder` (relative to the root) whose name `accepts`, sorted; never installed or built ones. */
export function filesUnder(folder: string, accepts: (name: string) => boolean): readonly string[] {
  const skipped = new Set(["node_modules", "dist", "goldens"]);
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((item) => {
      const path = `${folder}/${item.name}`;
      if (item.isDirectory()) return skipped.has(item.name) ? [] : filesUnder(path, accepts);
      return accepts(item.name) ? [path] : [];
    });
}
