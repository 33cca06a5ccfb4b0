import { describe, expect, it } from "vitest";
import { tensor, zeros } from "../creation.js";
import { createReferenceBackend } from "../reference/index.js";
import { Device } from "./device.js";

describe("a device without float64", () => {
  const device = new Device(createReferenceBackend({ name: "narrow", dtypes: ["float32", "int32", "uint32", "bool"] }));
  const error = { code: "dtype", message: expect.stringMatching(/narrow: .*got float64, expected float32, int32/) };

  it.each([
    ["making a tensor", () => zeros(2, { dtype: "float64", device })],
    ["a tensor from data", () => tensor(Float64Array.of(1, 2), { device })],
    ["a cast", () => zeros(2, { device }).to("float64")],
  ])("says so at once: %s", (_, make) => {
    expect(make).toThrow(expect.objectContaining(error));
  });

  it("runs everything else", async () => {
    expect(await tensor([1, 2], { device }).mul(2).add(1).toArray()).toEqual([3, 5]);
  });
});
