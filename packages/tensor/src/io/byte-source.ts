// Ranges of bytes, from memory or from a file, so that a large file is read tensor by tensor.

import { argumentError } from "../errors.js";
import { fileError, nodeModules } from "./files.js";

/** A path (in Node), or the content itself. */
export type BytesOrPath = string | Uint8Array | ArrayBuffer;

/** Readable bytes. */
export type ByteSource = {
  /** The path, or "the bytes given". */
  readonly name: string;
  readonly byteLength: number;
  /** A copy of a range, or less where the bytes end. */
  read(start: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
};

// One read call of the system returns less than 2 GiB.
const maxRead = 1 << 30;

/**
 * Opens a source for the time of `use`.
 * @throws TensorError `file` when it cannot be read, `argument` when it is neither path nor bytes
 */
export async function withSource<R>(
  op: string,
  source: BytesOrPath,
  use: (source: ByteSource) => Promise<R>,
): Promise<R> {
  if (typeof source === "string") return withFile(op, source, use);
  if (!(source instanceof Uint8Array) && !(source instanceof ArrayBuffer)) {
    throw argumentError(
      op,
      "the source",
      "a path, a Uint8Array or an ArrayBuffer",
      source === null ? null : typeof source,
    );
  }
  const bytes = new Uint8Array(source instanceof ArrayBuffer ? source : source.buffer, ...rangeOf(source));
  return use({
    name: "the bytes given",
    byteLength: bytes.byteLength,
    read: async (start, byteLength) => new Uint8Array(bytes.subarray(start, start + byteLength)),
  });
}

const rangeOf = (source: Uint8Array | ArrayBuffer): [number, number] =>
  source instanceof ArrayBuffer ? [0, source.byteLength] : [source.byteOffset, source.byteLength];

async function withFile<R>(op: string, path: string, use: (source: ByteSource) => Promise<R>): Promise<R> {
  const { fs } = await nodeModules(op);
  try {
    const file = await fs.open(path, "r");
    try {
      const { size } = await file.stat();
      const read = async (start: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> => {
        const bytes = new Uint8Array(Math.max(0, Math.min(byteLength, size - start)));
        let done = 0;
        while (done < bytes.length) {
          const length = Math.min(bytes.length - done, maxRead);
          const { bytesRead } = await file.read(bytes, done, length, start + done);
          if (bytesRead === 0) return bytes.slice(0, done);
          done += bytesRead;
        }
        return bytes;
      };
      return await use({ name: path, byteLength: size, read });
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(op, path, error);
  }
}
