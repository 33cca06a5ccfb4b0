import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inTemporaryFolder } from "../testing/fixtures.js";
import { readJson, recoverFolder, replaceFolder, writeFileAtomic } from "./files.js";

describe("writeFileAtomic", () => {
  it("writes and overwrites, and leaves nothing beside the file", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a.txt");
      await writeFileAtomic(path, "first");
      await writeFileAtomic(path, new TextEncoder().encode("second"));
      expect(readFileSync(path, "utf8")).toBe("second");
      expect(readdirSync(folder)).toEqual(["a.txt"]);
    }));

  it("says what is wrong, and where", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "missing", "a.txt");
      await expect(writeFileAtomic(path, "x")).rejects.toMatchObject({
        code: "file",
        message: `write a.txt: no such file or folder, got ${path}`,
      });
    }));
});

describe("replaceFolder", () => {
  const fillWith = (content: string) => (folder: string) => writeFile(join(folder, "model"), content);

  it("puts a new folder in the old one's place", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "checkpoint");
      await replaceFolder(path, fillWith("one"));
      await replaceFolder(path, fillWith("two"));
      expect(readFileSync(join(path, "model"), "utf8")).toBe("two");
      expect(readdirSync(folder)).toEqual(["checkpoint"]);
    }));

  it("keeps the old folder, whole, when filling the new one fails", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "checkpoint");
      await replaceFolder(path, fillWith("one"));
      const failing = replaceFolder(path, async (fresh) => {
        await fillWith("half")(fresh);
        throw new Error("the disk is gone");
      });
      await expect(failing).rejects.toThrow("the disk is gone");
      expect(readFileSync(join(path, "model"), "utf8")).toBe("one");
      expect(readdirSync(folder)).toEqual(["checkpoint"]);
    }));

  it("works over what a killed process left behind", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "checkpoint");
      for (const left of [`${path}.new`, `${path}.old`]) {
        mkdirSync(left);
        writeFileSync(join(left, "model"), "left");
      }
      await replaceFolder(path, fillWith("one"));
      expect(readdirSync(folder)).toEqual(["checkpoint"]);
      expect(readFileSync(join(path, "model"), "utf8")).toBe("one");
    }));
});

describe("recoverFolder", () => {
  it("puts the old folder back when the exchange was cut in two", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "checkpoint");
      mkdirSync(path);
      renameSync(path, `${path}.old`);
      await recoverFolder(path);
      expect(existsSync(path)).toBe(true);
      await recoverFolder(path);
      expect(readdirSync(folder)).toEqual(["checkpoint"]);
    }));
});

describe("readJson", () => {
  it("tells a missing file from a damaged one", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a.json");
      await expect(readJson("test", path)).rejects.toMatchObject({ code: "file" });
      writeFileSync(path, '{"a": 1');
      await expect(readJson("test", path)).rejects.toMatchObject({ code: "format" });
    }));
});
