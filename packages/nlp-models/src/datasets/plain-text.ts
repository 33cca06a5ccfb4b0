// Plain text, one sentence or paragraph a line; and two files whose lines translate each other.

import { TensorError } from "@torchium/tensor";
import { type DatasetFormat, defineLineFormat } from "./line-format.js";
import { sourceName, type TextSource } from "./text-source.js";

/** Settings of `textLines`. */
export interface TextLinesOptions {
  /** Leave out lines that hold nothing but white space; false by default. */
  readonly skipBlank?: boolean;
}

/** Plain text: a row is a line, without its end. */
export function textLines(options: TextLinesOptions = {}): DatasetFormat<string> {
  const { skipBlank = false } = options;
  return defineLineFormat("textLines", () => ({
    line: (text) => (skipBlank && text.trim() === "" ? undefined : text),
  }));
}

/** A sentence and its translation. */
export interface SentencePair {
  readonly source: string;
  readonly target: string;
}

/**
 * Parallel text: line i of one source translates line i of the other.
 * @throws `file` when one cannot be read, `format` when one is empty or they have different numbers of lines.
 */
export async function readParallelText(source: TextSource, target: TextSource): Promise<SentencePair[]> {
  const [sources, targets] = await Promise.all([textLines().read(source), textLines().read(target)]);
  if (sources.length !== targets.length) {
    const got = `${sources.length} in ${sourceName(source)} and ${targets.length} in ${sourceName(target)}`;
    throw new TensorError("format", `readParallelText: the numbers of lines differ, got ${got}`, {
      op: "readParallelText",
      lines: [sources.length, targets.length],
    });
  }
  return sources.map((text, i) => ({ source: text, target: targets[i] as string }));
}
