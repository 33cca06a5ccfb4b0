// A small language model with dropout, trained for some steps: the losses are the reference's, which computes in float64,
// until rounding has grown. In bfloat16 autocast they stay near those of float32.

import {
  assignAll,
  autocast,
  type Device,
  fromTypedArray,
  Generator,
  noGrad,
  type Tensor,
  zeros,
} from "@torchium/tensor";
import { Embedding, functional as F, LayerNorm, Linear, Module, TransformerEncoderLayer } from "@torchium/tensor/nn";
import type { CaseContext, CaseTable } from "../case.js";
import { check } from "../failure.js";

const vocabulary = 11;
const width = 8;
const time = 7;
const batch = 2;
const steps = 6;

class TinyLanguageModel extends Module {
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly block: TransformerEncoderLayer;
  readonly norm: LayerNorm;
  readonly head: Linear;

  constructor(device: Device, generator: Generator) {
    super();
    const making = { device, generator };
    this.tokens = new Embedding(vocabulary, width, making);
    this.positions = new Embedding(time, width, making);
    const shape = { dimFeedforward: 2 * width, dropout: 0.1, batchFirst: true, normFirst: true } as const;
    this.block = new TransformerEncoderLayer(width, 2, { ...shape, ...making });
    this.norm = new LayerNorm(width, { device });
    this.head = new Linear(width, vocabulary, making);
  }

  forward(ids: Tensor, places: Tensor): Tensor {
    const x = this.tokens.forward(ids).add(this.positions.forward(places));
    return this.head.forward(this.norm.forward(this.block.forward(x, { isCausal: true })));
  }
}

/** Losses of gradient descent with momentum on text that repeats. */
async function train(device: Device, run: <R>(fn: () => R) => R): Promise<number[]> {
  const model = new TinyLanguageModel(device, new Generator(7));
  const parameters = model.parameters();
  const momentum = parameters.map((p) => zeros(p.shape, { device }));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const at = (offset: number): Tensor =>
      fromTypedArray(
        Int32Array.from({ length: batch * time }, (_, i) => {
          const place = (i % time) + offset + Math.floor(i / time) + (step % 3);
          return (place * place + place) % vocabulary;
        }),
        [batch, time],
        { device },
      );
    const places = fromTypedArray(
      Int32Array.from({ length: time }, (_, i) => i),
      [time],
      { device },
    );
    const loss = run(() => F.crossEntropy(model.forward(at(0), places).reshape(-1, vocabulary), at(1).reshape(-1)));
    for (const p of parameters) p.grad = undefined;
    loss.backward();
    const value = loss.item();
    losses.push(await value);
    const updates = noGrad(() =>
      parameters.flatMap((p, i): [Tensor, Tensor][] => {
        const velocity = momentum[i]!.mul(0.9).add(p.grad!);
        return [
          [momentum[i]!, velocity],
          [p, p.sub(velocity.mul(0.05))],
        ];
      }),
    );
    assignAll(updates, "step");
  }
  return losses;
}

const plainly = <R>(fn: () => R): R => fn();

async function training({ bench, devices }: CaseContext): Promise<void> {
  bench.need("float32", "int32", "uint32", "bool");
  const wanted = await train(devices.reference, plainly);
  const got = await train(await devices.own(), plainly);
  got.forEach((loss, step) => {
    check(Math.abs(loss - wanted[step]!) < 1e-4, () => `step ${step}: the loss is ${loss}, expected ${wanted[step]}`);
  });
  check(got.at(-1)! < got[0]! - 0.1, () => `the loss went from ${got[0]} to ${got.at(-1)}`);
}

async function trainingInHalves({ bench, devices }: CaseContext, dtype: "bfloat16" | "float16"): Promise<void> {
  bench.need("float32", "int32", "uint32", "bool", dtype);
  const inHalves = <R>(fn: () => R): R => autocast(dtype, fn);
  const wanted = await train(devices.reference, inHalves);
  const got = await train(await devices.own(), inHalves);
  const most = dtype === "bfloat16" ? 0.03 : 0.005;
  got.forEach((loss, step) => {
    check(Math.abs(loss - wanted[step]!) < most, () => `step ${step}: the loss is ${loss}, expected ${wanted[step]}`);
  });
}

/** Training. */
export const trainingCases = {
  "training/a language model": training,
  "training/a language model in bfloat16": (c) => trainingInHalves(c, "bfloat16"),
  "training/a language model in float16": (c) => trainingInHalves(c, "float16"),
} as const satisfies CaseTable;
