// A file format as one value: how lines become rows. From it follow reading a text, a file and a stream.
// A row is given as soon as it is complete, so a stream needs no more memory than its longest row.

import { TensorError } from "@torchium/tensor";
import { lineBlocks, sourceName, splitLines, type TextSource } from "./text-source.js";

/** A dataset format: the same rows from a text in memory, a file, or a stream. */
export interface DatasetFormat<Row> {
  /** The rows of a text. @throws `format` for a malformed line, named by number, or a text without rows. */
  parse(text: string): Row[];
  /** The rows of a path or stream. @throws `file` when it cannot be read, `format` as in `parse`. */
  read(source: TextSource): Promise<Row[]>;
  /** The rows of a path or stream, one at a time. @throws `file` and `format` as in `read`. */
  stream(source: TextSource): AsyncGenerator<Row>;
}

/** Where in the text a parser is; `fail` throws a `format` error that says so. */
export interface Place {
  /** Number of the current line, from 1. */
  readonly line: number;
  fail(why: string, line?: number): never;
}

/** Turns lines into rows, one line at a time; each line completes at most one row. */
export interface LineParser<Row> {
  line(text: string, place: Place): Row | undefined;
  /** Called after the last line. */
  end?(place: Place): Row | undefined;
}

/** A format from its name (for messages) and a function that makes a fresh parser. */
export function defineLineFormat<Row>(op: string, makeParser: () => LineParser<Row>): DatasetFormat<Row> {
  const stream = async function* (source: TextSource): AsyncGenerator<Row> {
    const run = new Run(op, sourceName(source), makeParser());
    for await (const lines of lineBlocks(source)) yield* run.rows(lines);
    yield* run.end();
  };
  return {
    parse: (text) => {
      const run = new Run(op, "the text", makeParser());
      return [...run.rows(splitLines(text)), ...run.end()];
    },
    read: async (source) => {
      const rows: Row[] = [];
      for await (const row of stream(source)) rows.push(row);
      return rows;
    },
    stream,
  };
}

class Run<Row> implements Place {
  line = 0;
  private count = 0;
  private readonly op: string;
  private readonly name: string;
  private readonly parser: LineParser<Row>;

  constructor(op: string, name: string, parser: LineParser<Row>) {
    this.op = op;
    this.name = name;
    this.parser = parser;
  }

  *rows(lines: readonly string[]): Generator<Row> {
    for (const text of lines) {
      this.line++;
      yield* this.counted(this.parser.line(text, this));
    }
  }

  *end(): Generator<Row> {
    yield* this.counted(this.parser.end?.(this));
    if (this.count > 0) return;
    const why = this.line === 0 ? "is empty" : `has no rows in its ${this.line} lines`;
    throw new TensorError("format", `${this.op}: ${this.name} ${why}`, { op: this.op, source: this.name });
  }

  fail(why: string, line = this.line): never {
    const details = { op: this.op, source: this.name, line };
    throw new TensorError("format", `${this.op}: line ${line} of ${this.name}: ${why}`, details);
  }

  private *counted(row: Row | undefined): Generator<Row> {
    if (row === undefined) return;
    this.count++;
    yield row;
  }
}
