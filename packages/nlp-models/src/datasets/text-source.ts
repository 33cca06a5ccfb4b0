// Where text comes from: a path, a file URL, or chunks that arrive. UTF-8, read piece by piece, never whole.
// A file that is missing or is no text is a clear error; nothing is downloaded.

import { TensorError } from "@torchium/tensor";

/**
 * A place to read text from: a path or `file:` URL (Node), or chunks of text or UTF-8 bytes, such as the body of a
 * fetch response or the stream of a File.
 */
export type TextSource = string | URL | AsyncIterable<string | Uint8Array> | ReadableStream<Uint8Array>;

/** A source in few words, for messages. */
export function sourceName(source: TextSource): string {
  if (typeof source === "string") return source;
  return source instanceof URL ? source.href : "the given stream";
}

/** The source's text in chunks. @throws `file` when it cannot be opened or read, `format` when it is not UTF-8. */
async function* textChunks(source: TextSource): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (error) {
      throw new TensorError("format", `read: ${sourceName(source)} is not UTF-8 text`, { op: "read" }, error);
    }
  };
  for await (const chunk of await openChunks(source)) {
    yield typeof chunk === "string" ? chunk : decode(chunk);
  }
  yield decode();
}

/** The source's whole text. @throws `file` when it cannot be read, `format` when it is not UTF-8. */
export async function readText(source: TextSource): Promise<string> {
  const parts: string[] = [];
  for await (const chunk of textChunks(source)) parts.push(chunk);
  return withoutMark(parts.join(""));
}

/** The lines of a text; `\n`, `\r\n` and `\r` end a line, and the last needs no end. */
export function splitLines(text: string): string[] {
  return cutLines(withoutMark(text));
}

/** The lines of a source, some at a time. @throws `file` when it cannot be read, `format` when it is not UTF-8. */
export async function* lineBlocks(source: TextSource): AsyncGenerator<string[]> {
  let rest = "";
  let first = true;
  for await (const chunk of textChunks(source)) {
    if (chunk === "") continue;
    // A last \r waits for the next chunk, which may begin with its \n.
    const complete = rest.endsWith("\r") || /[\r\n]/.test(chunk);
    rest += first ? withoutMark(chunk) : chunk;
    first = false;
    if (!complete) continue;
    const waiting = rest.endsWith("\r") ? "\r" : "";
    const lines = rest.slice(0, rest.length - waiting.length).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + waiting;
    if (lines.length > 0) yield lines;
  }
  const last = cutLines(rest);
  if (last.length > 0) yield last;
}

function cutLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function withoutMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

async function openChunks(source: TextSource): Promise<AsyncIterable<string | Uint8Array>> {
  if (typeof source === "string" || source instanceof URL) return fileChunks(source);
  return Symbol.asyncIterator in source ? source : streamChunks(source);
}

// Not every browser can iterate a stream.
async function* streamChunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

async function* fileChunks(path: string | URL): AsyncGenerator<Uint8Array> {
  const { createReadStream } = await import("node:fs");
  try {
    yield* createReadStream(path) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const reason = (error as { code?: string }).code ?? "unknown reason";
    const why = reasons[reason] ?? `cannot be read (${reason})`;
    throw new TensorError("file", `read: file ${why}, got ${sourceName(path)}`, { op: "read", path }, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder",
  EACCES: "may not be read",
  EPERM: "may not be read",
};
