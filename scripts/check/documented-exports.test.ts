// The docstring check on small modules of its own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../lib/repository.js";
import { undocumentedExports } from "./documented-exports.js";

let folder = "";
beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache", "documented-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("names the exports that have no docstring, re-exported ones where they are declared", () => {
  writeFileSync(join(folder, "part.ts"), "/** Said. */\nexport const said = 1;\n\nexport const silent = 2;\n");
  writeFileSync(join(folder, "whole.ts"), "// What it is for.\n\n/** One. */\nexport const one = 1;\n");
  writeFileSync(
    join(folder, "declared.ts"),
    "const declare = (name: string, about: { doc: string }) => name + about.doc;\n" +
      'export const add = declare("add", { doc: "a + b" });\nexport const sub = declare("sub", { doc: "" });\n',
  );
  writeFileSync(
    join(folder, "index.ts"),
    'export { said, silent } from "./part.js";\nexport * from "./declared.js";\nexport * as whole from "./whole.js";\n/** A type. */\nexport type A = 1;\nexport interface B {}\n',
  );
  const place = relative(root, folder).replaceAll("\\", "/");
  expect(undocumentedExports([join(folder, "index.ts")])).toEqual([
    `${place}/declared.ts:3: sub is exported without a docstring`,
    `${place}/index.ts:6: B is exported without a docstring`,
    `${place}/part.ts:4: silent is exported without a docstring`,
  ]);
});

test("a missing entry is a problem", () => {
  expect(undocumentedExports([join(folder, "nowhere.ts")])[0]).toMatch(/nowhere\.ts: is no module, or does not exist$/);
});
