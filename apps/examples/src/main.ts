// The program behind `npm start -- <example> [use] [options]`.
import { runCli } from "./cli/run-cli.js";
import { terminalOf } from "./cli/terminal.js";
import { examples } from "./examples.js";

process.exitCode = await runCli(process.argv.slice(2), {
  examples,
  output: terminalOf(process.stdout, process.env),
  errors: terminalOf(process.stderr, process.env),
  // npm moves to the folder of its package.json; what the person typed is relative to where they typed it.
  cwd: process.env.INIT_CWD ?? process.cwd(),
  command: "npm start --",
  signals: process,
  clock: () => performance.now(),
  now: () => new Date(),
});
