// `npm run docs`: writes the reference pages into a folder that git ignores.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referencePages } from "./docs/reference.js";
import { readCommandLine } from "./lib/command-line.js";
import { root } from "./lib/repository.js";

readCommandLine({
  name: "docs",
  about: "Writes a page for every entry of every package to docs/reference.",
  options: {},
});

for (const { path, text } of referencePages()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
