// A whole training step, compiled: to the bit what the plain one does, with dropout, clipping, a changing learning rate
// and every optimizer's own numbers; and from a checkpoint on.

import { compile, createCpuDevice, type Device, fromTypedArray, Generator, type Tensor } from "@torchium/tensor";
import { Dropout, functional as F, LayerNorm, Linear, Sequential } from "@torchium/tensor/nn";
import { beforeAll, describe, expect, it } from "vitest";
import { Adam, AdamW, type AnyOptimizer, clipGradNorm, LAMB, Lion, NovoGrad, RMSprop, SGD } from "./index.js";

let device: Device;
beforeAll(async () => {
  device = await createCpuDevice({ threads: 1 });
});

type Make = (parameters: readonly Tensor[]) => AnyOptimizer;

const optimizers = {
  SGD: (p: readonly Tensor[]) => new SGD(p, { lr: 0.1, momentum: 0.9 }),
  Adam: (p: readonly Tensor[]) => new Adam(p),
  AdamW: (p) =>
    new AdamW([{ params: p.filter((x) => x.ndim > 1) }, { params: p.filter((x) => x.ndim < 2), weightDecay: 0 }]),
  LAMB: (p: readonly Tensor[]) => new LAMB(p),
  Lion: (p: readonly Tensor[]) => new Lion(p),
  NovoGrad: (p: readonly Tensor[]) => new NovoGrad(p),
  RMSprop: (p: readonly Tensor[]) => new RMSprop(p),
} satisfies Readonly<Record<string, Make>>;

function make(optimizerOf: Make) {
  const generator = new Generator(7);
  const options = { generator, device };
  const model = new Sequential(
    new Linear(6, 16, options),
    new LayerNorm(16, { device }),
    new Dropout(0.3, { generator }),
    new Linear(16, 4, options),
  );
  const parameters = [...model.parameters()];
  const optimizer = optimizerOf(parameters);
  const step = (x: Tensor, y: Tensor): Tensor => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    clipGradNorm(parameters, 0.5);
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
  return { parameters, optimizer, generator, step };
}

const batch = (i: number): [Tensor, Tensor] => [
  fromTypedArray(
    Float32Array.from({ length: 48 }, (_, k) => Math.sin(k + 11 * i)),
    [8, 6],
    { device },
  ),
  fromTypedArray(
    Int32Array.from({ length: 8 }, (_, k) => (k * 7 + i) % 4),
    [8],
    { device },
  ),
];

const setRate = ({ optimizer }: ReturnType<typeof make>, lr: number): void => {
  for (const group of optimizer.paramGroups) group.lr = lr;
};

describe.each(Object.entries(optimizers))("a compiled step with %s", (_, optimizerOf) => {
  it("equals the plain one for 50 steps", async () => {
    const [plain, compiled] = [make(optimizerOf), make(optimizerOf)];
    const step = compile(compiled.step);
    for (let i = 0; i < 50; i++) {
      for (const one of [plain, compiled]) setRate(one, 0.01 / (1 + i));
      const expected = plain.step(...batch(i));
      // Now and then a step as it is written, or one of another size.
      const got = (i % 13 === 12 ? compiled.step : step)(...batch(i));
      expect(await got.item()).toBe(await expected.item());
    }
    expect(step.replays).toBeGreaterThan(40);
    for (const [k, p] of compiled.parameters.entries())
      expect(await p.data()).toEqual(await plain.parameters[k]!.data());
    const [a, b] = [plain, compiled].map(({ optimizer }) => optimizer.stateDict());
    for (const [key, state] of Object.entries(a!.state)) expect(b!.state[Number(key)]!.step).toBe(state.step);
    expect(compiled.generator.state).toEqual(plain.generator.state);
  });
});

it("refuses an option that has become invalid, also in a replay", () => {
  const one = make(optimizers.AdamW);
  const step = compile(one.step);
  for (let i = 0; i < 5; i++) step(...batch(i));
  expect(step.replays).toBeGreaterThan(0);
  setRate(one, Number.NaN);
  expect(() => step(...batch(9))).toThrow(/lr/);
});
