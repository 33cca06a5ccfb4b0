// A program for the signal tests: trains until it is told to stop, never waiting for anything but settled promises.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../cli/run-cli.js";
import { terminalOf } from "../cli/terminal.js";
import { defineExample } from "../example.js";
import { train } from "../training-loop.js";

const stubborn = defineExample({
  name: "stubborn",
  title: "counts its steps",
  data: "nothing",
  options: {},
  useOptions: {},
  async train({ run, print }) {
    const model = { steps: 0 };
    const result = await train({
      context: { run },
      steps: 1e9,
      logEvery: 1,
      step: async (index) => {
        const until = performance.now() + 1;
        while (performance.now() < until) model.steps = index + 1;
        if (index === 0) print("first step");
        return { loss: 1, tokens: 1 };
      },
      save: async (folder) => {
        writeFileSync(join(folder, "model.json"), JSON.stringify(model));
        // Long enough for a second signal to arrive before the save is done.
        if (process.env.SLOW_SAVE !== undefined) await new Promise((resolve) => setTimeout(resolve, 20_000));
      },
      load: async (folder) => {
        Object.assign(model, JSON.parse(readFileSync(join(folder, "model.json"), "utf8")));
        print(`resumed at ${model.steps}`);
      },
    });
    print(`finished at ${result.step}`);
  },
  use: async () => {},
});

process.exitCode = await runCli(process.argv.slice(2), {
  examples: [stubborn],
  output: terminalOf(process.stdout, process.env),
  errors: terminalOf(process.stderr, process.env),
  cwd: process.cwd(),
  command: "npm start --",
  signals: process,
  clock: () => performance.now(),
  now: () => new Date(),
});
