// What `--install-peers` puts into a folder that git ignores, never a dependency of the project: the JavaScript peers, and the
// Node versions that ours is measured on.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../lib/repository.js";

/** The folder the peers are installed into. */
export const peersFolder = join(root, ".cache", "bench-peers");

const versions = {
  "@jax-js/jax": "0.1.25",
  "@tensorflow/tfjs": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
} as const;

/** The major versions of Node that ours is measured on. */
export const nodeVersions = [20, 24] as const;

/** npm's package of Node for this machine. */
function nodePackage(): string {
  const system = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  return system === "darwin-arm64" ? `node-bin-${system}` : `node-${system}`;
}

/** Writes the manifest that npm installs in `peersFolder`. */
export function writePeerManifest(): void {
  mkdirSync(peersFolder, { recursive: true });
  const nodes = nodeVersions.map((version) => [`node-${version}`, `npm:${nodePackage()}@${version}`]);
  const manifest = { private: true, dependencies: versions, optionalDependencies: Object.fromEntries(nodes) };
  writeFileSync(join(peersFolder, "package.json"), `${JSON.stringify(manifest)}\n`);
}

/** The program of an installed Node version, undefined where there is none. */
export function installedNode(version: (typeof nodeVersions)[number]): string | undefined {
  const program = join(peersFolder, "node_modules", `node-${version}`, "bin", "node");
  return [program, `${program}.exe`].find(existsSync);
}

const peerRequire = createRequire(join(peersFolder, "package.json"));

/** A peer's module. @throws Error where it is not installed */
export function loadPeer<T>(name: string): T {
  return peerRequire(name) as T;
}

/** The installed version of a peer. */
export const peerVersion = (name: keyof typeof versions): string => versions[name];
