// What does not count changes nothing: ignored targets, padding, and whatever lies under a mask.

import { cat, full, Generator, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import { CRFLoss, CrossEntropyLoss, CTCLoss, LabelSmoothingLoss, NLLLoss, PerplexityLoss } from "./index.js";
import { Draw } from "./testing/row.js";

const draw = (): Draw => new Draw(new Generator(5));
const ints = (values: readonly number[], ...shape: number[]): Tensor => tensor(Int32Array.from(values), { shape });

/** The loss and the gradient of `x`. */
async function result(x: Tensor, loss: Tensor): Promise<readonly number[]> {
  x.grad = undefined;
  loss.backward();
  return [...(await loss.data()), ...(await x.grad!.data())];
}

const nothing = [Number.NaN, Number.POSITIVE_INFINITY, 1e30];

describe.each([
  ["CrossEntropyLoss", () => new CrossEntropyLoss()],
  ["CrossEntropyLoss with weights", () => new CrossEntropyLoss({ weight: tensor([1, 2, 3, 4]), labelSmoothing: 0.1 })],
  ["LabelSmoothingLoss", () => new LabelSmoothingLoss()],
  ["NLLLoss", () => new NLLLoss()],
  ["PerplexityLoss", () => new PerplexityLoss()],
] as const)("%s", (_, make) => {
  test.each(nothing)("an ignored row of %f costs nothing and gets no gradient", async (value) => {
    const x = draw().normal(3, 4);
    const real = await result(
      x,
      make()
        .to("float64")
        .forward(x, ints([1, 3, 0], 3)),
    );
    const junk = full([2, 4], value, { dtype: "float64" });
    const longer = cat([x.detach(), junk]);
    longer.requiresGrad = true;
    const padded = await result(
      longer,
      make()
        .to("float64")
        .forward(longer, ints([1, 3, 0, -100, -100], 5)),
    );
    expect(padded).toEqual([...real, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("nothing but ignored rows is no NaN, and moves nothing", async () => {
    const x = draw().normal(2, 4);
    const [loss, ...gradient] = await result(
      x,
      make()
        .to("float64")
        .forward(x, ints([-100, -100], 2)),
    );
    expect(loss).toBe(make() instanceof PerplexityLoss ? 1 : 0);
    expect(gradient.every((g) => g === 0)).toBe(true);
  });
});

/** Every place of a [batch, time] mask, padded by two places of `value` behind and one in front. */
function padTime(x: Tensor, value: number): Tensor {
  const side = (length: number) => {
    const shape = [x.shape[0]!, length, ...x.shape.slice(2)];
    return full(shape, value, { dtype: x.dtype });
  };
  return cat([side(1), x, side(2)], 1);
}

describe("CRFLoss", () => {
  const mask = ints([1, 1, 1, 1, 1, 0], 2, 3);
  const tags = ints([0, 2, 1, 1, 0, 0], 2, 3);
  const make = () => new CRFLoss({ numTags: 3, generator: new Generator(1) }).to("float64");

  test.each(nothing)("padding of %f on either side changes nothing, and gets no gradient", async (value) => {
    const x = draw().normal(2, 3, 3);
    const real = await result(x, make().forward(x, tags, mask));
    const longer = padTime(x.detach(), value);
    longer.requiresGrad = true;
    const loss = make().forward(longer, padTime(tags, -7), padTime(mask, 0));
    loss.backward();
    const inner = longer.grad!.narrow(1, 1, 3);
    expect([...(await loss.data()), ...(await inner.data())]).toEqual(real);
    for (const side of [longer.grad!.narrow(1, 0, 1), longer.grad!.narrow(1, 4, 2)]) {
      expect((await side.data()).every((g) => g === 0)).toBe(true);
    }
    const [best, padded] = [make().decode(x, mask), make().decode(longer.detach(), padTime(mask, 0))];
    expect(await padded.narrow(1, 1, 3).toArray()).toEqual(await best.toArray());
    expect(await padded.select(1, 0).toArray()).toEqual([-1, -1]);
    const shares = make().marginals(longer.detach(), padTime(mask, 0));
    expect(await shares.narrow(1, 1, 3).toArray()).toEqual(await make().marginals(x, mask).toArray());
    expect(await shares.select(1, 5).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test("a sequence of padding alone costs 0, does not count, and moves nothing", async () => {
    const x = draw().normal(2, 3, 3);
    const only = make();
    const alone = await result(x, only.forward(x, tags, ints([1, 1, 1, 0, 0, 0], 2, 3)));
    const first = draw().normal(2, 3, 3).narrow(0, 0, 1).detach();
    const loss = make().forward(first, tags.narrow(0, 0, 1));
    expect(alone[0]).toBeCloseTo(await loss.item(), 12);
    expect(alone.slice(1 + 9).every((g) => g === 0)).toBe(true);
    const none = make().forward(x, tags, ints([0, 0, 0, 0, 0, 0], 2, 3));
    expect(await none.item()).toBe(0);
  });

  test("a mask of bools, integers or floats is the same", async () => {
    const x = draw().normal(2, 3, 3);
    const losses = await Promise.all(
      [mask, mask.to("bool"), mask.to("float32"), mask.mul(5)].map((m) => make().forward(x, tags, m).item()),
    );
    expect(new Set(losses).size).toBe(1);
  });
});

describe("CTCLoss", () => {
  test.each(nothing)("steps of %f beyond the input length change nothing, and get no gradient", async (value) => {
    const x = draw().normal(4, 2, 3);
    const targets = ints([1, 2, 2, 0], 2, 2);
    const lengths = [
      [4, 3],
      [2, 1],
    ] as const;
    const logs = x.logSoftmax(-1).detach();
    logs.requiresGrad = true;
    const real = await result(logs, new CTCLoss().forward(logs, targets, ...lengths));
    const longer = cat([logs.detach(), full([2, 2, 3], value, { dtype: "float64" })]);
    longer.requiresGrad = true;
    const more = cat([targets, full([2, 3], -9, { dtype: "int32" })], 1);
    const padded = await result(longer, new CTCLoss().forward(longer, more, ...lengths));
    expect(padded.slice(0, real.length)).toEqual(real);
    expect(padded.slice(real.length).every((g) => g === 0)).toBe(true);
  });
});
