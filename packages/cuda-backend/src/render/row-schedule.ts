// Programs with a row and no sums over rows: a few threads, a warp or a block a row, as the launch says.

import type { Kernel } from "@torchium/tensor/backend";
import { ProgramText, type RenderedKernel, type Variant } from "./program-text.js";
import { addOutputs, addPasses, findRow, rowScope, shareOut, type Walk } from "./row-parts.js";

/** The text of a row program. Fields: `rows`, `length` (of a row), `lanes` (threads a row, a power of two). */
export function renderRows(kernel: Kernel, variant: Variant, walk: Walk): RenderedKernel {
  const text = new ProgramText(kernel, variant, [
    { name: "rows", type: "index" },
    { name: "length", type: "index" },
    { name: "lanes", type: "int" },
  ]);
  const scope = rowScope(text);
  const shared = addPasses(text, scope, walk);
  addOutputs(text, scope, () => []);
  return text.finish(walk === "rows" ? "row_kernel" : "column_kernel", [
    ...shared,
    ...shareOut(walk),
    "const index_t asked = (index_t)block * groups + group;",
    ...findRow("asked"),
    ...text.addresses("row", text.rank - 1),
    ...scope.lines,
  ]);
}
