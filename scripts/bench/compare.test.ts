// What is called a change, and what is noise.
import { expect, it } from "vitest";
import { compare } from "./compare.js";
import { lineOf } from "./testing.js";

const at = (time: number, spread = 0) => ({ time, spread });

it("names rows of ours that changed by more than the noise of both, and what the machine did to the others", () => {
  const before = [
    lineOf({ name: "slower" }, { ours: at(1e6), PyTorch: 1e6 }),
    lineOf({ name: "faster" }, { ours: at(1e6), "ours, wide": at(8e5), PyTorch: 1e6 }, { threads: 2 }),
    lineOf({ name: "noisy" }, { ours: at(1e6, 0.05), PyTorch: 1e6 }),
    lineOf({ name: "steady" }, { ours: at(1e6) }),
  ];
  const now = [
    lineOf({ name: "slower" }, { ours: at(1.2e6, 0.01), PyTorch: 1.02e6 }),
    lineOf({ name: "faster" }, { ours: at(1e6), "ours, wide": at(4e5), PyTorch: 1.1e6 }, { threads: 2 }),
    lineOf({ name: "noisy" }, { ours: at(1.15e6, 0.05), PyTorch: 0.98e6 }),
    lineOf({ name: "steady" }, { ours: at(1.029e6) }),
    lineOf({ name: "new" }, { ours: at(1e6) }),
  ];
  expect(compare(now, before)).toEqual([
    "slower, one thread, ours: 20 % slower (1.00 ms → 1.20 ms, noise 3 %)",
    "faster, 2 threads, ours, wide: 50 % faster (800 µs → 400 µs, noise 3 %)",
    "the other peers, median of 3: 2 % slower",
  ]);
});

it("says that nothing changed, and that nothing can be said", () => {
  const lines = [lineOf({ name: "steady" }, { ours: 1e6 })];
  expect(compare(lines, lines)).toEqual(["no row changed by more than its noise"]);
  expect(compare(lines, [])).toEqual(["no row of the earlier result was measured"]);
});
