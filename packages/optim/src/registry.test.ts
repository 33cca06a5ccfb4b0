// Optimizers by name: all that the package exports, and help with a name that is not one of them.

import { tensor } from "@torchium/tensor";
import { expect, it } from "vitest";
import * as optim from "./index.js";
import { availableOptimizers, createOptimizer } from "./registry.js";
import { errorLike } from "./testing/problems.js";

const params = () => [tensor([1], { requiresGrad: true })];

it("knows every optimizer that the package exports", () => {
  const exported = Object.values(optim)
    .filter((x) => typeof x === "function" && "declaration" in x)
    .map((x) => (x as unknown as { declaration: { name: string } }).declaration.name);
  expect(availableOptimizers().sort()).toEqual(exported.sort());
});

it.each(availableOptimizers())("makes %s by its name, in any case", (name) => {
  const optimizer = createOptimizer(name.toLowerCase(), params(), { lr: 0.5 });
  expect(optimizer.constructor).toBe((optim as unknown as Readonly<Record<string, unknown>>)[name]);
  expect(optimizer.paramGroups[0]!.lr).toBe(0.5);
});

it.each([
  ["AdamWW", "unknown optimizer, got AdamWW, did you mean AdamW?"],
  ["sdg", "did you mean SGD?"],
  ["Shampoo", "expected one of SGD, Adam, AdamW, LAMB, NovoGrad, PCGrad"],
  [undefined as never, "got undefined"],
])("says what it does not know: %s", (name, message) => {
  expect(() => createOptimizer(name, params())).toThrow(errorLike("argument", `createOptimizer: `, message));
});
