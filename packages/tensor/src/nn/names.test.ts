import { expect, test } from "vitest";
import { snakeCase } from "./names.js";

test.each([
  ["weight", "weight"],
  ["selfAttn", "self_attn"],
  ["inProjWeight", "in_proj_weight"],
  ["linear1", "linear1"],
  ["weightIhL0", "weight_ih_l0"],
  ["weightHhL1Reverse", "weight_hh_l1_reverse"],
  ["biasIhL10", "bias_ih_l10"],
  ["W", "W"],
  ["already_snake", "already_snake"],
])("the property %s has the key %s", (property, key) => {
  expect(snakeCase(property)).toBe(key);
});
