// Rows in order, with their positions: numbers become words that are ordered as they are, which are sorted by their digits.

import type { DType, Launch } from "@torchium/tensor/backend";
import { address, coordinates } from "../kernels/geometry.js";
import { countOf, GpuExecutable, type LaunchPlan, scratchAt, useOf } from "../run/dispatch.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { radixSort } from "./radix-sort.js";

const workgroupSize = 256;
// x, sorted values, positions, and in scratch memory the keys and where they were.
const [x, values, positions, keys, order] = [0, 1, 2, 3, 4] as const;

/** `sort` over [outer…, row]: input, sorted values, positions. */
export class SortExecutable extends GpuExecutable {
  readonly #layout: ParamLayout<"count">;
  readonly #keyBits: number;
  readonly #load: Shader;
  readonly #store: Shader;

  constructor(key: string, type: DType, descending: boolean, rank: number) {
    super(key);
    const layout = new ParamLayout(["count"], rank, 5, 0);
    this.#layout = layout;
    this.#keyBits = type === "bool" ? 1 : 32;
    this.#load = { key: `${key}/keys`, render: (slots) => renderKeys(layout, type, descending, slots) };
    this.#store = { key: `${key}/values`, render: (slots) => renderValues(layout, slots) };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const count = countOf(sizes, label);
    if (count === 0) return { dispatches: [], scratchWords: 0 };
    const length = sizes.at(-1)!;
    const sort = radixSort(count / length, length, this.#keyBits);
    const strides = operands.map((o) => o.strides);
    const words = this.#layout.block({ count }, sizes, strides);
    const own = operands.map((_, i) => useOf(launch, i, i > 0));
    const shared = { layout: this.#layout, words, groups: Math.ceil(count / workgroupSize) };
    const at = (ends: typeof sort.before) => [scratchAt(ends.keys), scratchAt(ends.order)];
    return {
      dispatches: [
        { ...shared, shader: this.#load, uses: [own[x], undefined, undefined, ...at(sort.before)] },
        ...sort.dispatches,
        { ...shared, shader: this.#store, uses: [...own, ...at(sort.after)] },
      ],
      scratchWords: sort.scratchWords,
    };
  }
}

type Layout = ParamLayout<"count">;
const start = (layout: Layout, operand: number): string => wordText(layout.start(operand));
const thread = (layout: Layout): string[] => [
  `let i = group * ${workgroupSize}u + t;`,
  `if (i >= ${wordText(layout.field("count"))}) { return; }`,
  ...coordinates("i", layout.rank, (axis) => wordText(layout.size(axis))),
];
const at = (layout: Layout, operand: number): string => {
  const axes = [...Array(layout.rank).keys()];
  return address(layout, operand, new Array(layout.rank).fill(2), axes);
};

function renderKeys(layout: Layout, type: DType, descending: boolean, slots: Slots): string {
  const places = new Places(slots);
  const key = type === "bool" ? (descending ? "1u - word" : "word") : `${descending ? "~" : ""}ordered`;
  const body = [
    ...thread(layout),
    `let word = ${places.word(x, at(layout, x))};`,
    ...(orderedWord[type] ?? ["let ordered = word;"]),
    `${places.word(keys, `${start(layout, keys)} + i`)} = ${key};`,
    `${places.word(order, `${start(layout, order)} + i`)} = c${layout.rank - 1};`,
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}

/** Statements that turn the bits of a number into a word that is ordered as the number is. NaN is largest, −0 equals 0. */
const orderedWord: Partial<Record<DType, readonly string[]>> = {
  float32: [
    "let size = word & 0x7fffffffu;",
    "var ordered = select(word | 0x80000000u, ~word, word >= 0x80000000u);",
    "if (size == 0u) { ordered = 0x80000000u; }",
    "if (size > 0x7f800000u) { ordered = 0xffffffffu; }",
  ],
  int32: ["let ordered = word ^ 0x80000000u;"],
};

function renderValues(layout: Layout, slots: Slots): string {
  const places = new Places(slots);
  const inner = layout.rank - 1;
  const outer = address(layout, x, new Array(layout.rank).fill(2), [...Array(inner).keys()]);
  const body = [
    ...thread(layout),
    `let source = ${places.word(order, `${start(layout, order)} + i`)};`,
    `${places.word(values, at(layout, values))} = ${places.word(x, `${outer} + source * ${wordText(layout.stride(x, inner))}`)};`,
    `${places.word(positions, at(layout, positions))} = source;`,
  ];
  return moduleText({ source: newSource(), places, layout, workgroupSize, body });
}
