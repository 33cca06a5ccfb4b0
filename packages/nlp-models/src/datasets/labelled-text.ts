// Sentences with a class: `label<TAB>text`, one a line, as the polarity and subjectivity data have it.

import { argumentError } from "@torchium/tensor";
import { type DatasetFormat, defineLineFormat } from "./line-format.js";

/** A text and its class. */
export interface LabelledText {
  /** Index of the class. */
  readonly label: number;
  readonly text: string;
}

/** Settings of `labelledText`. */
export interface LabelledTextOptions {
  /** The classes' names in the order of their indices; without them a label is the index itself, a whole number. */
  readonly labels?: readonly string[];
}

/** Lines of `label<TAB>text`; the text may hold further tabs. @throws `argument` for a label named twice. */
export function labelledText(options: LabelledTextOptions = {}): DatasetFormat<LabelledText> {
  const { labels } = options;
  if (labels !== undefined && new Set(labels).size !== labels.length) {
    throw argumentError("labelledText", "labels", "distinct", labels.join(", "));
  }
  return defineLineFormat("labelledText", () => ({
    line: (line, place) => {
      if (line === "") return undefined;
      const tab = line.indexOf("\t");
      if (tab < 0) return place.fail(`no tab between label and text, got ${line.slice(0, 40)}`);
      const name = line.slice(0, tab);
      const text = line.slice(tab + 1);
      if (labels === undefined) {
        if (!/^\d+$/.test(name)) place.fail(`label is no whole number, got ${JSON.stringify(name)}`);
        return { label: Number(name), text };
      }
      const label = labels.indexOf(name);
      if (label < 0) place.fail(`unknown label, got ${JSON.stringify(name)}, expected one of ${labels.join(", ")}`);
      return { label, text };
    },
  }));
}
