// What the machine can do, as the run itself measured it, and the shortest time that leaves for a row.
import type { Row } from "./rows.js";
import type { Measurement } from "./statistics.js";

/** One line of the result. */
export interface Line {
  readonly row: Row;
  readonly threads: number;
  readonly measurements: readonly Measurement[];
  readonly missing: Readonly<Record<string, string>>;
}

/** The best rates that anybody reached with a number of threads. */
export interface Rates {
  /** Floating-point operations a nanosecond in a matrix product; 0 where none was measured. */
  readonly flops: number;
  /** Bytes a nanosecond by how many were touched, fewest first: few stay in the caches. */
  readonly memory: readonly { readonly bytes: number; readonly rate: number }[];
}

const movesMemory: readonly string[] = ["memory", "copy", "add", "sum"];

/** The machine's rates with that many threads, as far as the lines show them. */
export function ratesOf(lines: readonly Line[], threads: number): Rates {
  const memory = new Map<number, number>();
  let flops = 0;
  for (const { row, measurements, threads: own } of lines) {
    if (own !== threads || measurements.length === 0) continue;
    const time = Math.min(...measurements.map((m) => m.time));
    if (row.op === "matmul") flops = Math.max(flops, row.flops! / time);
    if (movesMemory.includes(row.op)) memory.set(row.bytes!, Math.max(memory.get(row.bytes!) ?? 0, row.bytes! / time));
  }
  const measured = [...memory].map(([bytes, rate]) => ({ bytes, rate })).sort((a, b) => a.bytes - b.bytes);
  // What many bytes reach, fewer reach as well, though the moment of their measurement may have been a bad one.
  const reached = (bytes: number): number =>
    Math.max(...measured.filter((at) => at.bytes >= bytes).map(({ rate }) => rate));
  return { flops, memory: measured.map(({ bytes }) => ({ bytes, rate: reached(bytes) })) };
}

/** The rate at which so many bytes can be moved: that of the largest measured amount that is not larger. */
function memoryRate({ memory }: Rates, bytes: number): number | undefined {
  return (memory.findLast((at) => at.bytes <= bytes) ?? memory[0])?.rate;
}

/** The shortest time, in nanoseconds, that the machine's rates allow a row; 0 where they or its work are not known. */
export function floorOf({ flops = 0, bytes = 0, workingSet = bytes }: Row, rates: Rates): number {
  const rate = memoryRate(rates, workingSet);
  return Math.max(rates.flops > 0 ? flops / rates.flops : 0, rate === undefined ? 0 : bytes / rate);
}
