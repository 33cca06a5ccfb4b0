// The reference pages: what a row says.
import { expect, test } from "vitest";
import { referencePages } from "./reference.js";

const pages = referencePages();
const page = (name: string): string => pages.find(({ path }) => path === `docs/reference/${name}.md`)?.text ?? "";

test("says of functions, ops, methods, options and layers how they are called and what they are", () => {
  const tensor = page("tensor");
  expect(tensor).toContain("| `narrow(x, dim, start, length)` | `length` elements from `start` on. Throws `index`");
  expect(tensor).toContain("| `exp(x)` | `e^x`. |");
  expect(tensor).toContain("| `assign(value)` | Overwrites this leaf with a value of its shape.");
  expect(tensor).toContain("| `crossEntropy(logits, target, options?)` |");
  expect(tensor).toMatch(/\| `labelSmoothing\?: number` \| How much of each target is spread over all classes/);
  expect(tensor).toContain("| `new Linear(inFeatures, outFeatures, options?)` |");
});

test("gives methods the sentence of their function", () => {
  expect(page("tensor")).toContain("| `cumsum(dim)` | Sum of everything up to each position along dim. |");
});
