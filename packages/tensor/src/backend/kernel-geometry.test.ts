import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { input } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import { addressOf, forEachIndex } from "../reference/iteration.js";
import { joinAxes, kernelOf, type Space } from "./kernel-geometry.js";

/** The addresses of every operand, in the order in which a space is walked. */
function walk({ sizes, strides }: Pick<Space, "sizes" | "strides">): number[][] {
  const out: number[][] = [];
  forEachIndex(sizes, (index) => out.push(strides.map((s) => addressOf({ strides: s, offset: 0 }, index))));
  return out;
}

/** Spaces of up to five axes with up to three operands, whose axes often join. */
const spaces = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }).chain((sizes) => {
  const operand = fc
    .record({ steps: fc.array(fc.constantFrom(1, 1, 1, 2, -1, 0), { minLength: 5, maxLength: 5 }) })
    .map(({ steps }) => {
      const strides = new Array<number>(sizes.length);
      let unit = 1;
      for (let axis = sizes.length - 1; axis >= 0; axis--) {
        strides[axis] = unit * steps[axis]!;
        unit *= Math.max(1, sizes[axis]! * Math.abs(steps[axis]!));
      }
      return strides;
    });
  return fc.record({
    sizes: fc.constant(sizes),
    strides: fc.array(operand, { maxLength: 3 }),
    fixed: fc.integer({ min: 0, max: Math.min(2, sizes.length) }),
  });
});

describe("joinAxes", () => {
  it("walks the same addresses in the same order", () => {
    const check = ({ sizes, strides, fixed }: Space & { fixed: number }): void => {
      expect(walk(joinAxes(sizes, strides, fixed))).toEqual(walk({ sizes, strides }));
    };
    fc.assert(fc.property(spaces, check), { numRuns: 1000 });
  });

  it("leaves the fixed axes alone, keeps one axis at least, and joins all that can be joined", () => {
    const check = ({ sizes, strides, fixed }: Space & { fixed: number }): void => {
      const joined = joinAxes(sizes, strides, fixed);
      const movable = joined.sizes.length - fixed;
      expect(joined.sizes.length).toBeGreaterThan(0);
      if (fixed > 0) expect(joined.sizes.slice(-fixed)).toEqual(sizes.slice(-fixed));
      for (let axis = 1; axis < movable; axis++) {
        const size = joined.sizes[axis]!;
        expect(size).not.toBe(1);
        expect(joined.strides.every((s) => s[axis - 1] === s[axis]! * size)).toBe(false);
      }
      for (const s of joined.strides) s.forEach((stride, axis) => joined.sizes[axis] === 1 && expect(stride).toBe(0));
    };
    fc.assert(fc.property(spaces, check), { numRuns: 1000 });
  });

  const cases: [string, Parameters<typeof joinAxes>, Space][] = [
    ["a dense map to one axis", [[2, 3, 4], [[12, 4, 1]], 0], { sizes: [24], strides: [[1]] }],
    [
      "a broadcast bias keeps two axes",
      [
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 0, 1],
        ],
        0,
      ],
      {
        sizes: [6, 4],
        strides: [
          [4, 1],
          [0, 1],
        ],
      },
    ],
    ["a row stays a row", [[2, 3, 4], [[12, 4, 1]], 1], { sizes: [6, 4], strides: [[4, 1]] }],
    ["a row of one element stays, too", [[3, 1], [[1, 7]], 1], { sizes: [3, 1], strides: [[1, 0]] }],
    ["a scalar has one axis of one", [[], [[]], 0], { sizes: [1], strides: [[0]] }],
    ["axes of one vanish", [[1, 5, 1], [[9, 2, 9]], 0], { sizes: [5], strides: [[2]] }],
  ];
  it.each(cases)("%s", (_, args, expected) => {
    expect(joinAxes(...args)).toEqual(expected);
  });
});

describe("kernelOf", () => {
  const program = makeProgram({
    inputs: [{ kind: "buffer", type: "float32", role: "full" }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: input(0, "float32", "full"), role: "full" }],
  });

  it("classifies the strides of the last two axes: repeated, dense, strided", () => {
    const kernel = kernelOf(program, {
      sizes: [2, 3, 4, 5],
      strides: [
        [1, 0, 0, 1],
        [60, 20, 1, -1],
      ],
    });
    expect(kernel).toMatchObject({
      program,
      rank: 4,
      access: [
        [2, 2, 0, 1],
        [2, 2, 1, 2],
      ],
    });
    expect(kernelOf(program, { sizes: [7], strides: [[0], [3]] }).access).toEqual([[0], [2]]);
  });

  it("has a key that depends on classes, not on sizes and strides", () => {
    const key = (sizes: number[], strides: number[][]) => kernelOf(program, { sizes, strides }).key;
    const base = key(
      [3, 4],
      [
        [4, 1],
        [4, 1],
      ],
    );
    expect(
      key(
        [5, 6],
        [
          [60, 1],
          [6, 1],
        ],
      ),
    ).toBe(base);
    const others = [
      key(
        [3, 4],
        [
          [0, 1],
          [4, 1],
        ],
      ),
      key(
        [3, 4],
        [
          [1, 3],
          [4, 1],
        ],
      ),
      key([3], [[1], [1]]),
      key(
        [2, 3, 4],
        [
          [12, 4, 1],
          [12, 4, 1],
        ],
      ),
    ];
    expect(new Set([base, ...others]).size).toBe(5);
  });
});
