// Rows added to rows of a table by id. The rows are sorted by id, which keeps those of one id in their order; then the first
// of each id adds up all of them, so that every sum is made in the same order each time and nothing is shared.

import type { AnchorOps, Launch } from "@torchium/tensor/backend";
import { countOf, type Dispatch, GpuExecutable, type LaunchPlan, scratchAt, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { guardDispatch } from "./guard.js";
import { radixSort } from "./radix-sort.js";
import { isVectorAlong } from "./vectors.js";

/** What happens to the rows of the output: zeroed and added to, added to, or replaced. */
export type ScatterMode = "zero" | AnchorOps["scatterInto"]["mode"];

const workgroupSize = 256;
// x, ids, output, and in scratch memory the keys and where they were.
const layout = new ParamLayout(["count"], 3, 5, 0);
const wide = [true, false, true, false, false];

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
    const [x, ids, out] = operands.map((_, i) => useOf(launch, i, i === 2));
    const isWide = width % 4 === 0 && [operands[0]!, operands[2]!].every((o) => isVectorAlong(o, 1));
    const dispatches: Dispatch[] = [];
    const dispatch = (shaders: Shaders, uses: Dispatch["uses"], threads: number): void => {
      const words = layout.block({ count: threads }, sizes, strides);
      const shader = isWide ? shaders.wide : shaders.single;
      dispatches.push({ shader, layout, words, uses, groups: Math.ceil(threads / workgroupSize) });
    };
    const perThread = isWide ? 4 : 1;
    const cells = countOf([tableRows, width], label);
    if (this.#mode === "zero" && cells > 0) dispatch(clear, [undefined, undefined, out], cells / perThread);
    if (rows === 0) return { dispatches, scratchWords: 0 };
    dispatches.push(guardDispatch(launch, 1, operands[1]!.strides[2]!, rows, tableRows));
    if (cells === 0) return { dispatches, scratchWords: 0, guards: tableRows };
    const sort = radixSort(1, rows, bitsOf(tableRows));
    const at = ({ keys, order }: typeof sort.before) => [scratchAt(keys), scratchAt(order)];
    dispatch(keys, [undefined, ids, undefined, ...at(sort.before)], rows);
    dispatches.push(...sort.dispatches);
    const add = this.#mode === "set" ? set : adding;
    dispatch(add, [x, undefined, out, ...at(sort.after)], countOf([rows, width], label) / perThread);
    return { dispatches, scratchWords: sort.scratchWords, guards: tableRows };
  }
}

/** Bits of the numbers from 0 to `most`. */
const bitsOf = (most: number): number => 32 - Math.clz32(most);

/** A shader for single words, and for four at a time. */
type Shaders = { readonly single: Shader; readonly wide: Shader };
const both = (key: string, render: (slots: Slots, isWide: boolean) => string): Shaders => ({
  single: { key, render: (slots) => render(slots, false) },
  wide: { key: `${key}/wide`, render: (slots) => render(slots, true) },
});
const clear = both("scatter/clear", renderClear);
const adding = both("scatter/add", (slots, isWide) => renderScatter(slots, isWide, true));
const set = both("scatter/set", (slots, isWide) => renderScatter(slots, isWide, false));
const keyShader: Shader = { key: "scatter/keys", render: renderKeys };
const keys: Shaders = { single: keyShader, wide: keyShader };

const [tableRows, width, rows] = [0, 1, 2].map((axis) => wordText(layout.size(axis))) as [string, string, string];
const stride = (operand: number, axis: number): string => wordText(layout.stride(operand, axis));
const start = (operand: number): string => wordText(layout.start(operand));
const thread = [`let i = group * ${workgroupSize}u + t;`, `if (i >= ${wordText(layout.field("count"))}) { return; }`];

/** Statements that find the row and the column of a thread among `width` columns. */
const cell = (row: string, isWide: boolean): string[] =>
  isWide
    ? [`let ${row} = i / (${width} / 4u);`, `let column = (i % (${width} / 4u)) * 4u;`]
    : [`let ${row} = i / ${width};`, `let column = i % ${width};`];

/** One word, or four as a vector. */
const placeOf = (places: Places, operand: number, isWide: boolean, row: string, axis: number): string => {
  const at = `${start(operand)} + ${row} * ${stride(operand, axis)} + column * ${stride(operand, 1)}`;
  return isWide ? places.vectorPlace(operand, at) : places.word(operand, at);
};

function renderClear(slots: Slots, isWide: boolean): string {
  const places = new Places(slots, isWide ? wide : []);
  const zero = isWide ? "vec4<u32>()" : "0u";
  const body = [...thread, ...cell("own", isWide), `${placeOf(places, 2, isWide, "own", 0)} = ${zero};`];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}

/** The id of each row; those outside the table come last. */
function renderKeys(slots: Slots): string {
  const places = new Places(slots);
  const body = [
    ...thread,
    `${places.word(3, `${start(3)} + i`)} = min(${places.word(1, `${start(1)} + i * ${stride(1, 2)}`)}, ${tableRows});`,
    `${places.word(4, `${start(4)} + i`)} = i;`,
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}

function renderScatter(slots: Slots, isWide: boolean, adds: boolean): string {
  const places = new Places(slots, isWide ? wide : []);
  const type = isWide ? "vec4<f32>" : "f32";
  const words = isWide ? "vec4<u32>" : "u32";
  const key = (at: string): string => places.word(3, `${start(3)} + ${at}`);
  const out = placeOf(places, 2, isWide, "own", 0);
  const at = `${start(0)} + row * ${stride(0, 2)} + column * ${stride(0, 1)}`;
  const x = isWide ? places.vector(0, at) : places.word(0, at);
  const row = `let row = ${places.word(4, `${start(4)} + place`)};`;
  const body = [
    ...thread,
    ...cell("first", isWide),
    `let own = ${key("first")};`,
    `if (own >= ${tableRows}) { return; }`,
    `if (first > 0u) { if (${key("first - 1u")} == own) { return; } }`,
    ...(adds
      ? [
          `var sum = bitcast<${type}>(${out});`,
          `for (var place = first; place < ${rows}; place++) {`,
          `if (${key("place")} != own) { break; }`,
          row,
          `sum = sum + bitcast<${type}>(${x});`,
          "}",
          `${out} = bitcast<${words}>(sum);`,
        ]
      : ["let place = first;", row, `${out} = ${x};`]),
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}
