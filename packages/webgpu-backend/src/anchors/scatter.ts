// Rows added to rows of a table by id. The first row of each id takes care of all rows of that id, in their order, so
// that every sum is made in the same order each time and nothing is shared: one work group a row looks whether an
// earlier row has its id, and if none has, walks the later ones and adds up.

import type { AnchorOps, Launch } from "@torchium/tensor/backend";
import { countOf, type Dispatch, GpuExecutable, type LaunchPlan, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { guardDispatch } from "./guard.js";

/** What happens to the rows of the output: zeroed and added to, added to, or replaced. */
export type ScatterMode = "zero" | AnchorOps["scatterInto"]["mode"];

const workgroupSize = 256;
const layout = new ParamLayout(["count"], 3, 3, 0);

/** `scatterAdd` and `scatterInto` over [table, width, rows]: x, ids, output. */
export class ScatterExecutable extends GpuExecutable {
  readonly #mode: ScatterMode;

  constructor(key: string, mode: ScatterMode) {
    super(key);
    this.#mode = mode;
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const [tableRows, width, rows] = sizes as [number, number, number];
    const strides = operands.map((o) => o.strides);
    const uses = operands.map((_, i) => useOf(launch, i, i === 2));
    const dispatches: Dispatch[] = [];
    const cells = countOf([tableRows, width], label);
    if (this.#mode === "zero" && cells > 0) {
      const words = layout.block({ count: cells }, sizes, strides);
      const groups = Math.ceil(cells / workgroupSize);
      dispatches.push({ shader: zeroShader, layout, words, uses: [undefined, undefined, uses[2]], groups });
    }
    if (rows === 0) return { dispatches, scratchWords: 0 };
    dispatches.push(guardDispatch(launch, 1, operands[1]!.strides[2]!, rows, tableRows));
    if (width > 0 && tableRows > 0) {
      const words = layout.block({ count: rows }, sizes, strides);
      dispatches.push({ shader: shaders[this.#mode], layout, words, uses, groups: rows });
    }
    return { dispatches, scratchWords: 0, guards: tableRows };
  }
}

const zeroShader: Shader = { key: "scatter/clear", render: renderClear };
const shaders: Readonly<Record<ScatterMode, Shader>> = {
  zero: { key: "scatter/add", render: (slots) => renderScatter(slots, true) },
  add: { key: "scatter/add", render: (slots) => renderScatter(slots, true) },
  set: { key: "scatter/set", render: (slots) => renderScatter(slots, false) },
};

const stride = (operand: number, axis: number): string => wordText(layout.stride(operand, axis));
const start = (operand: number): string => wordText(layout.start(operand));

function renderClear(slots: Slots): string {
  const places = new Places(slots);
  const width = wordText(layout.size(1));
  const body = [
    `let i = group * ${workgroupSize}u + t;`,
    `if (i >= ${wordText(layout.field("count"))}) { return; }`,
    `${places.word(2, `${start(2)} + (i / ${width}) * ${stride(2, 0)} + (i % ${width}) * ${stride(2, 1)}`)} = 0u;`,
  ];
  return moduleText({ source: newSource(), slots, layout, workgroupSize, body });
}

function renderScatter(slots: Slots, adds: boolean): string {
  const places = new Places(slots);
  const [tableRows, width, rows] = [0, 1, 2].map((axis) => wordText(layout.size(axis)));
  const id = (row: string): string => places.word(1, `${start(1)} + ${row} * ${stride(1, 2)}`);
  const x = places.word(0, `${start(0)} + row * ${stride(0, 2)} + column * ${stride(0, 1)}`);
  const out = places.word(2, `${start(2)} + own * ${stride(2, 0)} + column * ${stride(2, 1)}`);
  const body = [
    `if (group >= ${rows}) { return; }`,
    // What is read from a buffer that may be written is not known to be the same for all threads.
    `if (t == 0u) { chosen = ${id("group")}; }`,
    "let own = workgroupUniformLoad(&chosen);",
    `if (own >= ${tableRows}) { return; }`,
    // Does an earlier row have this id?
    "var seen = 0u;",
    `for (var row = t; row < group; row += ${workgroupSize}u) { if (${id("row")} == own) { seen = 1u; break; } }`,
    "if (t == 0u) { atomicStore(&earlier, 0u); }",
    "workgroupBarrier();",
    "if (seen != 0u) { atomicStore(&earlier, 1u); }",
    "workgroupBarrier();",
    "if (t == 0u) { answer = atomicLoad(&earlier); }",
    "if (workgroupUniformLoad(&answer) != 0u) { return; }",
    `for (var first = group; first < ${rows}; first += ${workgroupSize}u) {`,
    "if (t < 8u) { atomicStore(&found[t], 0u); }",
    "workgroupBarrier();",
    `if (first + t < ${rows}) { if (${id("(first + t)")} == own) { atomicOr(&found[t >> 5u], 1u << (t & 31u)); } }`,
    "workgroupBarrier();",
    "for (var word = 0u; word < 8u; word++) {",
    "var bits = atomicLoad(&found[word]);",
    "while (bits != 0u) {",
    "let row = first + word * 32u + firstTrailingBit(bits);",
    "bits = bits & (bits - 1u);",
    `for (var column = t; column < ${width}; column += ${workgroupSize}u) {`,
    adds ? `${out} = bitcast<u32>(bitcast<f32>(${out}) + bitcast<f32>(${x}));` : `${out} = ${x};`,
    "}",
    "}",
    "}",
    "workgroupBarrier();",
    "}",
  ];
  const declarations = [
    "var<workgroup> earlier: atomic<u32>;",
    "var<workgroup> answer: u32;",
    "var<workgroup> chosen: u32;",
    "var<workgroup> found: array<atomic<u32>, 8>;",
  ];
  return moduleText({ source: newSource(), slots, layout, workgroupSize, declarations, body });
}
