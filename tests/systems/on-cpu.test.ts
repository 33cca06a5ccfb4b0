// Each of the eight trains with its own criterion and optimizer: ten steps on one batch lower its loss.

import { expect, test } from "vitest";
import { type System, systems } from "./systems.js";
import { train } from "./train.js";

test.each(Object.entries(systems))("%s lowers its loss", async (_, make: () => System) => {
  const { losses } = await train(make(), 10);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
});
