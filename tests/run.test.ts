// The door to every command says in one line what is wrong with a command line.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../scripts/lib/repository.js";

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "torchium door ")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const door = join(root, "scripts", "run.mjs");

const run = (args: readonly string[], { cwd = root, script = door } = {}) =>
  spawnSync(process.execPath, [script, ...args], { cwd, encoding: "utf8" });

test.each([
  [[], "usage: node scripts/run.mjs start | build"],
  [["nonsense"], "run: no such command, got nonsense, expected one of start, build, "],
  [["ts"], "ts: no program, got nothing, expected a TypeScript file"],
  [["ts", "no-such.ts"], "ts: no such file, got no-such.ts, expected a TypeScript file"],
  [["ts", "scripts"], "ts: no such file, got scripts, expected"],
  [["exec"], "exec: no command, got nothing, expected an installed tool"],
])("%j ends with one line and exit code 2", (args, message) => {
  const { status, stdout, stderr } = run(args);
  expect(stderr.startsWith(message), stderr).toBe(true);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect(stdout).toBe("");
  expect(status).toBe(2);
});

test("outside of its repository it says so", () => {
  const script = join(folder, "scripts", "run.mjs");
  cpSync(door, script);
  const { status, stderr } = run(["ts", "x.ts"], { cwd: folder, script });
  expect(stderr).toBe(
    `run: scripts/run.mjs is outside of its repository, got ${folder} without a package.json, expected a clone\n`,
  );
  expect(status).toBe(2);
});

test("--help is no mistake", () => {
  const { status, stdout, stderr } = run(["--help"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("usage: node scripts/run.mjs start | build");
});

test("a program may lie anywhere, named from the current folder, and import the packages", () => {
  writeFileSync(
    join(folder, "mine.ts"),
    'import { tensor } from "@torchium/tensor";\nimport { SGD } from "@torchium/optim";\nconsole.log(tensor([1]).shape, SGD.name);\n',
  );
  const { status, stdout, stderr } = run(["ts", "mine.ts"], { cwd: folder });
  expect(stderr).toBe("");
  expect(stdout).toBe("[ 1 ] SGD\n");
  expect(status).toBe(0);
});

test("what cannot be compiled is shown without a stack", () => {
  writeFileSync(join(folder, "broken.ts"), "const = 1;\n");
  const { status, stderr } = run(["ts", join(folder, "broken.ts")]);
  expect(stderr).toContain("broken.ts:1:6");
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(1);
});
