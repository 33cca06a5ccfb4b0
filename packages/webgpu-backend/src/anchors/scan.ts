// Running sums along rows: a work group a row, 256 elements at a time, with what came before carried on.

import { type DType, type Launch, unreachable } from "@torchium/tensor/backend";
import { address, coordinates } from "../kernels/geometry.js";
import { zero } from "../kernels/leaves.js";
import { countOf, GpuExecutable, type LaunchPlan, useOf } from "../run/dispatch.js";
import { typeName, wgsl } from "../wgsl/dialect.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";

const workgroupSize = 256;

/** `scan` over [outer…, row]: input, output. */
export class ScanExecutable extends GpuExecutable {
  readonly #layout: ParamLayout<"rows">;
  readonly #shader: Shader;

  constructor(key: string, { type, reverse }: { readonly type: DType; readonly reverse: boolean }, rank: number) {
    super(key);
    if (type === "bool" || type === "float64") unreachable(`scan of ${type} on WebGPU`);
    const layout = new ParamLayout(["rows"], rank, 2, 0);
    this.#layout = layout;
    this.#shader = { key, render: (slots) => render(layout, type, reverse, slots) };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    if (countOf(sizes, label) === 0) return { dispatches: [], scratchWords: 0 };
    const rows = countOf(sizes.slice(0, -1), label);
    const words = this.#layout.block(
      { rows },
      sizes,
      operands.map((o) => o.strides),
    );
    const uses = operands.map((_, i) => useOf(launch, i, i === 1));
    return { dispatches: [{ shader: this.#shader, layout: this.#layout, words, uses, groups: rows }], scratchWords: 0 };
  }
}

function render(layout: ParamLayout<"rows">, type: DType, reverse: boolean, slots: Slots): string {
  const places = new Places(slots);
  const inner = layout.rank - 1;
  const outer = [...Array(inner).keys()];
  const length = wordText(layout.size(inner));
  const base = (operand: number): string => address(layout, operand, new Array(layout.rank).fill(2), outer);
  const at = (operand: number): string => `base${operand} + lane * ${wordText(layout.stride(operand, inner))}`;
  const body = [
    `if (group >= ${wordText(layout.field("rows"))}) { return; }`,
    ...coordinates("group", inner, (axis) => wordText(layout.size(axis))),
    `let base0 = ${base(0)};`,
    `let base1 = ${base(1)};`,
    wgsl.variable(type, "carry", zero(type)),
    `for (var first = 0u; first < ${length}; first += ${workgroupSize}u) {`,
    "let place = first + t;",
    `let lane = ${reverse ? `${length} - 1u - place` : "place"};`,
    wgsl.variable(type, "sum", zero(type)),
    `if (place < ${length}) { sum = ${wgsl.load(type, places.word(0, at(0)))}; }`,
    "parts[t] = sum;",
    "workgroupBarrier();",
    `for (var step = 1u; step < ${workgroupSize}u; step = step << 1u) {`,
    "if (t >= step) { sum = sum + parts[t - step]; }",
    "workgroupBarrier();",
    "parts[t] = sum;",
    "workgroupBarrier();",
    "}",
    wgsl.constant(type, "total", "carry + sum"),
    `if (place < ${length}) { ${wgsl.store(type, places.word(1, at(1)), "total")} }`,
    `carry = carry + parts[${workgroupSize - 1}u];`,
    "workgroupBarrier();",
    "}",
  ];
  const declarations = [`var<workgroup> parts: array<${typeName(type)}, ${workgroupSize}>;`];
  return moduleText({ source: newSource(), places, layout, workgroupSize, declarations, body });
}
