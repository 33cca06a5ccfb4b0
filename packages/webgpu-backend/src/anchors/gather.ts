// Rows of a table by id: one thread an element, or four where they are dense. Ids are checked by a dispatch of their own,
// which leaves the first that lies outside the table where the host finds it; such a row is zero.

import { type DType, isHalf, type Launch, unreachable } from "@torchium/tensor/backend";
import { address } from "../kernels/geometry.js";
import { countOf, GpuExecutable, type LaunchPlan, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { guardDispatch } from "./guard.js";
import { isVectorAlong } from "./vectors.js";

const workgroupSize = 256;
const layout = new ParamLayout(["threads", "rowThreads"], 3, 3, 0);
const strided = [2, 2, 2] as const;
const wide = [true, false, true];

/** Gathers rows of words or of halves: what an element means makes no difference. */
export class GatherExecutable extends GpuExecutable {
  readonly #shaders: Readonly<Record<"single" | "wide", Shader>>;

  constructor(key: string, type: DType) {
    super(key, [], [type, "int32", type]);
    if (type === "float64") unreachable("gather of float64 on WebGPU");
    this.#shaders = shaders[isHalf(type) ? "float16" : "uint32"];
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const [rows, width, tableRows] = sizes as [number, number, number];
    if (rows === 0) return { dispatches: [], scratchWords: 0 };
    const guard = guardDispatch(launch, 1, operands[1]!.strides[0]!, rows, tableRows);
    const count = countOf([rows, width], label);
    if (count === 0) return { dispatches: [guard], scratchWords: 0, guards: tableRows };
    const isWide = width % 4 === 0 && [operands[0]!, operands[2]!].every((o) => isVectorAlong(o, 1));
    const perThread = isWide ? 4 : 1;
    const threads = count / perThread;
    const words = layout.block(
      { threads, rowThreads: width / perThread },
      sizes,
      operands.map((o) => o.strides),
    );
    const uses = operands.map((_, i) => useOf(launch, i, i === 2));
    const shader = isWide ? this.#shaders.wide : this.#shaders.single;
    const gather = { shader, layout, words, uses, groups: Math.ceil(threads / workgroupSize) };
    return { dispatches: [guard, gather], scratchWords: 0, guards: tableRows };
  }
}

/** Types whose values are the bits of an element. */
type Unit = "float16" | "uint32";

const shadersOf = (unit: Unit) => ({
  single: { key: `gather/${unit}`, render: (slots: Slots) => render(unit, slots, false) },
  wide: { key: `gather/${unit}/wide`, render: (slots: Slots) => render(unit, slots, true) },
});
const shaders = { uint32: shadersOf("uint32"), float16: shadersOf("float16") };

function render(unit: Unit, slots: Slots, isWide: boolean): string {
  const isHalves = unit === "float16";
  const places = new Places(slots, isWide && !isHalves ? wide : [], [false, false, isHalves && !isWide]);
  const at = (operand: number, axes: readonly number[]): string => address(layout, operand, strided, axes);
  const [from, to] = [at(0, [1, 2]), at(2, [0, 1])];
  const rowThreads = wordText(layout.field("rowThreads"));
  const body = [
    `let i = group * ${workgroupSize}u + t;`,
    `if (i >= ${wordText(layout.field("threads"))}) { return; }`,
    `let c0 = i / ${rowThreads};`,
    `let c1 = (i % ${rowThreads})${isWide ? " * 4u" : ""};`,
    `let c2 = ${places.word(1, at(1, [0]))};`,
    `var value = ${isWide ? "vec4<u32>()" : "0u"};`,
    `if (c2 < ${wordText(layout.size(2))}) { value = ${isWide ? places.four(unit, 0, from) : places.load(unit, 0, from)}; }`,
    isWide ? places.storeFour(unit, 2, to, "value") : places.store(unit, 2, to, "value"),
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}
