// Gradients of every layer with respect to every input and parameter against central differences in float64, along
// random directions. The goldens cover forms; this covers every layer by construction.

import { expect, test } from "vitest";
import { Generator, randn, type Tensor, tensor } from "../../index.js";
import * as nn from "../index.js";

const generator = new Generator(77);
const making = { dtype: "float64", generator } as const;
const random = (...shape: number[]): Tensor => randn(shape, { ...making, requiresGrad: true });
const padding = tensor([
  [false, false, true],
  [true, true, true],
]);
const small = { dimFeedforward: 5, dropout: 0, batchFirst: true, activation: "gelu", ...making } as const;

type Case = {
  readonly module: nn.Module;
  readonly inputs: readonly Tensor[];
  readonly run: (...x: Tensor[]) => Tensor | readonly Tensor[];
};
const plain = (module: nn.Layer, ...shape: number[]): Case => ({
  module,
  inputs: [random(...shape)],
  run: (x) => module.forward(x),
});

const cases: Readonly<Record<string, () => Case>> = {
  Linear: () => plain(new nn.Linear(3, 4, making), 2, 3),
  Conv1d: () => plain(new nn.Conv1d(2, 3, 3, { padding: 1, ...making }), 2, 2, 5),
  "Conv1d, strided and in groups": () =>
    plain(new nn.Conv1d(4, 2, 2, { stride: 2, dilation: 3, padding: 2, groups: 2, ...making }), 2, 4, 6),
  MaxPool1d: () => plain(new nn.MaxPool1d(3, { stride: 2, padding: 1, dilation: 2 }), 2, 2, 9),
  AvgPool1d: () => plain(new nn.AvgPool1d(3, { stride: 2, padding: 1, ceilMode: true }), 2, 2, 6),
  AdaptiveMaxPool1d: () => plain(new nn.AdaptiveMaxPool1d(3), 2, 2, 7),
  AdaptiveAvgPool1d: () => plain(new nn.AdaptiveAvgPool1d(3), 2, 2, 7),
  BatchNorm1d: () => plain(new nn.BatchNorm1d(3, { dtype: "float64" }), 4, 3, 2),
  "BatchNorm1d, evaluated": () => plain(new nn.BatchNorm1d(3, { dtype: "float64" }).eval(), 4, 3),
  LayerNorm: () => plain(new nn.LayerNorm([2, 3], { dtype: "float64" }), 4, 2, 3),
  RMSNorm: () => plain(new nn.RMSNorm(5, { dtype: "float64" }), 3, 5),
  GELU: () => plain(new nn.GELU(), 7),
  "GELU, tanh": () => plain(new nn.GELU({ approximate: "tanh" }), 7),
  SiLU: () => plain(new nn.SiLU(), 7),
  Tanh: () => plain(new nn.Tanh(), 7),
  Sigmoid: () => plain(new nn.Sigmoid(), 7),
  Softmax: () => plain(new nn.Softmax(0), 4, 3),
  LogSoftmax: () => plain(new nn.LogSoftmax(), 4, 3),
  Embedding: () => {
    const module = new nn.Embedding(5, 3, making);
    const ids = tensor(Int32Array.of(1, 4, 1));
    return { module, inputs: [], run: () => module.forward(ids) };
  },
  MultiheadAttention: () => {
    const module = new nn.MultiheadAttention(4, 2, { batchFirst: true, kdim: 3, vdim: 5, ...making });
    return {
      module,
      inputs: [random(2, 2, 4), random(2, 3, 3), random(2, 3, 5)],
      run: (q, k, v) => module.forward(q!, k!, v!, { keyPaddingMask: padding, averageAttnWeights: false }) as Tensor[],
    };
  },
  TransformerEncoderLayer: () => {
    const module = new nn.TransformerEncoderLayer(4, 2, { normFirst: true, ...small });
    return {
      module,
      inputs: [random(2, 3, 4)],
      run: (x) => module.forward(x!, { isCausal: true, srcKeyPaddingMask: padding }),
    };
  },
  TransformerDecoderLayer: () => {
    const module = new nn.TransformerDecoderLayer(4, 2, small);
    return {
      module,
      inputs: [random(2, 2, 4), random(2, 3, 4)],
      run: (x, memory) => module.forward(x!, memory!, { tgtIsCausal: true, memoryKeyPaddingMask: padding }),
    };
  },
  LSTM: () => {
    const module = new nn.LSTM(2, 3, { numLayers: 2, bidirectional: true, ...making });
    return {
      module,
      inputs: [random(3, 2, 2), random(4, 2, 3), random(4, 2, 3)],
      run: (x, h, c) => {
        const [y, states] = module.forward(x!, [h!, c!], { lengths: [3, 2] });
        return [y, ...states];
      },
    };
  },
  GRU: () => {
    const module = new nn.GRU(2, 3, { bidirectional: true, batchFirst: true, ...making });
    return {
      module,
      inputs: [random(2, 3, 2), random(2, 2, 3)],
      run: (x, h) => module.forward(x!, h!, { lengths: [1, 3] }),
    };
  },
};

test.each(Object.entries(cases))("%s", async (_, make) => {
  const { module, inputs, run } = make();
  // A norm's weights start at 1 and biases at 0, where some mistakes cannot be seen.
  for (const p of module.parameters()) p.assign(p.detach().add(randn(p.shape, making).mul(0.3)));
  const leaves = [...inputs, ...module.parameters()];
  const loss = (): Tensor => {
    const y = run(...inputs);
    const outputs = Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
    return outputs
      .map((t, k) =>
        t
          .add(0.3 * k + 0.1)
          .square()
          .sum(),
      )
      .reduce((a, b) => a.add(b));
  };
  loss().backward();
  // Whatever is unread when a leaf is overwritten below could no longer be read.
  const gradients = await Promise.all(leaves.map((leaf) => leaf.grad!.data()));
  const values = await Promise.all(leaves.map((leaf) => leaf.data()));
  const h = 1e-5;
  for (const [k, leaf] of leaves.entries()) {
    const given = await randn(leaf.shape, making).data();
    const slope = Array.from(given).reduce((sum, d, i) => sum + d * gradients[k]![i]!, 0);
    const [start, direction] = [values[k]!, given].map((data) => tensor(data, { shape: leaf.shape })) as [
      Tensor,
      Tensor,
    ];
    const at = async (step: number): Promise<number> => {
      leaf.assign(start.add(direction.mul(step)));
      return await loss().item();
    };
    const numeric = ((await at(h)) - (await at(-h))) / (2 * h);
    leaf.assign(start);
    expect(Math.abs(slope - numeric), `leaf ${k}: ${slope} and ${numeric}`).toBeLessThanOrEqual(
      1e-4 * Math.max(Math.abs(numeric), 1e-2),
    );
  }
});
