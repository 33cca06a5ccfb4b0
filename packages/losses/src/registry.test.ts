// Losses by name, and options that are never swallowed.

import { TensorError, tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import * as entry from "./index.js";
import { availableLosses, createLoss } from "./registry.js";
import { rows } from "./testing/rows.js";

const publicSurface = { ...entry };
const required = Object.fromEntries(rows.map((row) => [row.name, row.options[0]!]));

function errorOf(fn: () => unknown): TensorError {
  try {
    fn();
  } catch (error) {
    if (TensorError.is(error)) return error;
    throw error;
  }
  throw new Error("expected an error");
}

describe("createLoss", () => {
  test("makes every loss that the package exports", () => {
    const exported = Object.keys(publicSurface).filter((name) => name.endsWith("Loss"));
    expect(availableLosses()).toEqual(exported.sort());
    for (const name of availableLosses()) {
      expect(createLoss(name, required[name])).toBeInstanceOf(publicSurface[name]);
      expect(publicSurface[name].declaration.name).toBe(name);
    }
  });

  test("suggests the nearest name", () => {
    expect(errorOf(() => createLoss("CrossEntropyLos")).message).toBe(
      "createLoss: unknown loss, got CrossEntropyLos, did you mean CrossEntropyLoss?",
    );
    expect(errorOf(() => createLoss("crfloss")).message).toMatch(/did you mean CRFLoss/);
    expect(errorOf(() => createLoss("quicksort")).message).toMatch(/expected one of BCELoss, BCEWithLogitsLoss, /);
    expect(errorOf(() => createLoss("constructor")).code).toBe("argument");
  });
});

describe.each(availableLosses())("options of %s", (name) => {
  const { rules } = publicSurface[name].declaration;

  test("that do not exist are errors which name the nearest", () => {
    const wrong = { ...required[name], reductoin: "sum", ignoreIndx: 1 };
    const error = errorOf(() => createLoss(name, wrong));
    expect(error.code).toBe("argument");
    expect(error.message).toMatch(new RegExp(`^${name}: unknown option, got reductoin, `));
    if ("reduction" in rules) expect(error.message).toMatch(/did you mean reduction\?$/);
  });

  test.each(Object.keys(rules))("%s refuses what it cannot be, and says so", (option) => {
    for (const value of [Number.NaN, null, "nonsense", { size: 1 }, -1e9 - 0.5]) {
      const error = errorOf(() => createLoss(name, { ...required[name], [option]: value }));
      expect(error.code).toBe("argument");
      expect(error.message.startsWith(`${name}: ${option} must be `)).toBe(true);
      expect(error.details).toMatchObject({ field: option, got: value });
    }
  });

  test("must come in an object", () => {
    for (const options of [[], null, "sum", tensor([1])]) {
      expect(errorOf(() => createLoss(name, options as object)).message).toMatch(/options must be an object/);
    }
  });
});

test.each([
  ["CrossEntropyLoss", { labelSmoothing: 1.1 }, "labelSmoothing must be a finite number from 0 to 1, got 1.1"],
  ["HuberLoss", { delta: 0 }, "delta must be a finite number above 0, got 0"],
  ["SmoothL1Loss", { beta: -1 }, "beta must be a finite number of at least 0, got -1"],
  ["CosineEmbeddingLoss", { margin: 1.5 }, "margin must be a finite number from -1 to 1, got 1.5"],
  ["TripletMarginLoss", { p: Number.POSITIVE_INFINITY }, "p must be a finite number above 0, got Infinity"],
  ["CRFLoss", {}, "numTags must be a positive integer, got undefined"],
  ["CRFLoss", { numTags: 2, bioTags: ["O"] }, "bioTags must be one name a tag, 2, got 1"],
  ["CRFLoss", { numTags: 2, bioTags: ["O", "PER"] }, 'bioTags must be O, B-X or I-X each, got "PER"'],
  ["CTCLoss", { blank: -1 }, "blank must be an integer of at least 0, got -1"],
  ["KLDivLoss", { reduction: "avg" }, 'reduction must be "mean" or "sum" or "none" or "batchmean", got "avg"'],
  ["UncertaintyWeightingLoss", { numTasks: 2, kinds: ["regression"] }, "kinds must be one a task, 2, got 1"],
  ["Word2VecLoss", { negativeSamples: 0 }, "negativeSamples must be a positive integer, got 0"],
] as const)("%s refuses %o", (name, options, message) => {
  expect(errorOf(() => createLoss(name as string, options)).message).toBe(`${name}: ${message}`);
});
