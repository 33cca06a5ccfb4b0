// Which anchors the backend runs itself; the rest are core's fallbacks. Declined by structure only.

import { type AnchorCall, isHalf, type Kernel } from "@torchium/tensor/backend";
import type { CudaExecutable } from "../run/executable.js";
import type { KernelExecutable } from "../run/kernel-executable.js";
import { AttentionExecutable } from "./attention/attention.js";
import type { CublasLt } from "./cublaslt.js";
import type { FaultTable } from "./faults.js";
import { GatherExecutable } from "./gather.js";
import { MatmulExecutable } from "./matmul.js";
import { ScanExecutable } from "./scan.js";
import { ScatterExecutable } from "./scatter.js";

/** What anchors are made with. */
export type AnchorTools = {
  readonly cublasLt: CublasLt | undefined;
  readonly faults: FaultTable;
  readonly compile: (kernel: Kernel) => KernelExecutable;
};

/** The executable of an anchor, or undefined for one that is declined. */
export function anchorOf(key: string, call: AnchorCall, tools: AnchorTools): CudaExecutable | undefined {
  if (call.op === "matmul") {
    const epilogue = call.epilogue && tools.compile(call.epilogue);
    return new MatmulExecutable(key, call.attributes.type, tools.cublasLt, epilogue);
  }
  if (call.epilogue) return undefined;
  switch (call.op) {
    case "gather":
      return new GatherExecutable(key, call.attributes.type, tools.faults);
    case "scatterAdd":
      return new ScatterExecutable(key, call.attributes.type, "zero", tools.faults);
    case "scatterInto":
      return new ScatterExecutable(key, call.attributes.type, call.attributes.mode, tools.faults);
    case "scan": {
      const { type, reverse } = call.attributes;
      return type === "bool" || isHalf(type) ? undefined : new ScanExecutable(key, type, reverse);
    }
    case "attention":
    case "attentionGradient":
      return new AttentionExecutable(key, call);
    default:
      return undefined;
  }
}
