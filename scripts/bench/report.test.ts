// The table's words and figures.
import { describe, expect, it } from "vitest";
import { ratesOf } from "./rates.js";
import { markdownOf, textOf, timeText } from "./report.js";
import { rowsFor } from "./rows.js";
import { lineOf } from "./testing.js";

it.each([
  [0.5, "0.500 ns"],
  [1234, "1.23 µs"],
  [45_600_000, "45.6 ms"],
  [2.5e9, "2.50 s"],
])("writes %d ns as %s", (nanoseconds, text) => {
  expect(timeText(nanoseconds)).toBe(text);
});

const memory = lineOf({ name: "memory, 1 MiB", group: "machine", op: "memory", bytes: 1 << 20 }, { C: 1 << 17 });
const line = {
  ...lineOf(
    { name: "softmax", bytes: 8e6 },
    {
      ours: { time: 2e6, spread: 0.02, check: 1 },
      PyTorch: { time: 3e6, check: 1.005 },
      tfjs: { time: 1e7, check: 2 },
    },
  ),
  missing: { "jax-js": "it failed", OpenBLAS: "not offered" },
};

describe("a line", () => {
  it("says floor, times, ratios, differing results and why a peer has none", () => {
    expect(textOf(line, ratesOf([memory, line], 1))).toBe(
      `${"softmax".padEnd(40)} floor 1.00 ms | ours 2.00 ms ±2 %, 50 % of floor | PyTorch 3.00 ms ±0 % = 1.50×` +
        " | tfjs 10.0 ms ±0 % = 5.00× (another result!) | jax-js: it failed",
    );
  });

  it("of a step says what it learns a second and its memory", () => {
    const step = lineOf({ name: "step", tokens: 500 }, { ours: { time: 1e7, peakBytes: 3 << 20 } });
    expect(textOf(step, ratesOf([], 1))).toBe(`${"step".padEnd(40)} ours 10.0 ms ±0 %, 50.0k/s, 3 MiB`);
  });

  it("of the machine says its rate", () => {
    expect(textOf(memory, ratesOf([memory], 1))).toBe(`${memory.row.name.padEnd(40)} C 131 µs ±0 %, 8.00 GB/s`);
  });
});

it("makes a Markdown table with the rates that its floors come from", () => {
  expect(markdownOf([memory, line], 1).split("\n")).toEqual([
    "### One thread",
    "",
    "Best rates anyone reached, for the floors: 8.00 GB/s of 1 MiB.",
    "",
    "| work | ours | PyTorch | tfjs | floor | ours reaches |",
    "|---|---|---|---|---|---|",
    "| softmax | 2.00 ms ±2 % | 3.00 ms ±0 % (1.50×) | 10.0 ms ±0 % (5.00×) (another result) | 1.00 ms | 50 % |",
  ]);
});

describe("the choice of rows", () => {
  const choose = (more: object) => rowsFor({ only: undefined, all: false, onGpu: false, ...more });
  const names = (more: object) => choose(more).rows.map(({ name }) => name);

  it("is a short table, every row, or those named or of a group", () => {
    expect(choose({}).rows.every(({ main }) => main === true)).toBe(true);
    expect(choose({}).host).toBe(false);
    expect(names({ all: true }).length).toBeGreaterThan(3 * names({}).length);
    expect(choose({ all: true }).host).toBe(true);
    expect(names({ only: ["softmax [512", "adamw"] })).toEqual(["softmax [512, 1024]", "AdamW 4M"]);
    expect(choose({ only: ["host"] })).toMatchObject({ host: true, rows: [{ group: "host" }] });
  });

  it("names every row once, and says the work that its floor comes from", () => {
    const { rows } = choose({ all: true });
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    const without = rows.filter(({ flops = 0, bytes = 0 }) => flops + bytes <= 0);
    expect(without.map(({ op }) => op)).toEqual(["chain"]);
  });
});
