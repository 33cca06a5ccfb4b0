import { describe, expect, it } from "vitest";
import { mistakenCore } from "./processor.js";

const flags = (...names: readonly string[]): string => `model name\t: X\nflags\t\t: fpu ${names.join(" ")} sse2\n`;
const avx512 = ["avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"];

describe("mistakenCore", () => {
  it("names the kernels that fit a processor which was taken for an old one", () => {
    expect(mistakenCore("Prescott", flags(...avx512))).toBe("SkylakeX");
    expect(mistakenCore("Nehalem", flags("avx2", "fma"))).toBe("Haswell");
  });

  it("leaves processors alone that are old, known, or not described", () => {
    expect(mistakenCore("Prescott", flags("sse3"))).toBeUndefined();
    expect(mistakenCore("Zen", flags(...avx512))).toBeUndefined();
    expect(mistakenCore("Prescott", "")).toBeUndefined();
    expect(mistakenCore(undefined, flags(...avx512))).toBeUndefined();
  });
});
