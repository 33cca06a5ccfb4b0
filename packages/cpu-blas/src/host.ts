// What the package needs of Node and of koffi, loaded when a library is looked for: importing the package loads nothing.

import { TensorError } from "@torchium/tensor";

/** Node's modules and koffi. */
export interface Host {
  readonly koffi: typeof import("koffi");
  readonly fs: typeof import("node:fs");
  readonly os: typeof import("node:os");
  readonly vm: typeof import("node:vm");
  /** Loads CommonJS modules as this file would. */
  readonly require: NodeJS.Require;
}

/** An opened library. */
export type Library = ReturnType<Host["koffi"]["load"]>;

/** Loads what the package needs. @throws TensorError `unsupported` outside Node, or where koffi has no binary */
export async function loadHost(): Promise<Host> {
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    throw new TensorError("unsupported", "findBlas: needs Node, got another JavaScript engine");
  }
  const [fs, os, vm, module] = await Promise.all([
    import("node:fs"),
    import("node:os"),
    import("node:vm"),
    import("node:module"),
  ]);
  try {
    return { koffi: await import("koffi"), fs, os, vm, require: module.createRequire(import.meta.url) };
  } catch (error) {
    const message = `findBlas: koffi cannot be loaded (${messageOf(error)}); install it with its optional dependencies`;
    throw new TensorError("unsupported", message, {}, error);
  }
}

/** The first line of what anything thrown says. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] as string;
