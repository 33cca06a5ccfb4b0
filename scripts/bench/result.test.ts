// Results as documents, and tables that were measured in parts.
import { expect, it } from "vitest";
import { joined, type Result, resultMarkdown } from "./result.js";
import { lineOf } from "./testing.js";

const result: Result = {
  ...{
    date: "2026-01-02T03:04:05.000Z",
    processor: "a processor",
    system: "linux x64",
    node: "v24.0.0",
    load: [0.5, 1, 2],
  },
  ...{ statistic: "median", peers: { ours: "v24.0.0" }, missing: { PyTorch: "missing (ENOENT); install torch" } },
  host: { kernelsCompiled: 0 },
  lines: [lineOf({ name: "exp" }, { ours: 1e6 })],
  growth: [{ peer: "ours", what: "GPT, one thread", of: "batch", time: 1 }],
};

it("says where, with whom and without whom it was measured", () => {
  expect(resultMarkdown(result).split("\n")).toEqual([
    "# 2026-01-02, a processor",
    "",
    "linux x64, Node v24.0.0; load when it began 0.5, 1.0, 2.0. ours v24.0.0.",
    "Not there: PyTorch: missing (ENOENT); install torch.",
    "Median of the rounds ± half the distance of the rounds' quartiles; in brackets the time over ours, so above 1 ours is faster.",
    "",
    "### One thread",
    "",
    "| work | ours | floor | ours reaches |",
    "|---|---|---|---|",
    "| exp | 1.00 ms ±0 % | – | – |",
    "",
    "### Host",
    "",
    "- kernels compiled at twelve such lengths (aim 0): 0.000",
    "",
    "### Growth",
    "",
    "- ours, time of GPT, one thread: grows as batch^1.00",
    "",
  ]);
});

it("joins an earlier part: its rows where this one has none, and a peer that was there is not missing", () => {
  const earlier: Result = {
    ...result,
    ...{ peers: { PyTorch: "2.13" }, host: { modules: 36 } },
    lines: [lineOf({ name: "exp" }, { ours: 5 }), lineOf({ name: "exp" }, { ours: 5 }, { threads: 2 })],
  };
  const both = joined(result, earlier);
  expect(both).toMatchObject({ peers: { ours: "v24.0.0", PyTorch: "2.13" }, missing: {} });
  expect(both.host).toEqual({ kernelsCompiled: 0, modules: 36 });
  expect(both.lines.map(({ threads, measurements }) => [threads, measurements[0]!.time])).toEqual([
    [1, 1e6],
    [2, 5],
  ]);
});
