// Where the JavaScript peers live: in a folder that git ignores, filled on request, never a dependency of the project.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../lib/repository.js";

/** The folder the JavaScript peers are installed into. */
export const peersFolder = join(root, ".cache", "bench-peers");

const versions = {
  "@jax-js/jax": "0.1.25",
  "@tensorflow/tfjs-core": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
} as const;

/** Writes the manifest that npm installs in `peersFolder`. */
export function writePeerManifest(): void {
  mkdirSync(peersFolder, { recursive: true });
  writeFileSync(join(peersFolder, "package.json"), `${JSON.stringify({ private: true, dependencies: versions })}\n`);
}

const peerRequire = createRequire(join(peersFolder, "package.json"));

/** A peer's module. @throws Error where it is not installed */
export function loadPeer<T>(name: string): T {
  return peerRequire(name) as T;
}

/** The installed version of a peer. */
export const peerVersion = (name: keyof typeof versions): string => versions[name];
