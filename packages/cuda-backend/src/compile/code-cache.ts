// Compiled kernels on disk, by the hash of all that decides them. Files appear whole or not at all, several processes
// may share a folder, and a file that is not what was written counts as missing.

import type { Host } from "../ffi/host.js";

const magic = "torchium-cuda-1\n";
const hashLength = 32;

/** Where compiled kernels are kept unless the user says otherwise. */
export function defaultCacheDirectory({ os, path }: Host): string {
  const named = process.env["TORCHIUM_CUDA_CACHE"];
  if (named) return named;
  const base =
    process.platform === "win32"
      ? (process.env["LOCALAPPDATA"] ?? path.join(os.homedir(), "AppData", "Local"))
      : (process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"));
  return path.join(base, "torchium", "cuda");
}

/** A folder of compiled kernels. Failing to read or write it costs time, never correctness. */
export class CodeCache {
  readonly #host: Host;
  readonly #directory: string | undefined;
  #count = 0;

  /** @param directory undefined keeps nothing. */
  constructor(host: Host, directory: string | undefined) {
    this.#host = host;
    this.#directory = directory;
  }

  /** The code stored for what decided it, or undefined. */
  get(identity: readonly string[]): Uint8Array | undefined {
    if (this.#directory === undefined) return undefined;
    let file: Uint8Array;
    try {
      file = this.#host.fs.readFileSync(this.#fileOf(this.#directory, identity));
    } catch {
      return undefined;
    }
    const head = new TextEncoder().encode(magic);
    if (file.byteLength <= head.length + hashLength || !head.every((byte, i) => file[i] === byte)) return undefined;
    const told = file.subarray(head.length, head.length + hashLength);
    const code = file.subarray(head.length + hashLength);
    return this.#hash(code).equals(told) ? new Uint8Array(code) : undefined;
  }

  /** Stores code for later runs. */
  put(identity: readonly string[], code: Uint8Array): void {
    if (this.#directory === undefined) return;
    const { fs, path } = this.#host;
    const file = this.#fileOf(this.#directory, identity);
    const temporary = `${file}.${process.pid}.${this.#count++}.tmp`;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(temporary, Buffer.concat([Buffer.from(magic), this.#hash(code), code]));
      fs.renameSync(temporary, file);
    } catch {
      // A full or read-only disk: the kernel is compiled again next time.
      fs.rm(temporary, { force: true }, () => {});
    }
  }

  #fileOf(directory: string, identity: readonly string[]): string {
    const name = this.#hash(JSON.stringify(identity)).toString("hex");
    return this.#host.path.join(directory, name.slice(0, 2), `${name.slice(2)}.cubin`);
  }

  #hash(bytes: Uint8Array | string): Buffer {
    return this.#host.crypto.createHash("sha256").update(bytes).digest();
  }
}
