// A tensor as JavaScript sees it.

import { describe, expect, it } from "vitest";
import { tensor } from "./index.js";

describe("a tensor in JavaScript", () => {
  it("is its shape and type in a template", () => {
    expect(`${tensor([1, 2])}`).toContain("[2]");
  });

  it.each([
    ["+", (x: never) => x + 1],
    ["<", (x: never) => x < 1],
    ["unary -", (x: never) => -x],
  ])("refuses %s, and says what there is", (_, operate) => {
    expect(() => operate(tensor([1, 2]) as never)).toThrow(
      expect.objectContaining({ code: "argument", message: expect.stringContaining("x.add(1)") }),
    );
  });
});
