// Tables as text: TSV (cells between tabs, nothing quoted) and CSV (RFC 4180: cells may be in double quotes).
// Every row has as many cells as the first; a row that has not is an error with its line number.

import { argumentError } from "@torchium/tensor";
import { type DatasetFormat, defineLineFormat, type LineParser, type Place } from "./line-format.js";

/** Settings of `tsv` and `csv`. */
export interface DelimitedOptions {
  /** The first line names the cells, and rows are objects; false by default: rows are arrays. */
  readonly header?: boolean;
  /** What stands between cells; a tab in `tsv`, a comma in `csv`. */
  readonly delimiter?: string;
  /** Cells may be in double quotes, hold delimiters and line ends, and `""` is a quote; false in `tsv`, true in `csv`. */
  readonly quotes?: boolean;
  /** Largest number of cells: the last one takes the rest of the line as it stands. Not together with `quotes`. */
  readonly maxCells?: number;
}

/** A row of a table whose first line names the cells. */
export type NamedRow = Readonly<Record<string, string>>;

/** Tab-separated values, nothing quoted. @throws `argument` for options that make no sense. */
export function tsv(options: DelimitedOptions & { readonly header: true }): DatasetFormat<NamedRow>;
export function tsv(options?: DelimitedOptions & { readonly header?: false }): DatasetFormat<string[]>;
export function tsv(options: DelimitedOptions = {}): DatasetFormat<string[]> | DatasetFormat<NamedRow> {
  return delimited("tsv", { delimiter: "\t", quotes: false, ...options });
}

/** Comma-separated values by RFC 4180; a line end inside quotes becomes `\n`. @throws `argument` as `tsv`. */
export function csv(options: DelimitedOptions & { readonly header: true }): DatasetFormat<NamedRow>;
export function csv(options?: DelimitedOptions & { readonly header?: false }): DatasetFormat<string[]>;
export function csv(options: DelimitedOptions = {}): DatasetFormat<string[]> | DatasetFormat<NamedRow> {
  return delimited("csv", { delimiter: ",", quotes: true, ...options });
}

type Settings = DelimitedOptions & Required<Pick<DelimitedOptions, "delimiter" | "quotes">>;

function delimited(op: string, settings: Settings): DatasetFormat<string[]> | DatasetFormat<NamedRow> {
  const { header = false, delimiter, quotes, maxCells } = settings;
  if (delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw argumentError(op, "delimiter", "one character, no quote and no line end", delimiter);
  }
  if (maxCells !== undefined && (quotes || !Number.isInteger(maxCells) || maxCells < 1)) {
    throw argumentError(op, "maxCells", "a positive integer, and quotes off", maxCells);
  }
  const cells = (): LineParser<string[]> =>
    new EvenRows(quotes ? new QuotedCells(delimiter) : new PlainCells(delimiter, maxCells));
  if (!header) return defineLineFormat(op, cells);
  return defineLineFormat(op, () => new NamedCells(cells()));
}

class PlainCells implements LineParser<string[]> {
  private readonly delimiter: string;
  private readonly maxCells: number;

  constructor(delimiter: string, maxCells = Number.POSITIVE_INFINITY) {
    this.delimiter = delimiter;
    this.maxCells = maxCells;
  }

  line(text: string): string[] | undefined {
    if (text === "") return undefined;
    const cells = text.split(this.delimiter);
    if (cells.length <= this.maxCells) return cells;
    return [...cells.slice(0, this.maxCells - 1), cells.slice(this.maxCells - 1).join(this.delimiter)];
  }
}

class QuotedCells implements LineParser<string[]> {
  private readonly delimiter: string;
  private cells: string[] = [];
  // The quoted cell that goes on in the next line, and the line it began in.
  private open: string | undefined;
  private openedAt = 0;

  constructor(delimiter: string) {
    this.delimiter = delimiter;
  }

  line(text: string, place: Place): string[] | undefined {
    if (text === "" && this.open === undefined) return undefined;
    let at = 0;
    for (;;) {
      if (this.open === undefined && text[at] !== '"') {
        const end = text.indexOf(this.delimiter, at);
        const cell = text.slice(at, end < 0 ? undefined : end);
        if (cell.includes('"')) place.fail(`a quote inside a cell that does not begin with one, got ${cell}`);
        this.cells.push(cell);
        at = end < 0 ? text.length : end;
      } else {
        at = this.readQuoted(text, at, place);
        if (this.open !== undefined) return undefined;
      }
      if (at === text.length) return this.takeRow();
      if (text[at] !== this.delimiter) place.fail(`text after a closing quote, got ${text.slice(at, at + 20)}`);
      at++;
    }
  }

  end(place: Place): undefined {
    if (this.open !== undefined) place.fail("a quote is never closed", this.openedAt);
  }

  // Reads from the opening quote, or from the line's start inside one; gives the place after the closing quote.
  private readQuoted(text: string, start: number, place: Place): number {
    let at = start;
    if (this.open === undefined) {
      this.open = "";
      this.openedAt = place.line;
      at++;
    } else this.open += "\n";
    for (;;) {
      const quote = text.indexOf('"', at);
      if (quote < 0) {
        this.open += text.slice(at);
        return text.length;
      }
      this.open += text.slice(at, quote);
      at = quote + 1;
      if (text[at] !== '"') break;
      this.open += '"';
      at++;
    }
    this.cells.push(this.open);
    this.open = undefined;
    return at;
  }

  private takeRow(): string[] {
    const row = this.cells;
    this.cells = [];
    return row;
  }
}

class EvenRows implements LineParser<string[]> {
  private readonly inner: LineParser<string[]>;
  private width: number | undefined;

  constructor(inner: LineParser<string[]>) {
    this.inner = inner;
  }

  line(text: string, place: Place): string[] | undefined {
    const row = this.inner.line(text, place);
    if (row === undefined) return undefined;
    this.width ??= row.length;
    if (row.length !== this.width) {
      place.fail(`a row of another length, got ${row.length} cells, expected ${this.width} as in the first row`);
    }
    return row;
  }

  end(place: Place): string[] | undefined {
    return this.inner.end?.(place);
  }
}

class NamedCells implements LineParser<NamedRow> {
  private readonly inner: LineParser<string[]>;
  private names: readonly string[] | undefined;

  constructor(inner: LineParser<string[]>) {
    this.inner = inner;
  }

  line(text: string, place: Place): NamedRow | undefined {
    const row = this.inner.line(text, place);
    if (row === undefined) return undefined;
    if (this.names === undefined) {
      const twice = row.find((name, i) => row.indexOf(name) !== i);
      if (twice !== undefined) place.fail(`two cells have the same name, got ${twice}`);
      this.names = row;
      return undefined;
    }
    return Object.fromEntries(this.names.map((name, i) => [name, row[i] as string]));
  }

  end(place: Place): undefined {
    this.inner.end?.(place);
  }
}
