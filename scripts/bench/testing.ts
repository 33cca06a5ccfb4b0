// Lines for the tests of the table, with no more in them than a test is about.
import type { Line } from "./rates.js";
import type { Row } from "./rows.js";
import type { Measurement } from "./statistics.js";

type Times = Readonly<Record<string, number | Partial<Measurement>>>;

/** A line of a row with these times in nanoseconds by peer, or more of the measurement. */
export function lineOf(row: Partial<Row>, times: Times, { threads = 1 } = {}): Line {
  const measurements = Object.entries(times).map(([peer, more]): Measurement => {
    const given = typeof more === "number" ? { time: more } : more;
    return { peer, time: 1, spread: 0, ...given };
  });
  return { row: { name: "work", group: "kernels", op: "work", sizes: {}, ...row }, threads, measurements, missing: {} };
}
