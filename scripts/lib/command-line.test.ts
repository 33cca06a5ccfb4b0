import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { readCommandLine, usageOf } from "./command-line.js";
import { root } from "./repository.js";

const command = {
  name: "bake",
  about: "Bakes.",
  options: {
    hot: { type: "boolean", default: false, help: "with the upper heat" },
    minutes: { type: "string", default: "40", value: "N", help: "how long" },
    part: { type: "string" },
  },
} as const;

test("the usage lists every option that people give", () => {
  expect(usageOf(command)).toBe(
    [
      "usage: npm run bake -- [arguments]",
      "Bakes.",
      "  --hot        with the upper heat",
      "  --minutes N  how long (default 40)",
    ].join("\n"),
  );
  expect(usageOf({ ...command, words: "what to bake" })).toContain("\n  …            what to bake\n");
  expect(usageOf({ name: "bake", about: "Bakes.", options: {} })).toBe("usage: npm run bake\nBakes.");
  expect(usageOf({ name: "test", about: "Tests.", tool: "vitest" })).toBe(
    "usage: npm test -- [arguments]\nTests.\n  …  what vitest takes",
  );
});

test("options have their values, also those that are not listed", () => {
  const { values } = readCommandLine(command, ["--part", "x", "--hot"]);
  expect(values).toEqual({ hot: true, minutes: "40", part: "x" });
});

test.each([
  [["--nonsense"], "bake: Unknown option '--nonsense'; --help"],
  [["word"], "bake: Unexpected argument 'word'"],
  [["--minutes"], "bake: Option '--minutes <value>' argument missing; --help"],
])("%j is one line", (args, message) => {
  const exit = vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => readCommandLine(command, args)).toThrow("exit 2");
  expect(error.mock.calls).toEqual([[expect.stringContaining(message)]]);
  expect(error.mock.calls[0]![0]).not.toContain("\n");
  exit.mockRestore();
  error.mockRestore();
});

const door = (...args: readonly string[]) =>
  spawnSync(process.execPath, [join(root, "scripts", "run.mjs"), ...args], { encoding: "utf8" });

test.each(["bench", "build", "check", "docs", "gpu:check", "quality", "test", "web"])(
  "%s --help does nothing else",
  (name) => {
    const { status, stdout, stderr } = door(name, "--help");
    expect(stderr).toBe("");
    expect(stdout).toMatch(name === "test" ? /^usage: npm test/ : new RegExp(`^usage: npm run ${name}`));
    expect(status).toBe(0);
  },
);

test.each([
  ["bench --nonsense", "bench: Unknown option '--nonsense'"],
  ["bench --rounds none", "bench: --rounds is no count, got none, expected a whole number above 0"],
  ["bench --backend tpu", "bench: --backend is no backend, got tpu, expected cpu or webgpu"],
  ["bench --only nonsense", "bench: --only names no row and no group, got nonsense"],
  ["bench --compare no-such.json --only nonsense", "bench: --compare names no result, got no-such.json"],
  ["quality --nonsense", "quality: Unknown option '--nonsense'"],
  ["docs --nonsense", "docs: Unknown option '--nonsense'"],
  ["check nonsense", "check: no such step, got nonsense, expected some of format and lint, types, "],
  ["gpu:check --nonsense", "gpu:check: Unknown option '--nonsense'"],
])("%s is one line", (line, message) => {
  const { status, stderr } = door(...line.split(" "));
  expect(stderr.startsWith(message), stderr).toBe(true);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect(status).toBe(2);
});
