// Looks for the first id outside its table: one work group, each thread every 256th row, then the least of what they
// found. The words it leaves are those that FaultLog reads.

import type { Launch } from "@torchium/tensor/backend";
import { type Dispatch, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";

const workgroupSize = 256;
const layout = new ParamLayout(["rows", "tableRows"], 1, 2, 0);

/** The dispatch that checks `rows` ids of operand `ids`, which are `stride` elements apart. */
export function guardDispatch(
  launch: Pick<Launch, "operands">,
  ids: number,
  stride: number,
  rows: number,
  tableRows: number,
): Dispatch {
  return {
    shader,
    layout,
    words: layout.block({ rows, tableRows }, [rows], [[stride], [1]]),
    uses: [useOf(launch, ids, false), { place: { kind: "faults" }, written: true, offset: 0 }],
    groups: 1,
  };
}

const shader: Shader = { key: "guard", render };

function render(slots: Slots): string {
  const places = new Places(slots);
  const [rows, tableRows] = [layout.field("rows"), layout.field("tableRows")].map(wordText);
  const id = (row: string): string =>
    places.word(0, `${wordText(layout.start(0))} + ${row} * ${wordText(layout.stride(0, 0))}`);
  const body = [
    "var first = 0xffffffffu;",
    `for (var row = t; row < ${rows}; row += ${workgroupSize}u) {`,
    `if (${id("row")} >= ${tableRows}) { first = row; break; }`,
    "}",
    "least[t] = first;",
    "workgroupBarrier();",
    "if (t != 0u) { return; }",
    `for (var i = 1u; i < ${workgroupSize}u; i++) { first = min(first, least[i]); }`,
    "if (first == 0xffffffffu) { return; }",
    `${places.word(1, wordText(layout.start(1)))} = first + 1u;`,
    `${places.word(1, `${wordText(layout.start(1))} + 1u`)} = ${id("first")};`,
  ];
  const declarations = [`var<workgroup> least: array<u32, ${workgroupSize}>;`];
  return moduleText({ source: newSource(), places, layout, workgroupSize, declarations, body });
}
