// Whether operations are recorded for backward. Ambient, but only within synchronous callbacks.

import { checkFunction } from "../arguments.js";
import { TensorError } from "../errors.js";

let enabled = true;

/** Whether operations are being recorded. */
export const gradEnabled = (): boolean => enabled;

/** Runs `fn` with recording on or off. @throws TensorError `state` when `fn` returns a promise. */
export function withGrad<R>(op: string, on: boolean, fn: () => R): R {
  checkFunction(op, "the callback", fn);
  const before = enabled;
  enabled = on;
  try {
    return refusePromise(op, fn());
  } finally {
    enabled = before;
  }
}

/** The result, unless it is a promise: ambient state would leak across its awaits. */
export function refusePromise<R>(op: string, result: R): R {
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new TensorError("state", `${op}: the callback must be synchronous, got a promise`, { op });
  }
  return result;
}
