// Few rows, each too long for one block: every row is cut into parts, a block a part. A kernel a pass reduces the parts into
// memory; each later kernel joins them first, every block in the same order, so that all have the same bits.

import { type Kernel, type NumberedReduce, reducePasses } from "@torchium/tensor/backend";
import type { Field } from "../run/params.js";
import { cudaDialect } from "./dialect.js";
import { ProgramText, type RenderedKernel, type Variant } from "./program-text.js";
import { addJoinedPass, addOutputs, addPass, findRow, rowScope, shareOut, type Walk } from "./row-parts.js";

/** Kernels that a program over long rows takes: one a pass, and one for the outputs. */
export const longRowStages = ({ program }: Kernel): number => reducePasses(program).length + 1;

/**
 * The text of one of them. Fields: those of rows; `w{i}` (parts of reduction i); `parts` of a row; `split` (parts that this
 * kernel's blocks take: `parts`, or 1 where nothing is left to walk); `perPart` (elements).
 */
export function renderLongRows(kernel: Kernel, variant: Variant, walk: Walk, stage: number): RenderedKernel {
  const passes = reducePasses(kernel.program);
  const text = new ProgramText(kernel, variant, [
    ...kernel.program.reduces.map((_, i): Field => ({ name: `w${i}`, type: "pointer" })),
    { name: "rows", type: "index" },
    { name: "length", type: "index" },
    { name: "perPart", type: "index" },
    { name: "parts", type: "int" },
    { name: "split", type: "int" },
    { name: "lanes", type: "int" },
  ]);
  const scope = rowScope(text);
  const shared = passes.slice(0, stage).flatMap((pass) => addJoinedPass(text, scope, walk, pass));
  const own = passes[stage];
  if (own) {
    shared.push(...addPass(text, scope, walk, own, "part"));
    const keep = own.map((r) => `w${r.index}[row * P.parts + part] = r${r.index};`);
    scope.push(`if (active && lane == 0) { ${keep.join(" ")} }`);
  } else addOutputs(text, scope, () => [], "part");
  const parts = ({ of, index }: NumberedReduce): string => {
    const type = cudaDialect.types[of.type];
    return `${type}* const w${index} = (${type}*)P.w${index};`;
  };
  return text.finish(walk === "rows" ? "long_row_kernel" : "long_column_kernel", [
    ...shared,
    ...shareOut(walk),
    ...passes.slice(0, stage + 1).flatMap((pass) => pass.map(parts)),
    "const int part = block % P.split;",
    "const index_t asked = (index_t)(block / P.split) * groups + group;",
    ...findRow("asked"),
    "const index_t first = part * P.perPart;",
    "const index_t end = first + P.perPart < length ? first + P.perPart : length;",
    ...text.addresses("row", text.rank - 1),
    ...scope.lines,
  ]);
}
