import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inTemporaryFolder } from "../testing/fixtures.js";
import { latestRun, newRunFolder, shellPath } from "./run-folders.js";

function makeRun(cwd: string, name: string, savedAtSeconds: number, example = name.split("-")[0]): string {
  const folder = join(cwd, "runs", name);
  mkdirSync(join(folder, "checkpoint"), { recursive: true });
  writeFileSync(join(folder, "configuration.json"), JSON.stringify({ example }));
  utimesSync(join(folder, "checkpoint"), savedAtSeconds, savedAtSeconds);
  return folder;
}

describe("newRunFolder", () => {
  it("names runs by date, and never twice the same", () =>
    inTemporaryFolder(async (cwd) => {
      const now = new Date("2024-01-31T14:25:30Z");
      const first = await newRunFolder(cwd, "gpt", now);
      expect(first).toBe(join(cwd, "runs", "gpt-2024-01-31-142530"));
      mkdirSync(first, { recursive: true });
      expect(await newRunFolder(cwd, "gpt", now)).toBe(`${first}-2`);
    }));
});

describe("latestRun", () => {
  it("is the one saved last, of this example, with a checkpoint", () =>
    inTemporaryFolder(async (cwd) => {
      makeRun(cwd, "gpt-2024-01-01-000000", 2000);
      makeRun(cwd, "gpt-2024-01-02-000000", 1000);
      makeRun(cwd, "ner-2024-01-03-000000", 3000);
      mkdirSync(join(cwd, "runs", "gpt-2024-01-04-000000"));
      expect(await latestRun(cwd, "gpt")).toBe(join(cwd, "runs", "gpt-2024-01-01-000000"));
      const named = makeRun(cwd, "mine", 4000, "gpt");
      expect(await latestRun(cwd, "gpt")).toBe(named);
      await expect(latestRun(cwd, "glove")).rejects.toMatchObject({ code: "file" });
    }));
});

describe("shellPath", () => {
  it.skipIf(process.platform === "win32")("is short where it can be, and quoted where it must be", () => {
    expect(shellPath("/home/me/runs/gpt-1", "/home/me")).toBe("runs/gpt-1");
    expect(shellPath("/elsewhere/run", "/home/me")).toBe("/elsewhere/run");
    expect(shellPath("/home/me", "/home/me")).toBe("/home/me");
    expect(shellPath("/home/me/my runs", "/home/me")).toBe("'my runs'");
    expect(shellPath("/home/me/it's", "/home/me")).toBe("'it'\\''s'");
  });
});
