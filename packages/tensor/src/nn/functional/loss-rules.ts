// What the loss functions may be told, as tables: the functions check their options against them at each call, the
// classes of @torchium/losses when they are made.

import { checkTensor } from "../../autograd/checks.js";
import { argumentError } from "../../errors.js";
import { flag, instance, number, type OptionTable, oneOf, optional, type Resolved } from "../../options/index.js";
import { Tensor } from "../../tensor.js";
import type { Reduction } from "./cross-entropy.js";

/** "mean" unless given, "sum", or "none": every element's loss. */
export type ReductionOption = { readonly reduction?: Reduction };

const reduction = oneOf(["mean", "sum", "none"], "mean");
const weight = optional(instance("a tensor", Tensor));

/** The options of every loss function but those over class ids, by the function's name. */
export const lossRules = {
  mseLoss: { reduction },
  l1Loss: { reduction },
  smoothL1Loss: { beta: number({ atLeast: 0 }, 1), reduction },
  huberLoss: { delta: number({ above: 0 }, 1), reduction },
  binaryCrossEntropy: { weight, reduction },
  binaryCrossEntropyWithLogits: { weight, posWeight: weight, reduction },
  klDiv: { logTarget: flag(false), reduction: oneOf(["mean", "sum", "none", "batchmean"], "mean") },
  poissonNllLoss: { logInput: flag(true), full: flag(false), eps: number({ above: 0 }, 1e-8), reduction },
  gaussianNllLoss: { full: flag(false), eps: number({ above: 0 }, 1e-6), reduction },
  cosineEmbeddingLoss: { margin: number({ atLeast: -1, atMost: 1 }, 0), reduction },
  hingeEmbeddingLoss: { margin: number({ atLeast: 0 }, 1), reduction },
  marginRankingLoss: { margin: number({ atLeast: 0 }, 0), reduction },
  tripletMarginLoss: {
    margin: number({ above: 0 }, 1),
    p: number({ above: 0 }, 2),
    eps: number({ atLeast: 0 }, 1e-6),
    swap: flag(false),
    reduction,
  },
} as const satisfies Readonly<Record<string, OptionTable<object>>>;

type Rules = typeof lossRules;

/** The options in force of the loss function called `N`. */
export type LossOptions<N extends keyof Rules> = Resolved<Rules[N]>;

/** The losses of single elements as one number, or as they are. @throws TensorError `argument` */
export function reduced(losses: Tensor, how: Reduction): Tensor {
  checkTensor("reduced", losses, "losses");
  if (!reduction.accepts(how)) throw argumentError("reduced", "reduction", reduction.expected, how);
  return how === "none" ? losses : losses[how]();
}
