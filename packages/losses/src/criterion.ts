// The base of every loss: a module that knows its name, its rules and its checked options.

import type { Tensor } from "@torchium/tensor";
import { Module } from "@torchium/tensor/nn";
import { type OptionTable, type Resolved, readOptions } from "@torchium/tensor/options";

/** What is known of a loss beside its computation: its name and what each option may be. */
export type LossDeclaration<R extends OptionTable<object> = OptionTable<object>> = {
  readonly name: string;
  readonly rules: R;
};

/** A loss function with its options. `forward` records the loss; nothing runs until it is read or learned from. */
export abstract class Criterion<R extends OptionTable<object>> extends Module {
  /** The options in force, defaults included. */
  readonly options: Resolved<R>;

  /** @throws TensorError `argument` for an option that is unknown, missing or of a wrong value */
  constructor({ name, rules }: LossDeclaration<R>, options: unknown) {
    super();
    this.options = readOptions(name, rules, options);
  }

  abstract override forward(...args: never[]): Tensor;

  /** Keeps a tensor option with the module, so that it moves and is saved with it. */
  protected holdBuffer(name: string, tensor: Tensor | undefined): Tensor | undefined {
    return tensor && this.registerBuffer(name, tensor);
  }
}
