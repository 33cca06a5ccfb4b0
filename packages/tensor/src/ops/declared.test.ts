// What every declaration promises: its cases, its gradient against central differences, and an override against the
// derived gradient. The list of ops is derived from the modules.

import { describe, expect, test } from "vitest";
import { createCpuDevice } from "../cpu/device.js";
import { tensor } from "../creation.js";
import { declaredOps } from "../declarations.js";
import { type DType, isFloat } from "../dtype.js";
import { Device } from "../graph/device.js";
import { differentiate } from "../kernel/differentiate.js";
import { Generator } from "../random.js";
import { createReferenceBackend, elementsOfRole, evaluate } from "../reference/index.js";
import type { Tensor } from "../tensor.js";
import type { Declaration } from "./declare.js";
import * as ops from "./index.js";

const declared = declaredOps.map((op) => [op.name, op] as const);

const numeric = (x: unknown): unknown =>
  Array.isArray(x) ? x.map(numeric) : x === "nan" ? Number.NaN : x === "inf" ? Number.POSITIVE_INFINITY : x;

const isInteger = (d: Declaration, i: number): boolean => d.integers.includes(i);

const dtypesOf = (d: Declaration, float: DType): DType[] => d.roles.map((_, i) => (isInteger(d, i) ? "int32" : float));

/** Operands of 3 by 5, drawn from the declared domains. */
function draw(d: Declaration, dtype: DType, device: Device, seed: number): Tensor[] {
  let state = seed;
  const next = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return d.roles.map((role, i) => {
    const shape = role === "full" ? [3, 5] : role === "row" ? [3] : [5];
    const [low, high] = d.domain[i] ?? [-2, 2];
    const ids = isInteger(d, i);
    const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => low + (high - low) * next());
    return tensor(ids ? Int32Array.from(data) : Float64Array.from(data), {
      shape,
      device,
      dtype: ids ? "int32" : dtype,
      requiresGrad: !ids && isFloat(dtype),
    });
  });
}

const reference = new Device(createReferenceBackend());

describe("every op", () => {
  test("is found", () => expect(declared.length).toBeGreaterThan(60));
  test.each(declared)("%s is documented", (_, op) => {
    expect(op.declaration.doc.length).toBeGreaterThan(3);
    expect(op.declaration.doc.endsWith(".")).toBe(true);
  });
});

describe("worked examples", async () => {
  const cpu = await createCpuDevice({ threads: 1 });
  const rows = declared.flatMap(([name, op]) => op.declaration.cases.map((c, i) => [`${name} ${i}`, op, c] as const));
  test.each(rows)("%s", async (_, op, c) => {
    for (const device of [reference, cpu]) {
      const operands = c.of.map((x, i) =>
        typeof x === "number" && op.declaration.kind === "elementwise"
          ? x
          : tensor(numeric(x) as number[], {
              device,
              ...(isInteger(op.declaration, i) ? { dtype: "int32" as const } : c.dtype ? { dtype: c.dtype } : {}),
            }),
      );
      const y = await op.apply(operands as (Tensor | number)[], op.scalars.examples).toArray();
      const flat = (x: unknown): unknown[] => (Array.isArray(x) ? x.flatMap(flat) : [x]);
      flat(y).forEach((v, i) => {
        const want = flat(c.gives)[i];
        if (typeof want === "number") expect(v).toBeCloseTo(want, 5);
        else expect(v).toBe(want);
      });
    }
  });
});

describe("gradients against central differences in float64", () => {
  const smooth = declared.filter(([, op]) => {
    const d = op.declaration;
    const type = d.program(dtypesOf(d, "float64")).program.outputs[0]!.expr.type;
    return isFloat(type);
  });
  test.each(smooth)("%s", async (_, op) => {
    const d = op.declaration;
    const operands = draw(d, "float64", reference, 12345);
    const y = op.apply(operands, op.scalars.general);
    const upstream = tensor(
      Float64Array.from({ length: y.numel }, (_, i) => Math.sin(i + 1)),
      { shape: y.shape, device: reference },
    );
    y.backward(upstream);
    const loss = async (xs: readonly Tensor[]): Promise<number> =>
      op.apply(xs, op.scalars.general).mul(upstream).sum().item();
    for (const [k, x] of operands.entries()) {
      if (!isFloat(x.dtype)) continue;
      const values = (await x.data()) as Float64Array;
      const got = x.grad ? await x.grad.data() : new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const h = 1e-5;
        const shifted = (by: number): Tensor[] =>
          operands.map((z, j) => {
            if (j !== k) return z.detach();
            const copy = values.slice();
            copy[i]! += by;
            return tensor(copy, { shape: x.shape, device: reference });
          });
        const numericGradient = ((await loss(shifted(h))) - (await loss(shifted(-h)))) / (2 * h);
        expect(
          Math.abs(got[i]! - numericGradient),
          `operand ${k}, element ${i}: ${got[i]} and ${numericGradient}`,
        ).toBeLessThanOrEqual(1e-4 * Math.max(1e-3, Math.abs(numericGradient)) + 1e-8);
      }
    }
  });
});

describe("a gradient written by hand equals the derived one", () => {
  const overridden = declared.filter(
    ([, op]) =>
      op.declaration.kind !== "elementwise" && op.declaration.program(dtypesOf(op.declaration, "float64")).override,
  );
  test.each(overridden)("%s", (_, op) => {
    const p = op.declaration.program(dtypesOf(op.declaration, "float64"));
    const operands = op.declaration.roles.map((role, k) => {
      const wave = Array.from({ length: elementsOfRole(role, [3, 5]) }, (_, i) => Math.sin(3 * i));
      return isInteger(op.declaration, k) ? wave.map((v) => Math.round(2 * v ** 2)) : wave;
    });
    const dy = Array.from({ length: 15 }, (_, i) => Math.cos(2 * i));
    const index = { strides: [0, 1], offset: 0 };
    const { general } = op.scalars;
    const y = evaluate(p.program, [3, 5], [...operands, index], general)[0]!;
    const derived = evaluate(differentiate(p.program, [0], [0]), [3, 5], [...operands, index, dy], general)[0]!;
    const own = evaluate(
      p.override!.program,
      [3, 5],
      p.override!.savesInputs ? [...operands, index, y, dy] : [y, dy],
      general,
    )[0]!;
    derived.forEach((v, i) => expect(own[i]).toBeCloseTo(v, 10));
  });
});

test("random streams do not depend on what is drawn around them", async () => {
  const a = await ops
    .dropout(tensor(new Float32Array(64).fill(1), { device: reference }), 0.5, new Generator(3))
    .data();
  const b = await ops
    .dropout(tensor(new Float32Array(64).fill(1), { device: reference }), 0.5, new Generator(3))
    .add(0)
    .data();
  expect([...b]).toEqual([...a]);
  expect(a.filter((x) => x === 0).length).toBeGreaterThan(10);
});
