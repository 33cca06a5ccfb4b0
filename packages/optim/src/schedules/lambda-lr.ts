// A schedule by the user's own function.

import { argumentError } from "@torchium/tensor";
import { LRScheduler, type Schedulable } from "./scheduler.js";

/** The factor of the starting rate after `step` steps. */
export type LRLambda = (step: number) => number;

/** `lr · lrLambda(t)`, with one function for all groups or one for each. Functions are not part of the state. */
export class LambdaLR extends LRScheduler {
  /** @throws TensorError `argument` unless there is a function for every group, or for a factor that is no rate */
  constructor(optimizer: Schedulable, lrLambda: LRLambda | readonly LRLambda[]) {
    const list: readonly unknown[] = Array.isArray(lrLambda) ? lrLambda : [lrLambda];
    for (const f of list) {
      if (typeof f !== "function") {
        throw argumentError("LambdaLR", "lrLambda", "a function of the step, or one for each group", f);
      }
    }
    const groups = optimizer?.paramGroups?.length;
    if (Array.isArray(lrLambda) && list.length !== groups) {
      throw argumentError("LambdaLR", "lrLambda", `${groups} functions, one for each group`, `${list.length}`);
    }
    const functions = list as readonly LRLambda[];
    super("LambdaLR", optimizer, (t, lr, group) => lr * (functions[group] ?? functions[0]!)(t));
  }
}
