// The anchors this backend runs itself; the others are left to core.

import { type AnchorCall, isHalf } from "@torchium/tensor/backend";
import type { GpuExecutable } from "../run/dispatch.js";
import { AttentionExecutable } from "./attention.js";
import { GatherExecutable } from "./gather.js";
import { MatmulExecutable } from "./matmul.js";
import { ScanExecutable } from "./scan.js";
import { ScatterExecutable } from "./scatter.js";
import { SortExecutable } from "./sort.js";

/**
 * Makes the executable of an anchor from its key, or undefined when the anchor is declined. With `dearBarriers` threads
 * wait for each other only where they must.
 */
export function makeAnchor(call: AnchorCall, dearBarriers: boolean): ((key: string) => GpuExecutable) | undefined {
  const { type } = call.attributes;
  if (type === "float64" || (call.epilogue && call.op !== "matmul")) return undefined;
  switch (call.op) {
    case "matmul": {
      const { rank, epilogue, attributes } = call;
      return (key) =>
        new MatmulExecutable(key, { type: attributes.type, rank, ...(epilogue && { epilogue }) }, dearBarriers);
    }
    case "gather":
      return (key) => new GatherExecutable(key, type);
    case "scatterAdd":
      return (key) => new ScatterExecutable(key, "zero");
    case "scatterInto": {
      const { mode } = call.attributes;
      return (key) => new ScatterExecutable(key, mode);
    }
    case "scan": {
      const { reverse } = call.attributes;
      return type === "bool" || isHalf(type)
        ? undefined
        : (key) => new ScanExecutable(key, { type, reverse }, call.rank);
    }
    case "sort": {
      const { descending } = call.attributes;
      return isHalf(type) ? undefined : (key) => new SortExecutable(key, type, descending, call.rank);
    }
    case "attention":
    case "attentionGradient": {
      const { attributes, op, rank } = call;
      // Its tiles wait at many barriers: where these are dear, products and a softmax take half the time.
      if (isHalf(attributes.type) || dearBarriers) return undefined;
      return (key) => new AttentionExecutable(key, attributes, op === "attentionGradient", rank);
    }
    default:
      return undefined;
  }
}
