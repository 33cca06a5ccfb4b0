// Small problems that an optimizer must solve, and the rows of the test table: one for each optimizer.

import { type Tensor, TensorError, tensor } from "@torchium/tensor";
import { expect } from "vitest";

/** Matches a TensorError by its code and parts of its message. */
export const errorLike = (code: string, ...parts: readonly string[]) =>
  expect.toSatisfy(
    (e) => TensorError.is(e, code as never) && parts.every((part) => (e as Error).message.includes(part)),
  );

/** A start, and a loss whose smallest value is 0. */
export type Problem = { readonly start: readonly number[]; readonly loss: (x: Tensor) => Tensor };

/** ½ Σ aᵢ (xᵢ − cᵢ)², a condition number of 20. */
export const quadratic: Problem = {
  start: [2, -1.5, 0.5],
  loss: (x) =>
    tensor([1, 5, 20])
      .mul(x.sub(tensor([0.5, 1, -1])).square())
      .sum()
      .mul(0.5),
};

/** Rosenbrock's valley: (1 − x)² + 100 (y − x²)², smallest at (1, 1). */
export const rosenbrock: Problem = {
  start: [1.5, 2],
  loss: (xy) => {
    const [x, y] = [xy.select(0, 0), xy.select(0, 1)];
    return x.sub(1).square().add(y.sub(x.square()).square().mul(100));
  },
};

/** What the tests need to know of an optimizer. */
export type Row = {
  readonly name: string;
  /** Options under which it solves the two problems; the rate decays to 0 on the way where `decays` says so. */
  readonly quadratic: Readonly<Record<string, unknown>>;
  readonly rosenbrock: Readonly<Record<string, unknown>>;
  /** How far down the valley it comes in 1200 steps, where that is not 0.01. */
  readonly valleyLoss?: number;
  /** Whether steps have a size of their own, so that only a falling rate lets it come to rest. */
  readonly needsDecay?: true;
  /** Options that use every state the optimizer has. */
  readonly everything: Readonly<Record<string, unknown>>;
};

/** One row for each optimizer; a test sees to it that none is missing. */
export const rows: readonly Row[] = [
  {
    name: "SGD",
    quadratic: { lr: 0.03, momentum: 0.8 },
    rosenbrock: { lr: 1e-3, momentum: 0.9 },
    everything: { lr: 0.05, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 },
  },
  {
    name: "Adam",
    quadratic: { lr: 0.1 },
    rosenbrock: { lr: 0.05 },
    everything: { lr: 0.05, weightDecay: 0.1, amsgrad: true },
  },
  {
    name: "AdamW",
    quadratic: { lr: 0.1, weightDecay: 0 },
    rosenbrock: { lr: 0.05, weightDecay: 0 },
    everything: { lr: 0.05, weightDecay: 0.1, amsgrad: true },
  },
  {
    name: "LAMB",
    quadratic: { lr: 0.05, weightDecay: 0 },
    rosenbrock: { lr: 0.02, weightDecay: 0 },
    needsDecay: true,
    everything: { lr: 0.05, weightDecay: 0.1 },
  },
  {
    name: "NovoGrad",
    quadratic: { lr: 0.1, betas: [0.5, 0.5], gradAveraging: true },
    rosenbrock: { lr: 0.05, betas: [0.9, 0.9], gradAveraging: true },
    needsDecay: true,
    everything: { lr: 0.05, weightDecay: 0.1, amsgrad: true },
  },
  {
    name: "Adagrad",
    quadratic: { lr: 0.5 },
    rosenbrock: { lr: 1 },
    valleyLoss: 0.1,
    everything: { lr: 0.05, lrDecay: 0.1, weightDecay: 0.1, initialAccumulatorValue: 0.5 },
  },
  {
    name: "RMSprop",
    quadratic: { lr: 0.1 },
    rosenbrock: { lr: 0.02, momentum: 0.5, alpha: 0.9 },
    needsDecay: true,
    everything: { lr: 0.05, momentum: 0.5, weightDecay: 0.1, centered: true },
  },
  {
    name: "RAdam",
    quadratic: { lr: 0.1 },
    rosenbrock: { lr: 0.002, betas: [0.9, 0.9] },
    everything: { lr: 0.05, betas: [0.9, 0.9], weightDecay: 0.1 },
  },
  {
    name: "Lion",
    quadratic: { lr: 0.1 },
    rosenbrock: { lr: 0.01 },
    needsDecay: true,
    everything: { lr: 0.05, weightDecay: 0.1 },
  },
  {
    name: "SparseAdam",
    quadratic: { lr: 0.1 },
    rosenbrock: { lr: 0.05 },
    everything: { lr: 0.05, betas: [0.8, 0.9] },
  },
];
