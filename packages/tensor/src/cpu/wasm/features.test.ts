import { describe, expect, it } from "vitest";
import { detectFeatures } from "./features.js";

describe("detectFeatures", () => {
  it("finds what every supported Node has", () => {
    const { simd, threads } = detectFeatures();
    expect({ simd, threads }).toEqual({ simd: true, threads: true });
  });

  it("answers the same object each time", () => {
    expect(detectFeatures()).toBe(detectFeatures());
  });
});
