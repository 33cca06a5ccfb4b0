// Every op against PyTorch: values and gradients, in float32 and float64, on every device.

import { describe, expect, test } from "vitest";
import * as f from "../functions.js";
import type { Tensor } from "../tensor.js";
import { testDevices } from "../testing/devices.js";
import { expectGolden, expectGradients, fromGolden, type GoldenCase, readGoldens } from "../testing/golden.js";

type Options = Readonly<Record<string, never>>;
type Call = (x: readonly Tensor[], o: Options) => Tensor | readonly Tensor[];

const pair = (p: { readonly values: Tensor; readonly indices: Tensor }): Tensor[] => [p.values, p.indices];
const reduce =
  (name: "sum" | "mean" | "prod" | "amax" | "amin" | "any" | "all" | "logsumexp"): Call =>
  ([x], o) =>
    x![name](o.dim, o.keepdim);

/** How each op of the goldens is called here; ops not named are methods of their first input. */
const calls: Readonly<Record<string, Call>> = {
  sum: reduce("sum"),
  mean: reduce("mean"),
  prod: reduce("prod"),
  amax: reduce("amax"),
  amin: reduce("amin"),
  any: reduce("any"),
  all: reduce("all"),
  logsumexp: reduce("logsumexp"),
  max: ([x], o) => (o.dim === undefined ? x!.max() : pair(x!.max(o.dim, o.keepdim))),
  min: ([x], o) => (o.dim === undefined ? x!.min() : pair(x!.min(o.dim, o.keepdim))),
  argmax: ([x], o) => x!.argmax(o.dim, o.keepdim),
  argmin: ([x], o) => x!.argmin(o.dim, o.keepdim),
  var: ([x], o) => x!.var(o.dim, o.keepdim, o.correction),
  std: ([x], o) => x!.std(o.dim, o.keepdim, o.correction),
  norm: ([x], o) => x!.norm(numberOption(o.p), o.dim, o.keepdim),
  cumsum: ([x], o) => x!.cumsum(o.dim),
  softmax: ([x], o) => x!.softmax(o.dim),
  logSoftmax: ([x], o) => x!.logSoftmax(o.dim),
  sort: ([x], o) => pair(x!.sort(o.dim, o.descending)),
  topk: ([x], o) => pair(x!.topk(o.k, o.dim, o.largest)),
  gelu: ([x], o) => ((o.approximate as unknown) === "tanh" ? f.geluTanh(x!) : f.gelu(x!)),
  silu: ([x]) => f.silu(x!),
  softplus: ([x]) => f.softplus(x!),
  logSigmoid: ([x]) => f.logSigmoid(x!),
  leakyRelu: ([x], o) => f.leakyRelu(x!, o.negativeSlope),
  div: ([a, b], o) => {
    const mode = o.roundingMode as unknown;
    return mode === "floor" ? a!.floorDivide(b!) : mode === "trunc" ? a!.div(b!).trunc() : a!.div(b!);
  },
  pow: ([a, b], o) => (o.base !== undefined ? f.pow(o.base as never, a!) : a!.pow(b ?? o.exponent)),
  clamp: ([x], o) => x!.clamp(o.min, o.max),
  maskedFill: ([x, mask], o) => x!.maskedFill(mask!, numberOption(o.value) as never),
  where: ([c, a, b]) => f.where(c!, a!, b!),
  lerp: ([a, b], o) => a!.lerp(b!, o.weight),
  reshape: ([x], o) => x!.reshape(o.shape),
  view: ([x], o) => x!.view(o.shape),
  flatten: ([x], o) => x!.flatten(o.startDim, o.endDim),
  transpose: ([x], o) => x!.transpose(o.dim0, o.dim1),
  permute: ([x], o) => x!.permute(o.dims),
  squeeze: ([x], o) => x!.squeeze(o.dim),
  unsqueeze: ([x], o) => x!.unsqueeze(o.dim),
  expand: ([x], o) => x!.expand(o.shape),
  slice: ([x], o) => x!.slice(o.dim, o.start, o.end, o.step),
  narrow: ([x], o) => x!.narrow(o.dim, o.start, o.length),
  select: ([x], o) => x!.select(o.dim, o.index),
  flip: ([x], o) => x!.flip(o.dims),
  split: ([x], o) => x!.split(o.splitSize, o.dim),
  chunk: ([x], o) => x!.chunk(o.chunks, o.dim),
  repeat: ([x], o) => x!.repeat(o.repeats),
  roll: ([x], o) => x!.roll(o.shifts, o.dims),
  // PyTorch pads from the last axis on, two amounts an axis.
  pad: ([x], o) => {
    const amounts = o.pad as unknown as readonly number[];
    let y = x!;
    for (let i = 0; i < amounts.length; i += 2) y = y.pad(-1 - i / 2, amounts[i]!, amounts[i + 1]!, o.value);
    return y;
  },
  cat: (xs, o) => f.cat(xs, o.dim),
  stack: (xs, o) => f.stack(xs, o.dim),
  tril: ([x], o) => x!.tril(o.diagonal),
  triu: ([x], o) => x!.triu(o.diagonal),
  gather: ([x, ids], o) => x!.gather(o.dim, ids!),
  scatterAdd: ([x, ids, src], o) => x!.scatterAdd(o.dim, ids!, src!),
  indexSelect: ([x, ids], o) => x!.indexSelect(o.dim, ids!),
  oneHot: ([x], o) => x!.oneHot(o.numClasses),
  einsum: (xs, o) => f.einsum(o.equation, ...xs),
  addmm: ([c, a, b]) => a!.matmul(b!).add(c!),
};

const numberOption = (x: unknown): number | undefined =>
  x === "inf" ? Number.POSITIVE_INFINITY : x === "-inf" ? Number.NEGATIVE_INFINITY : (x as number | undefined);

function run(c: GoldenCase, inputs: readonly Tensor[]): readonly Tensor[] {
  const method = (x: readonly Tensor[]): Tensor => {
    const fn = (x[0] as unknown as Record<string, ((...rest: unknown[]) => Tensor) | undefined>)[c.op];
    if (!fn) throw new Error(`no method ${c.op}`);
    const scalars = x.length === 1 ? Object.values(c.options).map(numberOption) : [];
    return fn.call(x[0], ...x.slice(1), ...scalars);
  };
  const call = calls[c.op];
  const y = call ? call(inputs, c.options as Options) : method(inputs);
  return Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
}

const files = ["elementwise", "reductions", "layout"] as const;

for (const [name, makeDevice] of Object.entries(testDevices)) {
  describe(`PyTorch goldens on ${name}`, async () => {
    const device = await makeDevice();
    for (const file of files) {
      for (const float of ["float32", "float64"] as const) {
        test.each(readGoldens(`../../goldens/${file}.json`, import.meta.url).map((c) => [c.name, c] as const))(
          `${float} ${file}: %s`,
          async (_, c) => {
            const inputs = Object.fromEntries(
              Object.entries(c.inputs).map(([k, g]) => [
                k,
                fromGolden(g, device, float, c.gradients !== undefined && k in c.gradients),
              ]),
            );
            const outputs = run(c, Object.values(inputs));
            expect(outputs.length).toBeGreaterThanOrEqual(c.outputs.length);
            for (const [k, g] of c.outputs.entries()) await expectGolden(outputs[k]!, g, `${c.name}: output ${k}`);
            await expectGradients(outputs, c, inputs);
          },
        );
      }
    }
  });
}
