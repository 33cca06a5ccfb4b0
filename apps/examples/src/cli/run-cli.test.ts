import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TensorError } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import type { Example } from "../example.js";
import { fakeEnvironment, inTemporaryFolder, lineExample } from "../testing/fixtures.js";
import { runCli } from "./run-cli.js";

/** Runs one command line in `cwd`; gives what it printed and its exit code. */
async function cli(cwd: string, line: string, examples: readonly Example[] = [lineExample]) {
  const environment = fakeEnvironment(cwd, examples);
  const code = await runCli(line.split(" ").filter(Boolean), environment);
  return { code, output: environment.output.text, errors: environment.errors.text };
}

const failing = (error: unknown): Example => ({
  ...lineExample,
  train: () => Promise.reject(error),
});

describe("training", () => {
  it("says what it does, where the run is, and how the model is used", () =>
    inTemporaryFolder(async (cwd) => {
      const { code, output, errors } = await cli(cwd, "line --slope 2");
      expect(errors).toBe("");
      expect(code).toBe(0);
      const folder = join("runs", "line-2024-01-31-142530");
      expect(output).toContain("line: a line through noisy points\ndevice: cpu: ");
      expect(output).toContain(`\nparameters: 1\nslope: 2\nrun folder: ${folder}\n`);
      expect(output).toMatch(/found 2\.\d\d in 40 steps|found 1\.9\d in 40 steps/);
      expect(output).toContain(`  npm start -- line use --from ${folder}\n`);
      const configuration = JSON.parse(readFileSync(join(cwd, folder, "configuration.json"), "utf8"));
      expect(configuration).toMatchObject({
        example: "line",
        started: "2024-01-31T14:25:30.000Z",
        options: { slope: 2, lr: 0.1, batchSize: 4, seed: 1337, backend: "cpu" },
        facts: { parameters: 1, slope: 2 },
      });
      expect(configuration.options).not.toHaveProperty("help");
    }));

  it("continues the same run: same numbers as one that never stopped", () =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out whole --seed 5");
      await cli(cwd, "line --out parts --seed 5 --steps 13");
      const { code, output } = await cli(cwd, "line --resume parts --steps 40");
      expect(code).toBe(0);
      expect(output).toContain("run folder: parts (resumed)");
      const model = (name: string) => readFileSync(join(cwd, name, "checkpoint", "model.json"), "utf8");
      expect(model("parts")).toBe(model("whole"));
    }));

  it("keeps a changed --steps for the next resume", () =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out run --steps 5");
      expect((await cli(cwd, "line --resume run")).output).toContain("in 5 steps");
      expect((await cli(cwd, "line --resume run --steps 9")).output).toContain("in 9 steps");
      expect((await cli(cwd, "line --resume run")).output).toContain("in 9 steps");
    }));

  it.each([
    ["line --resume run --seed 2", "--seed: a resumed run keeps its value, got 2, expected 1337"],
    ["line --resume run --slope 4", "--slope: a resumed run keeps its value, got 4, expected 3"],
    ["line --resume run --out other", "--out: a resumed run stays in its folder"],
    ["line --resume nowhere", "run folder: configuration.json is missing"],
    ["line --out run", "--out: this folder holds a run already"],
    ["line --out run/metrics.jsonl", "--out: this is a file, got "],
    ["other --resume run", "is a run of line, expected one of other"],
    ["line --steps none", '--steps: expected a whole number of at least 1, got "none"'],
    ["lnie", "did you mean line?"],
    [
      "line --blas nonsense",
      "--blas: neither auto, off nor a library, got nonsense, expected one of these or an existing library's file",
    ],
  ])("%s is a user's mistake: one line, no stack, exit code 2", (line, message) =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out run --steps 2");
      const { code, errors } = await cli(cwd, line, [lineExample, { ...lineExample, name: "other" }]);
      expect(errors).toContain(message);
      expect(errors).not.toContain("    at ");
      expect(errors.trimEnd().split("\n")).toHaveLength(1);
      expect(code).toBe(2);
    }),
  );

  it.each([
    ['{"format": 1', "is not JSON"],
    ['{"format": 99}', "must be 1, got 99"],
    ["[]", "must be 1, got none"],
    ['{"format":1,"example":"line","options":{"lr":-1}}', '--lr: expected a number above 0, got "-1"'],
  ])("a damaged configuration file is an error too: %s", (content, message) =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out run --steps 2");
      writeFileSync(join(cwd, "run", "configuration.json"), content);
      const { code, errors } = await cli(cwd, "line --resume run");
      expect(errors).toContain(message);
      expect(code).toBe(2);
    }),
  );

  it("refuses a checkpoint whose progress is damaged", () =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out run --steps 2");
      writeFileSync(join(cwd, "run", "checkpoint", "progress.json"), '{"step": "two"}');
      const { code, errors } = await cli(cwd, "line --resume run");
      expect(errors).toContain('must be a number of at least 0, got "two"');
      expect(code).toBe(2);
    }));
});

describe("errors", () => {
  it.each([
    ["a file that is missing", new TensorError("file", "text: no such file, got x.txt"), 2, false],
    ["a bug in tensor code", new TensorError("shape", "matmul: inner sizes differ, got [2, 3] and [4, 5]"), 1, true],
    ["a bug elsewhere", new TypeError("x is not a function"), 1, true],
    ["something odd", "a thrown string", 1, true],
  ])("%s", (_, error, expectedCode, stack) =>
    inTemporaryFolder(async (cwd) => {
      const { code, output, errors } = await cli(cwd, "line", [failing(error)]);
      expect(code).toBe(expectedCode);
      expect(errors.includes("\n    at ")).toBe(stack);
      expect(errors).toContain(error instanceof Error ? error.message : "a thrown string");
      expect(existsSync(join(cwd, "runs"))).toBe(false);
      expect(output).not.toContain("run folder");
    }),
  );
});

describe("use", () => {
  it("takes the newest run, or the one that is named", () =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out elsewhere --slope -2");
      await cli(cwd, "line --slope 3");
      const newest = await cli(cwd, "line use --form long 1");
      expect(newest.output).toMatch(/^3 ~ \d\.\d\d: 1 -> \d\.\d\d\n$/);
      const named = await cli(cwd, "line use --from elsewhere 1 2");
      expect(named.output).toMatch(/^-\d\.\d\d\n-\d\.\d\d\n$/);
      expect(named.code).toBe(0);
    }));

  it.each([
    ["line use 1", "--from: no trained line in"],
    ["line use --from nowhere 1", "configuration.json is missing"],
  ])("%s without a run is a user's mistake", (line, message) =>
    inTemporaryFolder(async (cwd) => {
      const { code, errors } = await cli(cwd, line);
      expect(errors).toContain(message);
      expect(code).toBe(2);
    }),
  );

  it("says so when the run has no checkpoint yet", () =>
    inTemporaryFolder(async (cwd) => {
      await cli(cwd, "line --out run --steps 2");
      const configuration = readFileSync(join(cwd, "run", "configuration.json"));
      const bare = join(cwd, "bare");
      mkdirSync(bare);
      writeFileSync(join(bare, "configuration.json"), configuration);
      const { errors } = await cli(cwd, "line use --from bare 1");
      expect(errors).toContain("--from: the run has no checkpoint");
    }));
});

describe("help", () => {
  it("goes to the output, with exit code 0", () =>
    inTemporaryFolder(async (cwd) => {
      const examples = [{ ...lineExample, name: "gpt" }, lineExample];
      const overview = await cli(cwd, "--help", examples);
      expect(overview).toMatchObject({ code: 0, errors: "" });
      expect(overview.output).toContain("Usage: npm start -- [example] [use] [options]");
      expect((await cli(cwd, "line --help", examples)).output).toContain("Options of line");
      expect((await cli(cwd, "line use --help", examples)).output).toContain("Usage: npm start -- line use");
    }));
});
