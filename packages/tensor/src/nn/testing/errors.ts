// What a call throws, for tests that compare codes and messages.

import { TensorError } from "../../errors.js";

/** The TensorError that `fn` throws. */
export function caught(fn: () => unknown): TensorError {
  try {
    fn();
  } catch (error) {
    if (TensorError.is(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
