// What the tests share: a terminal that remembers, temporary folders, and an example small enough to check by hand.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliEnvironment } from "../cli/environment.js";
import { choice, integer, number } from "../cli/option.js";
import { runCli } from "../cli/run-cli.js";
import type { Terminal } from "../cli/terminal.js";
import { defineExample, type Example } from "../example.js";
import type { MetricsRecord, Scores } from "../run/metrics.js";
import { train } from "../training-loop.js";

/** A terminal that keeps what was written. */
export class RecordingTerminal implements Terminal {
  readonly live: boolean;
  readonly colour: boolean;
  readonly columns: number;
  text = "";

  constructor({ live = false, colour = false, columns = 100 } = {}) {
    this.live = live;
    this.colour = colour;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }
}

/** Runs `body` in a fresh folder, which is removed afterwards. */
export async function inTemporaryFolder<T>(body: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "torchium-examples-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A command-line world that touches nothing but `cwd`. */
export function fakeEnvironment(cwd: string, examples: readonly Example[]) {
  const output = new RecordingTerminal();
  const errors = new RecordingTerminal();
  let milliseconds = 0;
  return {
    examples,
    output,
    errors,
    cwd,
    command: "npm start --",
    signals: { on: () => undefined, off: () => undefined },
    clock: () => (milliseconds += 5),
    now: () => new Date("2024-01-31T14:25:30Z"),
  } satisfies CliEnvironment;
}

/** Runs an example's command lines in a folder: exit code and what was printed. */
export const exampleRunner = (example: unknown, folder: string) => async (args: readonly string[]) => {
  const known = example as Example;
  const environment = fakeEnvironment(folder, [known]);
  const code = await runCli([known.name, ...args], environment);
  return { code, output: environment.output.text, errors: environment.errors.text };
};

/** What a run recorded, oldest first. */
export const recordsOf = (folder: string): MetricsRecord[] =>
  readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as MetricsRecord);

/** The training losses a run recorded. */
export const trainingLosses = (folder: string): number[] =>
  recordsOf(folder).flatMap(({ loss }) => (loss === undefined ? [] : [loss]));

/** The last scores a run recorded on one part of its data; none is an empty object. */
export const scoresOf = (folder: string, part: "validation" | "test"): Scores =>
  recordsOf(folder).findLast((record) => record[part] !== undefined)?.[part] ?? {};

/** A number in [0, 1) that depends on the seed and the step only (a round of splitmix32). */
export function noise(seed: number, step: number): number {
  let bits = (Math.imul(seed, 0x9e3779b9) + Math.imul(step + 1, 0x85ebca6b)) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}

/** Fits `y = slope · x` to one noisy point a step: a whole example on two numbers. */
export const lineExample = defineExample({
  name: "line",
  title: "a line through noisy points",
  data: "nothing (points are made up)",
  options: {
    slope: number({ min: -10, max: 10, help: "slope to find", default: 3 }),
    lr: number({ min: 0, aboveMin: true, help: "learning rate", default: 0.1 }),
    batchSize: integer({ min: 1, help: "points a step", default: 4 }),
  },
  useOptions: {
    form: choice(["short", "long"], { help: "how to print the result", default: "short" }),
  },
  input: "values of x to predict for",
  async train({ options, run, describe, print }) {
    const model = { weight: 0, momentum: 0 };
    describe({ parameters: 1, slope: options.slope });
    const result = await train({
      context: { run },
      steps: 40,
      step: (index) => {
        const x = noise(options.seed, index) * 2 - 1;
        const error = (model.weight - options.slope) * x;
        model.momentum = 0.9 * model.momentum + 2 * error * x;
        model.weight -= options.lr * model.momentum;
        return { loss: error * error, tokens: options.batchSize, extra: { lr: options.lr } };
      },
      evaluate: async () => ({
        loss: (model.weight - options.slope) ** 2,
        gap: Math.abs(model.weight - options.slope),
      }),
      save: async (folder) => writeFileSync(join(folder, "model.json"), JSON.stringify(model)),
      load: async (folder) => {
        Object.assign(model, JSON.parse(readFileSync(join(folder, "model.json"), "utf8")));
      },
    });
    print(`found ${model.weight.toFixed(2)} in ${result.step} steps`);
  },
  async use({ options, words, trained, print }) {
    const { weight } = JSON.parse(readFileSync(join(trained.checkpoint, "model.json"), "utf8")) as { weight: number };
    for (const word of words) {
      const value = (weight * Number(word)).toFixed(2);
      print(options.form === "short" ? value : `${trained.options.slope} ~ ${weight.toFixed(2)}: ${word} -> ${value}`);
    }
  },
});
