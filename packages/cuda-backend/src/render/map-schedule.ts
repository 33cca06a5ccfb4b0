// Programs without a row: one thread an element, or four of them with 16-byte accesses where all operands allow it.

import type { Kernel } from "@torchium/tensor/backend";
import { ProgramText, type RenderedKernel, type Variant } from "./program-text.js";

/** Threads of a block of a map. */
export const mapThreads = 256;

/** The text of a map. Field `count`: elements in all. */
export function renderMap(kernel: Kernel, variant: Variant): RenderedKernel {
  const text = new ProgramText(kernel, variant, [{ name: "count", type: "index" }]);
  const { program, rank } = text;
  const body = text.elements(
    text.launch,
    undefined,
    {
      values: program.outputs.map((o) => o.expr),
      use: () => [],
      stores: program.outputs.map((_, k) => ({ output: text.output(k), value: k })),
    },
    // Only what is one long row may end in the middle of four.
    variant.vector > 1 && rank === 1 ? "left" : undefined,
  );
  return text.finish("map_kernel", [
    `const index_t at = ((index_t)block * ${mapThreads} + threadIdx.x) * ${variant.vector};`,
    "if (at >= P.count) return;",
    ...(variant.vector > 1 && rank === 1 ? ["const index_t left = P.count - at;"] : []),
    ...text.addresses("at", rank),
    ...body,
  ]);
}
