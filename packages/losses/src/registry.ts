// Losses by name, for configurations and command lines. Importing this brings in every loss.

import { unknownName } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import * as declared from "./losses.js";

const losses = { ...declared };

/** The name of a loss, as its class is called. */
export type LossName = keyof typeof losses;

/** The options of the loss called `N`. */
export type LossOptions<N extends LossName> = NonNullable<ConstructorParameters<(typeof losses)[N]>[0]>;

/** Names of all losses, in alphabetical order. */
export function availableLosses(): LossName[] {
  return (Object.keys(losses) as LossName[]).sort();
}

/**
 * A loss by name, as `new` would make it.
 * @throws TensorError `argument` for an unknown name, with the nearest one that exists, or for a wrong option
 */
export function createLoss<N extends LossName>(name: N, options?: LossOptions<N>): InstanceType<(typeof losses)[N]>;
export function createLoss(name: string, options?: object): Module;
export function createLoss(name: string, options: object = {}): Module {
  if (!Object.hasOwn(losses, name)) throw unknownName("createLoss", "loss", String(name), availableLosses());
  return new (losses[name as LossName] as new (options: object) => Module)(options);
}
