// Which changesets pass, and which a release would stumble over.
import { expect, test } from "vitest";
import { changesetProblem } from "./changesets.js";

const packages = new Set(["@torchium/tensor", "@torchium/optim"]);
const problem = (text: string) => changesetProblem(text, packages);

test("takes packages with the step of their version", () => {
  expect(problem('---\n"@torchium/tensor": minor\n"@torchium/optim": patch\n---\n\nMore.\n')).toBeUndefined();
});

test.each([
  ["a heading in place of the head", '---\n\n## "@torchium/tensor": minor\n\nMore.\n'],
  ["no step", '---\n"@torchium/tensor"\n---\n\nMore.\n'],
  ["no text", '---\n"@torchium/tensor": minor\n---\n'],
])("refuses %s", (_, text) => {
  expect(problem(text)).toMatch(/expected lines/);
});

test("refuses a package that is not published", () => {
  expect(problem('---\n"@torchium/tensors": minor\n---\n\nMore.\n')).toBe("@torchium/tensors is no published package");
});
