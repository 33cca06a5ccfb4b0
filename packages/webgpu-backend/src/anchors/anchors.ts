// The anchors this backend runs itself; the others are left to core's fallbacks.

import type { AnchorCall } from "@torchium/tensor/backend";
import type { GpuExecutable } from "../run/dispatch.js";

/** Makes the executable of an anchor from its key, or undefined when the anchor is declined. */
export function makeAnchor(_call: AnchorCall): ((key: string) => GpuExecutable) | undefined {
  return undefined;
}
