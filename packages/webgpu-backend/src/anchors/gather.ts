// Rows of a table by id: one thread an element. Ids are checked by a dispatch of their own, which leaves the first that
// lies outside the table where the host finds it; such a row is zero.

import { type DType, type Launch, unreachable } from "@torchium/tensor/backend";
import { address, coordinates } from "../kernels/geometry.js";
import { countOf, GpuExecutable, type LaunchPlan, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { guardDispatch } from "./guard.js";

const workgroupSize = 256;
const layout = new ParamLayout(["count"], 3, 3, 0);
const strided = [2, 2, 2] as const;

/** Gathers rows of words: the type of an element makes no difference, as long as it is a word. */
export class GatherExecutable extends GpuExecutable {
  readonly #shader: Shader;

  constructor(key: string, type: DType) {
    super(key);
    if (type === "float64") unreachable("gather of float64 on WebGPU");
    this.#shader = { key: "gather", render };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const [rows, width, tableRows] = sizes as [number, number, number];
    if (rows === 0) return { dispatches: [], scratchWords: 0 };
    const guard = guardDispatch(launch, 1, operands[1]!.strides[0]!, rows, tableRows);
    const count = countOf([rows, width], label);
    if (count === 0) return { dispatches: [guard], scratchWords: 0, guards: tableRows };
    const words = layout.block(
      { count },
      sizes,
      operands.map((o) => o.strides),
    );
    const uses = operands.map((_, i) => useOf(launch, i, i === 2));
    const gather = { shader: this.#shader, layout, words, uses, groups: Math.ceil(count / workgroupSize) };
    return { dispatches: [guard, gather], scratchWords: 0, guards: tableRows };
  }
}

function render(slots: Slots): string {
  const places = new Places(slots);
  const at = (operand: number, axes: readonly number[]): string => address(layout, operand, strided, axes);
  const body = [
    `let i = group * ${workgroupSize}u + t;`,
    `if (i >= ${wordText(layout.field("count"))}) { return; }`,
    ...coordinates("i", 2, (axis) => wordText(layout.size(axis))),
    `let c2 = ${places.word(1, at(1, [0]))};`,
    "var value = 0u;",
    `if (c2 < ${wordText(layout.size(2))}) { value = ${places.word(0, at(0, [1, 2]))}; }`,
    `${places.word(2, at(2, [0, 1]))} = value;`,
  ];
  return moduleText({ source: newSource(), slots, layout, workgroupSize, body });
}
