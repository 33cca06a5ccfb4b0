import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  choice,
  flag,
  integer,
  number,
  type OptionDeclaration,
  optionFlag,
  parseOption,
  path,
  text,
  wordOrLibrary,
} from "./option.js";

const steps = integer({ min: 1, help: "steps" });
const rate = number({ min: 0, aboveMin: true, help: "rate" });
const share = number({ min: 0, max: 1, help: "share" });
const backend = choice(["cpu", "cuda"], { help: "backend", default: "cpu" });
const blas = wordOrLibrary(["auto", "off"], { help: "blas", default: "auto" });

describe("parseOption", () => {
  it.each<[OptionDeclaration<unknown>, string, unknown]>([
    [steps, "1", 1],
    [steps, "2000", 2000],
    [steps, "1e3", 1000],
    [rate, "1e-3", 0.001],
    [rate, ".5", 0.5],
    [share, "1", 1],
    [number({ help: "any" }), "-2.5", -2.5],
    [backend, "cuda", "cuda"],
    [text({ help: "text" }), "", ""],
    [path({ help: "path" }), "a b", "a b"],
    [flag({ help: "flag" }), "true", true],
    [blas, "off", "off"],
    [blas, "libblas.so.3", "libblas.so.3"],
  ])("takes a good value (%#)", (declaration, value, expected) => {
    expect(parseOption("x", declaration, value)).toBe(expected);
  });

  it.each<[OptionDeclaration<unknown>, string, string]>([
    [steps, "0", 'got "0"'],
    [steps, "-3", "a whole number of at least 1"],
    [steps, "2.5", "a whole number of at least 1"],
    [steps, "NaN", 'got "NaN"'],
    [steps, "Infinity", 'got "Infinity"'],
    [steps, "1e300", 'got "1e300"'],
    [steps, "0x10", 'got "0x10"'],
    [steps, "12abc", 'got "12abc"'],
    [steps, "", 'got ""'],
    [steps, " 5", 'got " 5"'],
    [rate, "0", "a number above 0"],
    [rate, "nan", "a number above 0"],
    [rate, "1e999", "a number above 0"],
    [share, "1.01", "a number from 0 to 1"],
    [backend, "gpu", "one of cpu, cuda"],
    [path({ help: "path" }), "", "a path"],
    [flag({ help: "flag" }), "yes", "true or false"],
  ])("refuses a bad value and names option, expectation and value (%#)", (declaration, value, expected) => {
    const attempt = () => parseOption("maxSteps", declaration, value);
    expect(attempt).toThrow(expected);
    expect(attempt).toThrow(/^--max-steps: expected /);
    expect(attempt).toThrow(expect.objectContaining({ code: "argument" }));
  });

  it("gives back every number that JSON can hold", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseOption("x", number({ help: "" }), String(value))).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });
});

describe("optionFlag", () => {
  it("writes names as flags", () => {
    expect(optionFlag("steps")).toBe("--steps");
    expect(optionFlag("maxLen")).toBe("--max-len");
  });
});
