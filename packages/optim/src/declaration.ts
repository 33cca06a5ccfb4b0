// What an optimizer is: one value with its name, its options, its state and its rule. Everything else follows from it.

import type { Tensor } from "@torchium/tensor";
import type { OptionTable } from "@torchium/tensor/options";

/** Options that every optimizer has. */
export type CommonOptions = {
  /** Learning rate. */
  readonly lr: number;
  /** Climb instead of descending: the gradient is negated first. */
  readonly maximize: boolean;
};

/** A tensor that an optimizer keeps for each parameter. */
export type StateSlot<H> = {
  /** Shaped like the parameter, or one number. */
  readonly shape: "parameter" | "scalar";
  /** What it is filled with before the first step; 0 unless given. */
  initial?(options: H): number;
  /** Whether these options need it; always unless given. */
  when?(options: H): boolean;
};

/** How an optimizer takes a gradient that only some rows of a table have. */
export type RowSupport<H> = {
  /** Options that must be 0, because with them rows without a gradient move too. */
  readonly onlyWithout: readonly (keyof H & string)[];
  /** For a rule that adds a multiple of the gradient: which, so that rows of one index need no merging. */
  scale?(options: H): number;
};

/** What a rule computes with. All tensors have the parameter's dtype and device. */
export type RuleInput<H, S extends string> = {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** The slots that `when` asks for. */
  readonly state: Readonly<Record<S, Tensor>>;
  readonly options: H;
  /** Steps of this parameter, this one included: 1 at the first. */
  readonly step: number;
  /** Whether a slot was made for this step. */
  isNew(slot: S): boolean;
};

/** What a rule gives: the new parameter, and new values of the slots it was given. */
export type RuleResult<S extends string> = {
  readonly parameter: Tensor;
  readonly state: { readonly [K in S]?: Tensor };
};

/**
 * An optimizer as a value. `rule` is a pure function that records tensor operations; what depends on the step count must
 * enter them as numbers, so that the recorded structure is the same at every step.
 */
export type OptimizerDeclaration<H extends CommonOptions, S extends string = string> = {
  readonly name: string;
  readonly options: OptionTable<Omit<H, "maximize">>;
  readonly state: Readonly<Record<S, StateSlot<H>>>;
  rule(input: RuleInput<H, S>): RuleResult<S>;
  /** Row-sparse gradients: the rule is applied to the touched rows alone. Without this they are an error. */
  readonly rows?: RowSupport<H>;
  /** Refuses options that do not go together. @throws TensorError `argument` */
  check?(options: H): void;
};
