// What holds of every loss, one property a test, on the table of testing/rows.ts.

import { autocast, Generator, Tensor, TensorError } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { describe, expect, test } from "vitest";
import { availableLosses, createLoss } from "./registry.js";
import { total } from "./testing/arithmetic.js";
import { expectGradients } from "./testing/differences.js";
import { Draw, type Inputs, type LossRow, plainRecord } from "./testing/row.js";
import { rows } from "./testing/rows.js";

type Callable = Module & { readonly options: object; readonly forward: (...args: readonly unknown[]) => Tensor };

const make = (row: LossRow, options: object): Callable => createLoss(row.name, options) as unknown as Callable;
const run = (row: LossRow, loss: Callable, inputs: Inputs): Tensor =>
  loss.forward(...(row.call?.(inputs) ?? Object.values(inputs)));
const reduces = (row: LossRow): boolean => "reduction" in make(row, row.options[0]!).options;

/** Every row with each of its options. */
const variants = rows.flatMap((row) =>
  row.options.map((options) => ({ title: `${row.name} ${describeOptions(options)}`, row, options })),
);

function describeOptions(options: object): string {
  const shown = Object.entries(options).map(([key, value]) => `${key} ${typeof value === "object" ? "given" : value}`);
  return shown.join(", ") || "as it is";
}

test("every loss has its row", () => {
  expect(rows.map((row) => row.name).sort()).toEqual(availableLosses());
});

describe.each(variants)("$title", ({ row, options }) => {
  const inputs = (): Inputs => row.inputs(new Draw(new Generator(20)));

  test("is its formula, in every reduction", async () => {
    const given = inputs();
    const plain = await plainRecord(given);
    for (const reduction of reduces(row) ? (["none", "sum", "mean"] as const) : [undefined]) {
      const loss = make(row, reduction ? { ...options, reduction } : options).to("float64");
      const { losses, mean } = row.definition(
        plain,
        await plainRecord(options as Readonly<Record<string, unknown>>),
        await plainRecord(loss.stateDict()),
      );
      const expected =
        reduction === "sum" ? [total(losses)] : reduction === "mean" ? [mean ?? total(losses) / losses.length] : losses;
      const got = await run(row, loss, given).data();
      expect(got.length).toBe(expected.length);
      expected.forEach((x, i) => expect(Math.abs(got[i]! - x)).toBeLessThan(1e-9 * Math.max(1, Math.abs(x))));
    }
  });

  test("has the gradient of its formula", async () => {
    const loss = make(row, options).to("float64");
    const given = inputs();
    const leaves = Object.fromEntries([
      ...Object.entries(given).filter(([, x]) => x.requiresGrad),
      ...loss.namedParameters(),
    ]);
    await expectGradients(() => run(row, loss, given), leaves);
  });
});

describe.each(variants)("$title", ({ row, options }) => {
  test.each(["bfloat16", "float16"] as const)("takes what autocast gives in %s", async (dtype) => {
    const given = Object.entries(row.inputs(new Draw(new Generator(20))));
    const inHalves = (to: "float32" | "bfloat16" | "float16"): Inputs =>
      Object.fromEntries(given.map(([name, x]) => [name, x.requiresGrad ? leaf(x.to(dtype).to(to)) : wide(x)]));
    const loss = make(row, wideOptions(options));
    const wanted = await run(row, loss, inHalves("float32")).data();
    const halves = inHalves(dtype);
    const result = autocast(dtype, () => run(row, loss, halves));
    result.sum().backward();
    const scale = Math.max(1, ...wanted.map(Math.abs));
    (await result.data()).forEach((x, i) => expect(Math.abs(x - wanted[i]!) / scale).toBeLessThan(2 ** -5));
    for (const x of Object.values(halves).filter((x) => x.requiresGrad)) expect(x.grad?.dtype).toBe(dtype);
  });
});

/** A tensor, or options with tensors, of float32 where they were of float64. */
const wide = (x: Tensor): Tensor => (x.dtype === "float64" ? x.to("float32") : x);
const wideOptions = (options: object): object =>
  Object.fromEntries(Object.entries(options).map(([key, x]) => [key, x instanceof Tensor ? wide(x) : x]));

describe.each(
  rows.flatMap((row) => row.extremes.map((extreme) => ({ title: `${row.name}: ${extreme.what}`, row, extreme }))),
)("$title", ({ row, extreme }) => {
  test("is finite, with finite gradients", async () => {
    const options = { ...row.options[0], ...extreme.options, ...(reduces(row) ? { reduction: "none" } : {}) };
    const given = Object.fromEntries(
      Object.entries(extreme.inputs).map(([key, x]) => [key, x.dtype === "float32" ? leaf(x) : x]),
    );
    const loss = zeroed(make(row, options));
    const output = run(row, loss, given);
    output.sum().backward();
    const got = await output.data();
    expect(got.length).toBe(Math.max(1, extreme.losses.length));
    extreme.losses.forEach((x, i) => expect(Math.abs(got[i]! - x)).toBeLessThanOrEqual(1e-5 * Math.abs(x)));
    for (const x of Object.values(given)) {
      for (const g of (await x.grad?.data()) ?? []) expect(Number.isFinite(g)).toBe(true);
    }
  });
});

/** A copy that takes a gradient. */
function leaf(x: Tensor): Tensor {
  const copy = x.detach().clone();
  copy.requiresGrad = true;
  return copy;
}

/** The loss with its parameters at 0, so that extremes have losses one can write down. */
function zeroed(loss: Callable): Callable {
  for (const p of loss.parameters()) p.assign(p.detach().mul(0));
  return loss;
}

describe.each(rows.flatMap((row) => row.wrong.map((wrong) => ({ title: `${row.name}: ${wrong.what}`, row, wrong }))))(
  "$title",
  ({ row, wrong }) => {
    test("is refused", () => {
      const loss = make(row, { ...row.options[0], ...wrong.options });
      const given = { ...row.inputs(new Draw(new Generator(20))), ...wrong.inputs };
      const error = thrown(() => run(row, loss, given as Inputs));
      expect(TensorError.is(error, wrong.code as TensorError["code"]), String(error)).toBe(true);
      expect((error as Error).message).toMatch(wrong.message);
    });
  },
);

function thrown(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}
