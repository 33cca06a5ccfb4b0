// The shader of a matrix product. Tiles of both factors lie in work-group memory as vectors of four: those of A along
// the depth, those of B along the columns; a thread adds up a block of the result in registers.

import { type FloatType, isHalf, type Source } from "@torchium/tensor/backend";
import { address, coordinates } from "../kernels/geometry.js";
import { wgsl } from "../wgsl/dialect.js";
import { halfCasts } from "../wgsl/halves.js";
import { moduleText, newSource, Places, type Slots } from "../wgsl/module.js";
import { type ParamLayout, wordText } from "../wgsl/params.js";
import { directProduct } from "./matmul-direct.js";
import { finish, type Product, resultTypes, writtenFrom } from "./matmul-finish.js";
import { type Tiles, threadsOf } from "./matmul-tiles.js";

/** How a factor is read. */
export type FactorLayout = {
  /** Whether neighbours along its own axis of vectors (A: depth, B: columns) are neighbours in memory. */
  readonly dense: boolean;
  /** Whether whole vectors can be read. */
  readonly vectors: boolean;
  /** The same along the factor's other axis. */
  readonly across: boolean;
};

/** What decides the text of a product. */
export type MatmulVariant = {
  readonly tiles: Tiles;
  readonly a: FactorLayout;
  readonly b: FactorLayout;
  /** Whether the depth is a multiple of four. */
  readonly fours: boolean;
  /** Whether results are written four at a time. */
  readonly out: "fours" | "elements";
};

/** Words of tiles. */
type Words = { readonly m: string; readonly n: string; readonly k: string };

/** The text of a product's shader. */
export function matmulText(
  { type, rank, epilogue }: Product,
  layout: ParamLayout<"tilesM" | "tilesN" | "groups">,
  { tiles, a, b, fours, out }: MatmulVariant,
  slots: Slots,
): string {
  const source = newSource();
  const wide = [a, b].map(({ vectors, across }) => (vectors || (tiles.direct === true && across)) && !isHalf(type));
  const results = resultTypes({ type, epilogue });
  const before = [...wide, ...new Array<boolean>(writtenFrom(epilogue) - 2).fill(false)];
  const places =
    out === "fours"
      ? new Places(slots, [...before, ...results.map((of) => !isHalf(of))])
      : new Places(slots, wide, [...before.map(() => false), ...results.map(isHalf)]);
  const { rows, columns, depth, threadRows, threadColumns } = tiles;
  const threads = threadsOf(tiles);
  const quads = threadColumns / 4;
  const [m, n, k] = [rank - 3, rank - 2, rank - 1].map((axis) => wordText(layout.size(axis))) as [
    string,
    string,
    string,
  ];
  const words: Words = { m, n, k };
  const batchAxes = [...Array(rank - 3).keys()];
  const batchBase = (operand: number): string => address(layout, operand, new Array(rank).fill(2), batchAxes);
  const each = (count: number, write: (i: number) => string): string[] =>
    Array.from({ length: count }, (_, i) => write(i));

  const shared = [
    `var<workgroup> tileA: array<vec4<f32>, ${(rows * depth) / 4}>;`,
    `var<workgroup> tileB: array<vec4<f32>, ${(depth * columns) / 4}>;`,
  ];
  const declarations = tiles.direct
    ? []
    : [
        ...shared,
        loadText("A", type, a.vectors, words, layout, places, source),
        loadText("B", type, b.vectors, words, layout, places, source),
      ];
  const fill = (
    tile: "A" | "B",
    count: number,
    split: readonly [string, string],
    call: string,
    at: string,
  ): string[] => [`for (var q = t; q < ${count}u; q += ${threads}u) {`, ...split, `tile${tile}[${at}] = ${call};`, "}"];
  const inDepth = depth / 4;
  const inColumns = columns / 4;
  const fillA = fill(
    "A",
    rows * inDepth,
    a.dense
      ? [`let i = q / ${inDepth}u;`, `let j = q % ${inDepth}u;`]
      : [`let i = q % ${rows}u;`, `let j = q / ${rows}u;`],
    "loadA(baseA, firstM + i, firstK + j * 4u)",
    `i * ${inDepth}u + j`,
  );
  const fillB = fill(
    "B",
    depth * inColumns,
    b.dense
      ? [`let i = q / ${inColumns}u;`, `let j = q % ${inColumns}u;`]
      : [`let i = q % ${depth}u;`, `let j = q / ${depth}u;`],
    "loadB(baseB, firstK + i, firstN + j * 4u)",
    `i * ${inColumns}u + j`,
  );
  const vectorB = (d: number, q: number): string => `tileB[(kk * 4u + ${d}u) * ${inColumns}u + tx * ${quads}u + ${q}u]`;
  const products = [0, 1, 2, 3].flatMap((d) => [
    ...each(quads, (q) => `let b${d}${q} = ${vectorB(d, q)};`),
    ...each(threadRows * quads, (i) => {
      const [row, q] = [Math.floor(i / quads), i % quads];
      return `sum${i} = fma(vec4<f32>(a${row}.${"xyzw"[d]}), b${d}${q}, sum${i});`;
    }),
  ]);
  const throughTiles = [
    `for (var firstK = 0u; firstK < ${k}; firstK += ${depth}u) {`,
    ...fillA,
    ...fillB,
    "workgroupBarrier();",
    `for (var kk = 0u; kk < ${inDepth}u; kk++) {`,
    ...each(threadRows, (i) => `let a${i} = tileA[(ty * ${threadRows}u + ${i}u) * ${inDepth}u + kk];`),
    ...products,
    "}",
    "workgroupBarrier();",
    "}",
  ];
  const strideOf = (operand: number, axis: number): string => wordText(layout.stride(operand, axis));
  const fromMemory = (): string[] =>
    directProduct(
      { type, source, places },
      [
        {
          ...{ operand: 0, along: a.vectors ? "depth" : a.across ? "own" : undefined, base: "baseA" },
          ...{ first: "m0", count: threadRows, size: m },
          ...{ ownStride: strideOf(0, rank - 3), depthStride: strideOf(0, rank - 1) },
        },
        {
          ...{ operand: 1, along: b.vectors ? "own" : b.across ? "depth" : undefined, base: "baseB" },
          ...{ first: "n0", count: threadColumns, size: n },
          ...{ ownStride: strideOf(1, rank - 2), depthStride: strideOf(1, rank - 1) },
        },
      ],
      k,
      fours ? 4 : 1,
    );
  const body = [
    `if (group >= ${wordText(layout.field("groups"))}) { return; }`,
    `let firstN = (group % ${wordText(layout.field("tilesN"))}) * ${columns}u;`,
    `let firstM = ((group / ${wordText(layout.field("tilesN"))}) % ${wordText(layout.field("tilesM"))}) * ${rows}u;`,
    `let batch = group / (${wordText(layout.field("tilesN"))} * ${wordText(layout.field("tilesM"))});`,
    ...coordinates("batch", rank - 3, (axis) => wordText(layout.size(axis))),
    `let baseA = ${batchBase(0)};`,
    `let baseB = ${batchBase(1)};`,
    `let tx = t % ${columns / threadColumns}u;`,
    `let ty = t / ${columns / threadColumns}u;`,
    `let m0 = firstM + ty * ${threadRows}u;`,
    `let n0 = firstN + tx * ${threadColumns}u;`,
    ...each(threadRows * quads, (i) => `var sum${i} = vec4<f32>();`),
    ...(tiles.direct ? [`if (m0 >= ${m} || n0 >= ${n}) { return; }`, ...fromMemory()] : throughTiles),
    ...finish(
      { type, rank, epilogue },
      { source, layout, places },
      { threadRows, quads, m, n, byFours: out === "fours" },
    ),
  ];
  return moduleText({ source, places, layout, workgroupSize: threads, declarations, body });
}

/** The function that reads four elements of a factor: along the depth for A, along the columns for B; 0 outside. */
function loadText(
  name: "A" | "B",
  type: FloatType,
  vectors: boolean,
  { m, n, k }: Words,
  layout: ParamLayout,
  places: Places,
  source: Source,
): string {
  const { rank } = layout;
  const operand = name === "A" ? 0 : 1;
  const own = name === "A" ? rank - 3 : rank - 1;
  const along = name === "A" ? rank - 1 : rank - 2;
  const [ownSize, alongSize] = name === "A" ? [m, k] : [k, n];
  const step = wordText(layout.stride(operand, along));
  const lines = [
    `fn load${name}(base: u32, i: u32, j: u32) -> vec4<f32> {`,
    "var v = vec4<f32>();",
    `if (i >= ${ownSize}) { return v; }`,
    `let at = base + i * ${wordText(layout.stride(operand, own))} + j * ${step};`,
  ];
  const widened = (value: string): string =>
    isHalf(type) ? `${source.need(halfCasts[type].widen)}(${value})` : wgsl.load(type, value);
  if (vectors) {
    const values = ["x", "y", "z", "w"].map((d) => widened(`four.${d}`)).join(", ");
    lines.push(`if (j >= ${alongSize}) { return v; }`, `let four = ${places.four(type, operand, "at")};`);
    lines.push(`v = ${isHalf(type) ? `vec4<f32>(${values})` : "bitcast<vec4<f32>>(four)"};`);
  } else
    for (let d = 0; d < 4; d++) {
      const value = widened(places.load(type, operand, `at + ${d}u * ${step}`));
      lines.push(`if (j + ${d}u < ${alongSize}) { v.${"xyzw"[d]} = ${value}; }`);
    }
  return [...lines, "return v;", "}"].join("\n");
}
