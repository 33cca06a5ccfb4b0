// Training a system for some steps, and holding what a device gave against the CPU.

import { clipGradNorm } from "@torchium/optim";
import { type Device, setDefaultDevice, type Tensor, tensor } from "@torchium/tensor";
import { expect } from "vitest";
import { parametersOf, type System } from "./systems.js";

/** Losses before each step, and gradients of the first by the name of their parameter. */
export type Training = {
  readonly losses: readonly number[];
  readonly gradients: ReadonlyMap<string, readonly number[]>;
};

/** Takes steps as a user writes them. */
export async function train({ modules, optimizer, backward }: System, steps: number): Promise<Training> {
  const losses: number[] = [];
  const gradients = new Map<string, number[]>();
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = backward();
    clipGradNorm(parametersOf(modules), 1.0);
    losses.push(await loss.item());
    for (const [i, module] of (step === 0 ? modules : []).entries())
      for (const [name, { grad }] of module.namedParameters())
        if (grad) gradients.set(`${i}.${name}`, [...(await grad.data())]);
    optimizer.step();
  }
  return { losses, gradients };
}

/** Trains a system on a device and on the CPU from the same parameters, and expects the same losses and gradients. */
export async function expectTrainsAlike(make: () => System, device: Device, cpu: Device, steps: number): Promise<void> {
  setDefaultDevice(cpu);
  const expected = make();
  setDefaultDevice(device);
  const got = make();
  for (const [i, module] of got.modules.entries()) {
    const state: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(expected.modules[i]!.stateDict()))
      state[name] = tensor(await value.data(), { shape: value.shape });
    module.loadStateDict(state);
  }
  const ours = await train(got, steps);
  setDefaultDevice(cpu);
  const theirs = await train(expected, steps);
  ours.losses.forEach((loss, i) => {
    const other = theirs.losses[i]!;
    expect(Math.abs(loss / other - 1), `loss ${loss} of step ${i}, ${other} on the CPU`).toBeLessThan(1e-4);
  });
  expect(ours.losses.at(-1)).toBeLessThan(ours.losses[0]!);
  // Some gradients are zero but for rounding (biases of keys), so the largest of all is the measure.
  const scale = Math.max(...[...theirs.gradients.values()].flat().map(Math.abs));
  expect([...ours.gradients.keys()]).toEqual([...theirs.gradients.keys()]);
  for (const [name, values] of ours.gradients) {
    const other = theirs.gradients.get(name)!;
    const worst = Math.max(...values.map((v, i) => Math.abs(v - other[i]!)));
    expect(worst / scale, `gradient of ${name}`).toBeLessThan(1e-4);
  }
}
