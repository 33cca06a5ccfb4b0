// The committed reference pages are those that the declarations give.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { referencePages } from "../docs/reference.js";
import { root } from "../lib/repository.js";

/** The pages that are missing or out of date, as `path: what to do`. */
export function outdatedPages(pages = referencePages()): readonly string[] {
  return pages
    .filter(({ path, text }) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text)
    .map(({ path }) => `${path}: is not what the declarations say; run npm run docs`);
}
