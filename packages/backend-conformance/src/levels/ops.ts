// Every declared op on tensors: its worked examples, and random operands against the reference, forwards and backwards,
// in float32 and in the types of 16 bits that the backend has.

import { type Device, fromTypedArray, type Tensor, tensor } from "@torchium/tensor";
import { type DType, isFloat, isHalf } from "@torchium/tensor/backend";
import { type DeclaredOp, declaredOps } from "@torchium/tensor/declarations";
import type { CaseContext, CaseTable } from "../case.js";
import { check } from "../failure.js";
import { Random } from "../random.js";
import { floatLimits } from "../tolerances.js";

/** `ops/gelu`, `ops/softmaxRow`. */
export type OpCaseName = `ops/${string}`;

const flat = (x: unknown): unknown[] => (Array.isArray(x) ? x.flatMap(flat) : [x]);
const words = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY } as const;
const numeric = (x: unknown): unknown =>
  Array.isArray(x) ? x.map(numeric) : typeof x === "string" ? words[x as keyof typeof words] : x;

/** The examples of a declaration: five digits. */
async function examples({ declaration, apply, scalars }: DeclaredOp, device: Device): Promise<void> {
  for (const { of, gives, dtype } of declaration.cases) {
    if (dtype && !device.backend.capabilities.dtypes.has(dtype)) continue;
    const operands = of.map((x, i) => {
      if (typeof x === "number" && declaration.kind === "elementwise") return x;
      const ids = declaration.integers.includes(i);
      return tensor(numeric(x) as number[], {
        device,
        ...(ids ? { dtype: "int32" as const } : dtype ? { dtype } : {}),
      });
    });
    const got = flat(await apply(operands, scalars.examples).toArray());
    flat(gives).forEach((wanted, i) => {
      const close = typeof wanted === "number" ? Math.abs((got[i] as number) - wanted) < 1e-5 : false;
      const same = close || Object.is(got[i], numeric(wanted));
      check(same, () => `of ${JSON.stringify(of)}: element ${i} is ${got[i]}, expected ${wanted}`);
    });
  }
}

type Values = { readonly out: Tensor; readonly gradients: readonly (Tensor | undefined)[] };

/** The op and its gradients on operands that follow from `seed` alone. */
function evaluate(
  op: DeclaredOp,
  device: Device,
  dtype: DType,
  seed: number,
  sizes: readonly [number, number],
): Values {
  const random = new Random(seed);
  const { declaration } = op;
  const operands = declaration.roles.map((role, i) => {
    const shape = role === "full" ? sizes : role === "row" ? sizes.slice(0, 1) : sizes.slice(1);
    const [low, high] = declaration.domain[i] ?? [-2, 2];
    const ids = declaration.integers.includes(i);
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.number(low, high));
    if (ids) return fromTypedArray(Int32Array.from(values, Math.floor), shape, { device });
    return fromTypedArray(Float32Array.from(values), shape, { device, dtype, requiresGrad: true });
  });
  const out = op.apply(operands, op.scalars.general);
  if (!isFloat(out.dtype)) return { out, gradients: [] };
  const upstream = Float32Array.from({ length: out.numel }, (_, i) => Math.sin(i + 1));
  out.backward(fromTypedArray(upstream, out.shape, { device, dtype: out.dtype }));
  return { out, gradients: operands.map((x) => x.grad) };
}

/** Relative to the largest magnitude, since sums cancel. */
async function compare(what: string, got: Tensor, wanted: Tensor, steps: number): Promise<void> {
  const dtypes = () => `${what}: dtype ${got.dtype} and shape [${got.shape.join(", ")}], expected ${wanted.dtype}`;
  check(got.dtype === wanted.dtype && got.shape.join() === wanted.shape.join(), dtypes);
  const [a, b] = [await got.data(), await wanted.data()];
  let largest = 1e-3;
  for (const v of b) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
  const unit = isFloat(got.dtype) ? floatLimits[got.dtype].epsilon * largest : 0;
  b.forEach((wantedValue, i) => {
    const same = Object.is(a[i], wantedValue) || Math.abs(a[i]! - wantedValue) <= steps * unit;
    check(same, () => `${what}: element ${i} is ${a[i]}, expected ${wantedValue}`);
  });
}

async function opCase({ bench, devices, seed, effort }: CaseContext, op: DeclaredOp, index: number): Promise<void> {
  bench.need("float32", "int32", "bool");
  const device = await devices.own();
  await examples(op, device);
  const halves = bench.offered(["float16", "bfloat16"]);
  const half = halves.length === 0 ? [] : effort >= 1 ? halves : [halves[index % halves.length]!];
  for (const dtype of ["float32", ...half] as const) {
    const runs: [number, number][] = isHalf(dtype)
      ? [[3, 5]]
      : [
          [3, 5],
          [2, 67],
        ];
    for (const sizes of runs) {
      const got = evaluate(op, device, dtype, seed + index, sizes);
      const wanted = evaluate(op, devices.reference, dtype, seed + index, sizes);
      const label = `${dtype} [${sizes.join(", ")}]`;
      const steps = isHalf(dtype) ? 2 : 4 * op.declaration.ulps;
      await compare(label, got.out, wanted.out, steps);
      for (const [k, g] of got.gradients.entries()) {
        if (g) await compare(`${label}: gradient ${k}`, g, wanted.gradients[k]!, 4 * steps);
      }
    }
  }
}

/** A case for each declared op. */
export const opCases = Object.fromEntries(
  declaredOps.map((op, index) => [`ops/${op.name}`, (context: CaseContext) => opCase(context, op, index)]),
) as CaseTable<OpCaseName>;
