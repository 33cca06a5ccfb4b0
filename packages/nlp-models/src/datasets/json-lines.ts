// JSON Lines: one JSON value a line; blank lines are skipped.

import { type DatasetFormat, defineLineFormat } from "./line-format.js";

/**
 * JSON Lines. `convert` turns a parsed value into a row, or undefined to leave it out, and throws when the value is
 * not what it should be; its message then stands in the `format` error, with the line's number. Without `convert`
 * rows are the parsed values.
 */
export function jsonLines(): DatasetFormat<unknown>;
export function jsonLines<Row>(convert: (value: unknown) => Row): DatasetFormat<Row>;
export function jsonLines(convert: (value: unknown) => unknown = (value) => value): DatasetFormat<unknown> {
  return defineLineFormat("jsonLines", () => ({
    line: (text, place) => {
      if (text.trim() === "") return undefined;
      try {
        return convert(JSON.parse(text));
      } catch (error) {
        return place.fail((error as Error).message);
      }
    },
  }));
}
