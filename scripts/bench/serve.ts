// A peer that is a Node process: answers requests on standard input, one JSON line each, on standard output.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Row } from "./rows.js";
import { type Answer, answerer, type Greeting, type Prepare, type Request } from "./work.js";

/** A line of Linux's account of this process, in bytes: `VmRSS`, or `VmHWM` for the most so far. */
function memoryOf(field: "VmRSS" | "VmHWM"): number | undefined {
  if (!existsSync("/proc/self/status")) return undefined;
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Greets, then serves until standard input closes. */
export function serve(greeting: Greeting, prepare: Prepare): Promise<void> {
  const idle = memoryOf("VmRSS");
  // Counts the most from here on.
  if (idle !== undefined) writeFileSync("/proc/self/clear_refs", "5");
  const memory = (row: Row): Pick<Answer, "peakBytes"> => {
    const peak = memoryOf("VmHWM");
    return row.tokens !== undefined && idle !== undefined && peak !== undefined ? { peakBytes: peak - idle } : {};
  };
  return serveWith(greeting, answerer(prepare, memory));
}

/** Like `serve`, with answers that come from elsewhere: a browser, another program. */
export async function serveWith(
  greeting: Greeting,
  answer: (request: Request) => Answer | Promise<Answer>,
  end: () => void | Promise<void> = () => undefined,
): Promise<void> {
  const send = (x: Greeting | Answer): void => void process.stdout.write(`${JSON.stringify(x)}\n`);
  send(greeting);
  for await (const line of createInterface({ input: process.stdin })) send(await answer(JSON.parse(line) as Request));
  await end();
  process.exit(0);
}

/** Threads this peer was asked to use. */
export const threadsAsked = (): number => Number(process.argv[2] ?? 1);
