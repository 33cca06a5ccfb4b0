// A peer's side: answers requests on standard input, one JSON line each, with times on standard output. A peer never
// works unasked, so that the processes take turns on the machine.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Row } from "./rows.js";

/** One row's work, ready to be repeated. */
export interface Work {
  run(): void | Promise<void>;
  /** Mean size of the result's elements, to compare between peers. */
  check?(): number | Promise<number>;
  dispose?(): void;
}

/** Makes the work of a row; undefined where the peer has no such thing. */
export type Prepare = (row: Row) => Work | undefined | Promise<Work | undefined>;

/** What the command asks. */
export interface Request {
  readonly row: Row;
  readonly milliseconds: number;
}

/** What a peer answers: nanoseconds a run, one sample each; or why there are none. */
export interface Answer {
  readonly times?: readonly number[];
  readonly check?: number;
  /** The most memory the process has held since it greeted, above what it held then; where the system tells. */
  readonly peakBytes?: number;
  readonly missing?: string;
}

/** What a peer says first. */
export interface Greeting {
  readonly name: string;
  readonly version: string;
  readonly threads: number;
}

/** Inputs without a random generator: sin(i + seed), the same in every language. */
export const wave = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + seed));

/** Ids below `limit` that jump about. */
export const idWave = (count: number, limit: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => (i * 7919) % limit);

/** Ids below `limit` as words are distributed: id k about as often as 1/(k + 1). */
export const zipfIds = (count: number, limit: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) =>
    Math.min(limit - 1, Math.floor((limit + 1) ** ((i * 0.6180339887498949) % 1)) - 1),
  );

/** Mean of |x|, not more than the first million elements. */
export function meanSize(x: ArrayLike<number>): number {
  const count = Math.min(x.length, 1 << 20);
  let total = 0;
  for (let i = 0; i < count; i++) total += Math.abs(x[i]!);
  return total / count;
}

/** A line of Linux's account of this process, in bytes: `VmRSS`, or `VmHWM` for the most so far. */
function memoryOf(field: "VmRSS" | "VmHWM"): number | undefined {
  if (!existsSync("/proc/self/status")) return undefined;
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

const sampleMilliseconds = 5;
const warmUpMilliseconds = 500;

/** Runs `work` for about that long: times of samples that are each long enough for the clock. */
async function sample(work: Work, milliseconds: number, state: { turns: number }): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + milliseconds;
  while (times.length < 3 || performance.now() < until) {
    const start = performance.now();
    for (let turn = 0; turn < state.turns; turn++) {
      const pending = work.run();
      if (pending) await pending;
    }
    const elapsed = performance.now() - start;
    times.push((elapsed * 1e6) / state.turns);
    const wanted = Math.round((state.turns * sampleMilliseconds) / Math.max(elapsed, 0.01));
    state.turns = Math.max(1, Math.min(wanted, 100_000));
    // A turn of the event loop, so that garbage can be finalized.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return times;
}

/** Greets, then serves until standard input closes. */
export async function serve(greeting: Greeting, prepare: Prepare): Promise<void> {
  const send = (x: Greeting | Answer): void => void process.stdout.write(`${JSON.stringify(x)}\n`);
  const idle = memoryOf("VmRSS");
  // Counts the most from here on.
  if (idle !== undefined) writeFileSync("/proc/self/clear_refs", "5");
  const memory = (row: Row): Pick<Answer, "peakBytes"> => {
    const peak = memoryOf("VmHWM");
    return row.tokens !== undefined && idle !== undefined && peak !== undefined ? { peakBytes: peak - idle } : {};
  };
  let current: { readonly name: string; readonly work: Work; readonly state: { turns: number } } | undefined;
  send(greeting);
  for await (const line of createInterface({ input: process.stdin })) {
    const { row, milliseconds } = JSON.parse(line) as Request;
    try {
      if (current?.name === row.name) {
        const times = await sample(current.work, milliseconds, current.state);
        send({ times, ...memory(row) });
        continue;
      }
      current?.work.dispose?.();
      current = undefined;
      const work = await prepare(row);
      if (work === undefined) {
        send({ missing: "not offered" });
        continue;
      }
      current = { name: row.name, work, state: { turns: 1 } };
      const check = await work.check?.();
      // The first round warms up: memory is taken, and the engine optimizes the code on another thread meanwhile.
      const times = await sample(work, Math.max(milliseconds, warmUpMilliseconds), current.state);
      send({ times, ...(check !== undefined && { check }) });
    } catch (error) {
      current = undefined;
      send({ missing: error instanceof Error ? error.message.split("\n")[0]! : String(error) });
    }
  }
  process.exit(0);
}

/** Threads this peer was asked to use. */
export const threadsAsked = (): number => Number(process.argv[2] ?? 1);
