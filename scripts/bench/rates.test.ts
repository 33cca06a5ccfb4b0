// Rates and floors worked out by hand.
import { describe, expect, it } from "vitest";
import { floorOf, ratesOf } from "./rates.js";
import { lineOf } from "./testing.js";

const row = { name: "work", group: "kernels", op: "work", sizes: {} } as const;
const lines = [
  lineOf({ name: "small, at a bad moment", op: "memory", bytes: 500 }, { C: 500 }),
  lineOf({ name: "small", op: "memory", bytes: 1000 }, { C: 10 }),
  lineOf({ name: "large", op: "memory", bytes: 100_000 }, { C: 5000 }),
  lineOf({ name: "sum", op: "sum", bytes: 100_000 }, { ours: 4000, PyTorch: 8000 }),
  lineOf({ name: "product", op: "matmul", bytes: 1, flops: 6000 }, { ours: 300, OpenBLAS: 100 }),
  lineOf({ name: "other threads", op: "matmul", flops: 6000 }, { ours: 1 }, { threads: 2 }),
];

describe("the machine's rates", () => {
  it("are the best that anybody reached with as many threads", () => {
    expect(ratesOf(lines, 1)).toEqual({
      flops: 60,
      memory: [
        { bytes: 500, rate: 100 },
        { bytes: 1000, rate: 100 },
        { bytes: 100_000, rate: 25 },
      ],
    });
    expect(ratesOf(lines, 2)).toEqual({ flops: 6000, memory: [] });
  });
});

describe("a floor", () => {
  const rates = ratesOf(lines, 1);

  it.each([
    { what: "bytes at the rate of as many", bytes: 200_000, floor: 8000 },
    { what: "fewer bytes at the rate of the caches", bytes: 50_000, floor: 500 },
    { what: "many bytes of a small array at the rate of the caches", bytes: 200_000, workingSet: 2000, floor: 2000 },
    { what: "fewer bytes than were measured at the rate of the fewest", bytes: 10, floor: 0.1 },
    { what: "operations where they take longer", bytes: 1000, flops: 6000, floor: 100 },
    { what: "nothing where the work is not known", floor: 0 },
  ])("is $what", ({ floor, what: _, ...work }) => {
    expect(floorOf({ ...row, ...work }, rates)).toBeCloseTo(floor, 12);
  });

  it("is not known where no rate is", () => {
    expect(floorOf({ ...row, bytes: 1e6, flops: 1e6 }, ratesOf([], 1))).toBe(0);
  });
});
