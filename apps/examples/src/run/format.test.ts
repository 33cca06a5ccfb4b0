import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatScore, formatSeconds } from "./format.js";

describe("numbers for people", () => {
  it.each([
    [formatScore, 1.88123, "1.8812"],
    [formatScore, 22.7811, "22.781"],
    [formatScore, 146.631, "146.63"],
    [formatScore, 4321.04, "4321.0"],
    [formatScore, 0.000012, "1.20e-5"],
    [formatScore, 0, "0.0000"],
    [formatScore, 1234567, "1.23e+6"],
    [formatCount, 0, "0"],
    [formatCount, 950, "950"],
    [formatCount, 999.7, "1.00k"],
    [formatCount, 28_412, "28.4k"],
    [formatCount, 999_600, "1.00M"],
    [formatCount, 1_712_000, "1.71M"],
    [formatSeconds, 0, "0:00"],
    [formatSeconds, 42.4, "0:42"],
    [formatSeconds, 185, "3:05"],
    [formatSeconds, 3753, "1:02:33"],
    [formatBytes, 411_800_000, "412 MB"],
    [formatBytes, 1_310_000_000, "1.3 GB"],
  ])("%# %d", (format, value, expected) => {
    expect(format(value)).toBe(expected);
  });
});
