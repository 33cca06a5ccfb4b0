// The costs beside the arithmetic: what was measured, in words, with its aim.
import { performance } from "node:perf_hooks";
import { root } from "../lib/repository.js";
import { runNode } from "../lib/tools.js";
import { quantile } from "./statistics.js";

/** Figures by name. */
export type HostFigures = Readonly<Record<string, number>>;

const meanings: Readonly<Record<string, string>> = {
  startToFirstStepMilliseconds: "process start to the first finished GPT step, ms (aim 1500)",
  modules: "WebAssembly modules of that step",
  bytesPerModule: "bytes a module",
  millisecondsPerModule: "milliseconds to compile a module",
  tinyStepMicroseconds: "a GPT step with next to no arithmetic, µs",
  tinyStepReplayedMicroseconds: "the same, compiled: µs a call (aim 50, without its launches)",
  newLengthRatio: "a step at a length never seen, over the same length again (aim 1.2)",
  kernelsCompiled: "kernels compiled at twelve such lengths (aim 0)",
  plansBuilt: "plans built at twelve such lengths (aim 0)",
};

/** The figures in words, one line each. */
export const hostText = (host: HostFigures): readonly string[] =>
  Object.entries(host).map(([name, value]) => `${meanings[name] ?? name}: ${value.toPrecision(4)}`);

const file = "scripts/bench/peers/host.ts";

async function ask(what: string): Promise<HostFigures> {
  const { output } = await runNode(`${root}/scripts/run.mjs`, ["ts", file, what], { capture: true });
  const line = output.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`bench: ${file} printed no result, got\n${output}`);
  return JSON.parse(line) as HostFigures;
}

/** Measures them, each in processes of its own. */
export async function measureHost(): Promise<HostFigures> {
  const starts: number[] = [];
  let first: HostFigures = {};
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    first = await ask("first");
    starts.push(performance.now() - start);
  }
  const startToFirstStepMilliseconds = quantile(starts, 0.5);
  return { startToFirstStepMilliseconds, ...first, ...(await ask("replay")), ...(await ask("lengths")) };
}
