// Dropout, off outside of training.

import * as f from "../../functions.js";
import { defaultGenerator, type Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { checkProbability } from "../options.js";

/** Whether dropout is active (true unless given), and what it draws from. */
export type DropoutOptions = { readonly training?: boolean; readonly generator?: Generator };

/** x / (1 − p) with each element dropped with probability p (0.5 unless given). @throws TensorError `argument` */
export function dropout(x: Tensor, p = 0.5, { training = true, generator }: DropoutOptions = {}): Tensor {
  checkProbability("dropout", "p", p);
  return training ? f.dropout(x, p, generator ?? defaultGenerator()) : x;
}
