// Every layer against PyTorch: keys and shapes of the state dictionary, values, gradients of inputs and parameters, in
// float32 and float64, on every device.

import { describe, expect, test } from "vitest";
import type { Tensor } from "../../tensor.js";
import { testDevices } from "../../testing/devices.js";
import { expectGolden, expectGradients, fromGolden, type GoldenCase, readGoldens } from "../../testing/golden.js";
import * as nn from "../index.js";

type Inputs = Readonly<Record<string, Tensor>>;
// biome-ignore lint/suspicious/noExplicitAny: a golden's options are any layer's.
type Options = Readonly<Record<string, any>>;
type Made = { readonly module: nn.Module; readonly run: (x: Inputs) => readonly Tensor[] };

const plain = <M extends nn.Module & { forward(x: Tensor): Tensor }>(module: M): Made => ({
  module,
  run: ({ input }) => [module.forward(input!)],
});

/** How each layer of the goldens is made and called. */
const makers: Readonly<Record<string, (o: Options) => Made>> = {
  Linear: ({ inFeatures, outFeatures, ...o }) => plain(new nn.Linear(inFeatures, outFeatures, o)),
  AdaptiveAvgPool1d: ({ outputSize }) => plain(new nn.AdaptiveAvgPool1d(outputSize)),
  AdaptiveMaxPool1d: ({ outputSize }) => plain(new nn.AdaptiveMaxPool1d(outputSize)),
  AvgPool1d: ({ kernelSize, ...o }) => plain(new nn.AvgPool1d(kernelSize, o)),
  MaxPool1d: ({ kernelSize, ...o }) => plain(new nn.MaxPool1d(kernelSize, o)),
  BatchNorm1d: ({ numFeatures, training = true, ...o }) => {
    const module = new nn.BatchNorm1d(numFeatures, o).train(training);
    return { module, run: ({ input }) => [module.forward(input!), ...module.buffers()] };
  },
  Conv1d: ({ inChannels, outChannels, kernelSize, ...o }) =>
    plain(new nn.Conv1d(inChannels, outChannels, kernelSize, o)),
  ELU: ({ alpha }) => plain(new nn.ELU(alpha)),
  Flatten: ({ startDim, endDim }) => plain(new nn.Flatten(startDim, endDim)),
  GLU: ({ dim }) => plain(new nn.GLU(dim)),
  Hardtanh: ({ minVal, maxVal }) => plain(new nn.Hardtanh(minVal, maxVal)),
  LogSigmoid: () => plain(new nn.LogSigmoid()),
  Softplus: () => plain(new nn.Softplus()),
  Embedding: ({ numEmbeddings, embeddingDim, ...o }) => plain(new nn.Embedding(numEmbeddings, embeddingDim, o)),
  LayerNorm: ({ normalizedShape, ...o }) => plain(new nn.LayerNorm(normalizedShape, o)),
  RMSNorm: ({ normalizedShape, ...o }) => plain(new nn.RMSNorm(normalizedShape, o)),
  MultiheadAttention: ({ embedDim, numHeads, ...o }) => {
    const module = new nn.MultiheadAttention(embedDim, numHeads, o);
    return {
      module,
      run: ({ query, key = query, value = key, ...masks }) => [
        ...module.forward(query!, key!, value!, masks).filter((y) => y !== undefined),
      ],
    };
  },
  TransformerEncoderLayer: ({ dModel, nhead, ...o }) => {
    const module = new nn.TransformerEncoderLayer(dModel, nhead, o);
    return { module, run: ({ src, ...masks }) => [module.forward(src!, masks)] };
  },
  TransformerEncoder: ({ numLayers, norm, layer: { dModel, nhead, ...o } }) => {
    const layer = new nn.TransformerEncoderLayer(dModel, nhead, o);
    const module = new nn.TransformerEncoder(layer, numLayers, norm ? { norm: new nn.LayerNorm(dModel) } : {});
    return { module, run: ({ src, ...masks }) => [module.forward(src!, masks)] };
  },
  TransformerDecoderLayer: ({ dModel, nhead, ...o }) => {
    const module = new nn.TransformerDecoderLayer(dModel, nhead, o);
    return { module, run: ({ tgt, memory, ...masks }) => [module.forward(tgt!, memory!, masks)] };
  },
  TransformerDecoder: ({ numLayers, norm, layer: { dModel, nhead, ...o } }) => {
    const layer = new nn.TransformerDecoderLayer(dModel, nhead, o);
    const module = new nn.TransformerDecoder(layer, numLayers, norm ? { norm: new nn.LayerNorm(dModel) } : {});
    return { module, run: ({ tgt, memory, ...masks }) => [module.forward(tgt!, memory!, masks)] };
  },
  LSTM: ({ inputSize, hiddenSize, ...o }) => {
    const module = new nn.LSTM(inputSize, hiddenSize, o);
    return {
      module,
      run: ({ input, h0, c0, lengths }) => {
        const [output, states] = module.forward(input!, h0 && c0 && [h0, c0], { lengths });
        return [output, ...states];
      },
    };
  },
  GRU: ({ inputSize, hiddenSize, ...o }) => {
    const module = new nn.GRU(inputSize, hiddenSize, o);
    return { module, run: ({ input, h0, lengths }) => module.forward(input!, h0, { lengths }) };
  },
};

const cases: readonly GoldenCase[] = ["layers", "attention", "transformer", "convolution", "recurrent"].flatMap(
  (area) => readGoldens(`../../../goldens/${area}.json`, import.meta.url).filter(({ op }) => /^[A-Z]/.test(op)),
);

test("there is a maker for every case", () => {
  expect(cases.length).toBeGreaterThan(55);
  expect(cases.filter(({ op }) => !(op in makers))).toEqual([]);
});

describe.each(Object.entries(testDevices))("on %s", (_, make) => {
  const opened = make();
  describe.each(["float32", "float64"] as const)("%s", (float) => {
    test.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
      const device = await opened;
      const { module, run } = makers[c.op]!(c.options);
      const keys = Object.entries(module.stateDict()).map(([key, t]) => [key, t.shape]);
      expect(keys).toEqual(Object.entries(c.stateDict ?? {}).map(([key, g]) => [key, g.shape]));
      module.to(float);
      await module.to(device);
      const dict = Object.entries(c.stateDict ?? {}).map(([key, g]) => [key, fromGolden(g, device, float)]);
      module.loadStateDict(Object.fromEntries(dict));
      const inputs = Object.fromEntries(
        Object.entries(c.inputs).map(([name, g]) => [name, fromGolden(g, device, float, name in (c.gradients ?? {}))]),
      );
      const outputs = run(inputs);
      await Promise.all(c.outputs.map((g, k) => expectGolden(outputs[k]!, g, `${c.name}: output ${k}`)));
      await expectGradients(outputs, { ...c, gradients: c.gradients ?? {} }, inputs);
      for (const [key, parameter] of module.namedParameters()) {
        const g = c.parameterGradients?.[key];
        if (g) await expectGolden(parameter.grad!, g, `${c.name}: gradient of ${key}`, 16);
      }
    });
  });
});
