import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { inTemporaryFolder } from "../testing/fixtures.js";
import { projectText } from "./project-text.js";

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

describe("projectText", () => {
  it("reads documentation and source, and nothing else", () =>
    inTemporaryFolder(async (root) => {
      write(root, {
        "README.md": "readme",
        "docs/guide.md": "guide\r\nsecond line\r\n",
        "packages/a/src/index.ts": "source",
        "packages/a/src/index.test.ts": "TEST",
        "packages/a/src/types.d.ts": "TYPES",
        "packages/a/dist/index.ts": "BUILT",
        "packages/a/node_modules/b/index.ts": "FOREIGN",
        "packages/a/goldens/x.ts": "GOLDEN",
        "packages/a/package.json": "{}",
        "runs/notes.md": "RUN",
        "private/notes.md": "PRIVATE",
        "notes.ts": "NOTES",
      });
      const text = await projectText({ root });
      expect(text.split("\n\n").sort()).toEqual(["", "guide\nsecond line", "readme", "source"]);
      expect(await projectText({ root })).toBe(text);
    }));

  it("stops at the size asked for, and keeps documentation when not all fits", () =>
    inTemporaryFolder(async (root) => {
      const sources = Array.from({ length: 20 }, (_, i) => [`packages/p/f${i}.ts`, `source ${i} `.repeat(20)]);
      write(root, { ...Object.fromEntries(sources), "docs/a.md": "DOCUMENT" });
      const text = await projectText({ root, maxLength: 500 });
      expect(text).toHaveLength(500);
      expect(text).toContain("DOCUMENT");
    }));

  it("finds this very checkout", async () => {
    const text = await projectText({ maxLength: 200_000 });
    expect(text.length).toBe(200_000);
    expect(text).not.toContain("\r");
    // Every file begins with a comment that says what it is for: there is plenty of English in it.
    expect(text.match(/\bthe\b/g)?.length ?? 0).toBeGreaterThan(200);
  });

  it("says what is missing when there is no checkout", () =>
    inTemporaryFolder(async (root) => {
      await expect(projectText({ root })).rejects.toMatchObject({ code: "file" });
    }));
});
