// Dropout, off outside of training.

import { checkFlag, checkOptions } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import * as f from "../../functions.js";
import { defaultGenerator, type Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { checkProbability } from "../options.js";

/** Whether dropout is active (true unless given), and what it draws from. */
export type DropoutOptions = { readonly training?: boolean; readonly generator?: Generator };

/** x / (1 − p) with each element dropped with probability p (0.5 unless given). @throws TensorError `argument` */
export function dropout(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  checkOptions("dropout", options, ["training", "generator"]);
  const { training = true, generator } = options;
  checkFlag("dropout", "training", training);
  checkTensor("dropout", x);
  checkProbability("dropout", "p", p);
  return training ? f.dropout(x, p, generator ?? defaultGenerator()) : x;
}
