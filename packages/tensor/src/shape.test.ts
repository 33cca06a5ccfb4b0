import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  broadcastShapes,
  checkAxis,
  composeLayouts,
  contiguous,
  contiguousStrides,
  expandLayout,
  isContiguous,
  type Layout,
  permuteLayout,
  reshapeLayout,
  type Shape,
  sameShape,
  sizeOf,
} from "./shape.js";

/** Every address of a layout, in the order of its indices: what it means. */
function addresses({ shape, strides, offset }: Layout): number[] {
  let out = [offset];
  shape.forEach((size, axis) => {
    out = out.flatMap((base) => Array.from({ length: size }, (_, i) => base + i * strides[axis]!));
  });
  return out;
}

const size = fc.integer({ min: 1, max: 4 });
const shapes = fc.array(size, { maxLength: 4 });

/** A layout of `shape` as views make them: permuted, stepped, reversed, repeated, shifted. */
const layoutsOf = (shape: Shape): fc.Arbitrary<Layout> =>
  fc
    .record({
      order: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length }),
      steps: fc.array(fc.constantFrom(1, 1, 1, 2, -1, 0), { minLength: shape.length, maxLength: shape.length }),
      shift: fc.integer({ min: 0, max: 5 }),
    })
    .map(({ order, steps, shift }) => {
      const strides = new Array<number>(shape.length).fill(0);
      let unit = 1;
      let offset = shift;
      for (const axis of order) {
        strides[axis] = unit * steps[axis]!;
        if (steps[axis]! < 0) offset += unit * (shape[axis]! - 1);
        unit *= shape[axis]! * Math.max(1, Math.abs(steps[axis]!));
      }
      return { shape, strides, offset };
    });

/** Every way to write `count` as a shape of a few axes. */
const factorings = (count: number): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }).map((wanted) => {
    let left = count;
    const shape = wanted.map((w) => {
      let d = Math.min(w, left);
      while (left % d !== 0) d--;
      left /= d;
      return d;
    });
    return left === 1 ? shape : [...shape, left];
  });

describe("sizes and strides", () => {
  it("sizeOf, contiguousStrides, sameShape", () => {
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0, 3])]).toEqual([1, 6, 0]);
    expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1]);
    expect([sameShape([1, 2], [1, 2]), sameShape([1, 2], [2, 1]), sameShape([], [1])]).toEqual([true, false, false]);
  });

  it("a contiguous layout counts from 0", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(addresses(contiguous(shape))).toEqual([...Array(sizeOf(shape)).keys()]);
      }),
    );
  });

  it("isContiguous says whether the addresses count from 0", () => {
    const any = shapes.chain((shape) => fc.oneof(layoutsOf(shape), fc.constant(contiguous(shape))));
    fc.assert(
      fc.property(any, (layout) => {
        expect(isContiguous(layout)).toBe(addresses(layout).every((a, i) => a === i));
      }),
    );
  });
});

describe("broadcastShapes", () => {
  const fits: [Shape[], Shape][] = [
    [[], []],
    [[[]], []],
    [
      [[2, 3], [3]],
      [2, 3],
    ],
    [
      [[2, 1], [1, 3], []],
      [2, 3],
    ],
    [[[0], [1]], [0]],
    [
      [
        [5, 1, 4],
        [3, 1],
      ],
      [5, 3, 4],
    ],
  ];
  it.each(fits)("%j gives %j", (given, expected) => {
    expect(broadcastShapes("add", given)).toEqual(expected);
  });

  it("refuses what does not fit, naming op and shapes", () => {
    const message = "add: shapes do not broadcast, got [2, 3] and [2]";
    expect(() => broadcastShapes("add", [[2, 3], [2]])).toThrow(expect.objectContaining({ code: "shape", message }));
    expect(() => broadcastShapes("add", [[0], [2]])).toThrow(expect.objectContaining({ code: "shape" }));
  });
});

describe("checkAxis", () => {
  it("counts from the end when negative, and takes 0 and −1 of a scalar", () => {
    expect([checkAxis("sum", 1, 3), checkAxis("sum", -1, 3), checkAxis("sum", -3, 3), checkAxis("sum", -1, 0)]).toEqual(
      [1, 2, 0, 0],
    );
  });

  it.each([3, -4, 0.5, Number.NaN])("refuses dim %s of three", (axis) => {
    const message = `sum: dim is out of range, got ${axis}, expected [-3, 2]`;
    expect(() => checkAxis("sum", axis, 3)).toThrow(expect.objectContaining({ code: "shape", message }));
  });
});

describe("views", () => {
  const withLayout = shapes.chain(layoutsOf);

  it("permuteLayout reads the same elements in another order of axes", () => {
    const cases = withLayout.chain((layout) =>
      fc.tuple(
        fc.constant(layout),
        fc.shuffledSubarray([...layout.shape.keys()], {
          minLength: layout.shape.length,
          maxLength: layout.shape.length,
        }),
      ),
    );
    const check = (layout: Layout, order: readonly number[]): void => {
      const permuted = permuteLayout(layout, order);
      expect(permuted.shape).toEqual(order.map((i) => layout.shape[i]));
      expect(addresses(permuted).sort((a, b) => a - b)).toEqual(addresses(layout).sort((a, b) => a - b));
      const back = order.map((_, i) => order.indexOf(i));
      expect(addresses(permuteLayout(permuted, back))).toEqual(addresses(layout));
    };
    fc.assert(fc.property(cases, ([layout, order]) => check(layout, order)));
  });

  it("expandLayout repeats new leading axes and axes of size 1", () => {
    const cases = fc.tuple(withLayout, shapes, fc.array(size, { minLength: 4, maxLength: 4 }));
    const check = (layout: Layout, leading: Shape, sizes: Shape): void => {
      const shape = [...leading, ...layout.shape.map((d, i) => (d === 1 ? sizes[i]! : d))];
      const own = addresses(layout);
      const expected = addresses(contiguous(shape)).map((at) => {
        const index = contiguousStrides(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]!);
        const inner = index.slice(leading.length).map((i, axis) => (layout.shape[axis] === 1 ? 0 : i));
        return own[inner.reduce((sum, i, axis) => sum + i * contiguousStrides(layout.shape)[axis]!, 0)];
      });
      expect(addresses(expandLayout(layout, shape))).toEqual(expected);
    };
    fc.assert(fc.property(cases, ([layout, leading, sizes]) => check(layout, leading, sizes)));
  });

  it("reshapeLayout reads the same elements in the same order, whenever strides can say it", () => {
    const cases = withLayout.chain((layout) => fc.tuple(fc.constant(layout), factorings(sizeOf(layout.shape))));
    let views = 0;
    const check = (layout: Layout, shape: Shape): void => {
      const reshaped = reshapeLayout(layout, shape);
      const possible = stridesOf(addresses(layout), shape) !== undefined;
      expect(reshaped !== undefined).toBe(possible);
      if (!reshaped) return;
      views++;
      expect(reshaped.shape).toEqual(shape);
      expect(addresses(reshaped)).toEqual(addresses(layout));
    };
    fc.assert(
      fc.property(cases, ([layout, shape]) => check(layout, shape)),
      { numRuns: 500 },
    );
    expect(views).toBeGreaterThan(100);
    expect(reshapeLayout(contiguous([0, 3]), [3, 0, 2])).toEqual(contiguous([3, 0, 2]));
  });
});

/** Strides under which `shape` has these addresses, or undefined. */
function stridesOf(wanted: readonly number[], shape: Shape): readonly number[] | undefined {
  const units = contiguousStrides(shape);
  const strides = shape.map((d, axis) => (d === 1 ? 0 : wanted[units[axis]!]! - wanted[0]!));
  const layout = { shape, strides, offset: wanted[0]! };
  return addresses(layout).every((a, i) => a === wanted[i]) ? strides : undefined;
}

describe("composeLayouts", () => {
  /** A view of a contiguous array of `count` elements: reshaped, sliced with steps, reversed, permuted, expanded. */
  const viewsOf = (count: number): fc.Arbitrary<Layout> =>
    factorings(count).chain((base) =>
      fc
        .record({
          slices: fc.tuple(
            ...base.map((d) =>
              fc.record({
                start: fc.nat(d - 1),
                length: fc.integer({ min: 1, max: d }),
                step: fc.constantFrom(1, 1, 2, -1, 0),
              }),
            ),
          ),
          order: fc.shuffledSubarray([...base.keys()], { minLength: base.length, maxLength: base.length }),
        })
        .map(({ slices, order }) => {
          const units = contiguousStrides(base);
          let offset = 0;
          const shape: number[] = [];
          const strides: number[] = [];
          slices.forEach(({ start, length, step }, axis) => {
            const room = step > 0 ? Math.ceil((base[axis]! - start) / step) : step < 0 ? start + 1 : length;
            offset += start * units[axis]!;
            shape.push(Math.min(length, room));
            strides.push(step * units[axis]!);
          });
          return permuteLayout({ shape, strides, offset }, order);
        }),
    );
  const cases = shapes.chain((shape) => fc.tuple(layoutsOf(shape), viewsOf(sizeOf(shape))));

  it("finds what lies at each element of a view of a view", () => {
    let composed = 0;
    const check = (inner: Layout, access: Layout): void => {
      const own = addresses(inner);
      const expected = addresses(access).map((at) => own[at]!);
      const layout = composeLayouts(inner, access);
      if (!layout) return;
      composed++;
      expect(layout.shape).toEqual(access.shape);
      expect(addresses(layout)).toEqual(expected);
    };
    fc.assert(
      fc.property(cases, ([inner, access]) => check(inner, access)),
      { numRuns: 2000 },
    );
    expect(composed).toBeGreaterThan(800);
  });

  it("always succeeds on a contiguous array", () => {
    const contiguousCases = shapes.chain((shape) => fc.tuple(fc.constant(shape), viewsOf(sizeOf(shape))));
    const check = (shape: Shape, access: Layout): void => {
      const layout = composeLayouts(contiguous(shape), access)!;
      expect(addresses(layout)).toEqual(addresses(access));
    };
    fc.assert(
      fc.property(contiguousCases, ([shape, access]) => check(shape, access)),
      { numRuns: 500 },
    );
  });

  it("always succeeds on a slice or permutation along the inner layout's own axes", () => {
    const own = shapes.chain((shape) =>
      fc.tuple(layoutsOf(shape), fc.array(fc.nat(3), { minLength: 4, maxLength: 4 })),
    );
    const check = (inner: Layout, starts: readonly number[]): void => {
      const units = contiguousStrides(inner.shape);
      const from = inner.shape.map((d, i) => Math.min(starts[i]!, d - 1));
      const offset = from.reduce((sum, s, i) => sum + s * units[i]!, 0);
      const access = { shape: inner.shape.map((d, i) => d - from[i]!), strides: units, offset };
      const whole = addresses(inner);
      expect(addresses(composeLayouts(inner, access)!)).toEqual(addresses(access).map((at) => whole[at]!));
    };
    fc.assert(
      fc.property(own, ([inner, starts]) => check(inner, starts)),
      { numRuns: 500 },
    );
  });

  it("says nothing about no elements", () => {
    expect(composeLayouts(contiguous([2, 3]), contiguous([0, 3]))?.shape).toEqual([0, 3]);
  });
});
