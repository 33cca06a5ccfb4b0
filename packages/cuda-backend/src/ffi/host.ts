// What the backend needs of Node and of koffi, loaded when a device is made: importing the package loads nothing and
// never throws, in browsers either.

import { TensorError } from "@torchium/tensor/backend";

/** Node's modules and koffi. */
export type Host = {
  readonly koffi: typeof import("koffi");
  readonly fs: typeof import("node:fs");
  readonly path: typeof import("node:path");
  readonly os: typeof import("node:os");
  readonly crypto: typeof import("node:crypto");
  readonly childProcess: typeof import("node:child_process");
};

// Calls run on stacks of koffi's own, of 1 MiB, and of 256 KiB on other threads: a compiler needs more.
const stackBytes = 8 * 2 ** 20;

function deepenStacks(koffi: Host["koffi"]): void {
  try {
    koffi.config({ ...koffi.config(), sync_stack_size: stackBytes, async_stack_size: stackBytes });
  } catch {
    // Another user of koffi in this process has called a function already: `hasDeepStacks` tells.
  }
}

/** Whether calls on other threads have the stack that a compiler needs. */
export const hasDeepStacks = ({ koffi }: Host): boolean => (koffi.config().async_stack_size ?? 0) >= stackBytes;

/** Loads what the backend needs. @throws TensorError `unsupported` outside Node, or where koffi has no binary */
export async function loadHost(): Promise<Host> {
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    throw new TensorError("unsupported", "cuda: needs Node, got another JavaScript engine");
  }
  const [fs, path, os, crypto, childProcess] = await Promise.all([
    import("node:fs"),
    import("node:path"),
    import("node:os"),
    import("node:crypto"),
    import("node:child_process"),
  ]);
  try {
    const koffi = await import("koffi");
    deepenStacks(koffi);
    return { koffi, fs, path, os, crypto, childProcess };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `cuda: koffi cannot be loaded (${why}); install it with its optional dependencies`;
    throw new TensorError("unsupported", message, {}, error);
  }
}
