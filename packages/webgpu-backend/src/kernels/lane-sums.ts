// The second stage of sums over rows: blocks of rows have left one partial sum each for every place in the row, and one
// thread a place adds them up, block after block, so that the order never changes.

import type { DType, Launch, Program } from "@torchium/tensor/backend";
import type { Dispatch, Use } from "../run/dispatch.js";
import { scratchUse, useOf } from "../run/dispatch.js";
import { wgsl } from "../wgsl/dialect.js";
import { moduleText, newSource, Places, type Shader } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { zero } from "./leaves.js";

const workgroupSize = 64;
const layout = new ParamLayout(["length", "blocks", "base"], 1, 2, 0);

/** The outputs of a program that are sums over the rows, with the operands they are. */
export const laneOutputs = (program: Program) =>
  program.outputs.flatMap(({ expr, role }, k) =>
    role === "lane" ? [{ expr, operand: program.inputs.length + k }] : [],
  );

/** Words of the partial sums of all lane outputs; for rows without elements, too, as the shader binds them. */
export const laneWords = (program: Program, blocks: number, length: number): number =>
  laneOutputs(program).length * Math.max(1, blocks * length);

/** The word of a partial sum: those of output `which` of all blocks lie behind each other. */
export const partialLane = (base: string, which: number, blocks: string, block: string, length: string): string =>
  `${base} + (${which}u * ${blocks} + ${block}) * ${length}`;

/** Dispatches that finish the lane outputs of a launch whose partial sums start at word `base` of the scratch. */
export function laneDispatches(
  program: Program,
  launch: Pick<Launch, "sizes" | "operands">,
  blocks: number,
  base: number,
): Dispatch[] {
  const length = launch.sizes[launch.sizes.length - 1]!;
  if (length === 0) return [];
  return laneOutputs(program).map(({ expr, operand }, which) => {
    const stride = launch.operands[operand]!.strides.at(-1)!;
    const uses: Use[] = [scratchUse, useOf(launch, operand, true)];
    const fields = { length, blocks, base: base + which * blocks * length };
    return {
      shader: shaderOf(expr.type),
      layout,
      words: layout.block(fields, [length], [[1], [stride]]),
      uses,
      groups: Math.ceil(length / workgroupSize),
    };
  });
}

const shaders = new Map<DType, Shader>();

function shaderOf(type: DType): Shader {
  let shader = shaders.get(type);
  if (!shader) {
    shader = { key: `lane-sums/${type}`, render: (slots) => render(type, slots) };
    shaders.set(type, shader);
  }
  return shader;
}

function render(type: DType, slots: Parameters<Shader["render"]>[0]): string {
  const source = newSource();
  const places = new Places(slots);
  const [length, blocks, base] = (["length", "blocks", "base"] as const).map((f) => wordText(layout.field(f)));
  const partial = wgsl.load(type, places.word(0, `${base} + block * ${length} + lane`));
  const out = `${wordText(layout.start(1))} + lane * ${wordText(layout.stride(1, 0))}`;
  const body = [
    `let lane = group * ${workgroupSize}u + t;`,
    `if (lane >= ${length}) { return; }`,
    wgsl.variable(type, "total", zero(type)),
    `for (var block = 0u; block < ${blocks}; block++) { total = total + ${partial}; }`,
    wgsl.store(type, places.word(1, out), "total"),
  ];
  return moduleText({ source, places, layout, workgroupSize, body });
}
