// How the losses of single elements become one number: as in nn.functional.

import { functional } from "@torchium/tensor/nn";

/** `mean` over what counts, `sum`, or `none`: every element's loss. */
export type Reduction = functional.Reduction;

/** The rule of the option `reduction`, `mean` unless given. */
export const { reduction } = functional.lossRules.mseLoss;

/** The elements' losses, reduced. */
export const { reduced } = functional;
