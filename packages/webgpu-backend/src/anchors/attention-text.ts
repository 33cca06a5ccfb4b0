// The shaders of attention. A work group has 32 rows and meets 32 columns at a time: it multiplies two tiles into scores,
// turns them into weights, and multiplies these with a third tile into sums that stay in registers; a thread has four rows
// and four columns. FlashAttention (Dao et al., 2022): the largest score and the total of a row are carried along.

import { address, coordinates } from "../kernels/geometry.js";
import { moduleText, newSource, Places, type Slots } from "../wgsl/module.js";
import { type ParamLayout, wordText } from "../wgsl/params.js";
import {
  type AttentionPass,
  type Axis,
  type Factor,
  gradient,
  gradients,
  logTotal,
  means,
  output,
  queryAxis,
  valueAxis,
} from "./attention-passes.js";

/** Rows and columns of a tile. */
export const tileSide = 32;
/** The parameters of a pass. */
export type AttentionLayout = ParamLayout<"rowTiles" | "parts" | "groups" | "scale">;

/** What decides the text of a pass. */
export type AttentionVariant = {
  readonly causal: boolean;
  /** Tiles of a sum's columns that a work group takes. */
  readonly tiles: number;
  /** Which operands are read four elements at a time. */
  readonly vectors: readonly boolean[];
};

const quads = tileSide / 4;
const threads = quads * quads;
const four = [0, 1, 2, 3] as const;
const xyzw = "xyzw";
const vectorOf = (value: (i: number) => string): string => `vec4<f32>(${four.map(value).join(", ")})`;

/** Writes the shader of one pass. */
export class AttentionText {
  readonly #pass: AttentionPass;
  readonly #layout: AttentionLayout;
  readonly #variant: AttentionVariant;
  readonly #places: Places;
  readonly #source = newSource();

  constructor(pass: AttentionPass, layout: AttentionLayout, variant: AttentionVariant, slots: Slots) {
    this.#pass = pass;
    this.#layout = layout;
    this.#variant = variant;
    this.#places = new Places(slots, variant.vectors);
  }

  render(): string {
    const { name, rows, columns, scores, arrived, sums } = this.#pass;
    const { causal, tiles } = this.#variant;
    const loaded = [...new Set([...scores, ...(arrived ?? []), ...sums, ...(name === "queries" ? [output] : [])])];
    const [rowTiles, parts] = [this.#field("rowTiles"), this.#field("parts")];
    const tile = `(group / ${parts}) % ${rowTiles}`;
    // Under a causal mask the longest walks begin first, those of the last queries.
    const firstTile = causal && name !== "keys" ? `${rowTiles} - 1u - ${tile}` : tile;
    const body = [
      `if (group >= ${this.#field("groups")}) { return; }`,
      `let firstRow = (${firstTile}) * ${tileSide}u;`,
      `let part = (group % ${parts}) * ${tiles * tileSide}u;`,
      `let batch = group / (${parts} * ${rowTiles});`,
      ...coordinates("batch", this.#batch, (axis) => wordText(this.#layout.size(axis))),
      ...loaded.map(({ operand }) => `let base${operand} = ${this.#base(operand)};`),
      `let tx = t % ${quads}u;`,
      `let ty = t / ${quads}u;`,
      "let row = firstRow + ty * 4u;",
      `let rows = ${this.#size(rows)};`,
      `let columns = ${this.#size(columns)};`,
      `let scale = bitcast<f32>(${this.#field("scale")});`,
      ...this.#sums((sum) => `var ${sum} = vec4<f32>();`),
      ...this.#begin(),
      `let begin = ${causal && name === "keys" ? "firstRow" : "0u"};`,
      `let end = ${causal && name !== "keys" ? `min(columns, firstRow + ${tileSide}u)` : "columns"};`,
      `for (var firstColumn = begin; firstColumn < end; firstColumn += ${tileSide}u) {`,
      "let column = firstColumn + tx * 4u;",
      ...(arrived ? this.#product("arrived", arrived) : []),
      ...this.#product("score", scores),
      ...(name === "forward" ? this.#softmax() : this.#changes()),
      ...this.#weigh(),
      "}",
      ...this.#finish(),
    ];
    const tileNames = ["tileX", "tileY", "weights0", ...(arrived ? ["weights1"] : [])];
    const declarations = [
      ...tileNames.map((own) => `var<workgroup> ${own}: array<vec4<f32>, ${tileSide * quads}>;`),
      ...(name === "forward" ? [`var<workgroup> across: array<vec4<f32>, ${threads}>;`] : []),
      placeFunction,
      seenFunction(
        causal ? (name === "keys" ? " & (offsets >= vec4<u32>(row))" : " & (offsets <= vec4<u32>(row))") : "",
      ),
      `fn exponentials(x: vec4<f32>) -> vec4<f32> { return ${vectorOf((i) => `${this.#source.need("floatExp")}(x.${xyzw[i]})`)}; }`,
      ...loaded.map((factor) => this.#loadFunction(factor)),
    ];
    const shared = { source: this.#source, places: this.#places, layout: this.#layout };
    return moduleText({ ...shared, workgroupSize: threads, declarations, body });
  }

  get #batch(): number {
    return this.#layout.rank - 4;
  }

  #field(name: Parameters<AttentionLayout["field"]>[0]): string {
    return wordText(this.#layout.field(name));
  }

  #size(axis: Axis): string {
    return wordText(this.#layout.size(this.#batch + axis));
  }

  #stride(operand: number, axis: Axis): string {
    return wordText(this.#layout.stride(operand, this.#batch + axis));
  }

  /** The first word of an operand's matrix in this batch. */
  #base(operand: number): string {
    return address(this.#layout, operand, new Array(this.#batch).fill(2), [...Array(this.#batch).keys()]);
  }

  /** The word of a query's number. */
  #queryWord(operand: typeof logTotal | typeof means, query: string): string {
    const at =
      operand === means
        ? `${wordText(this.#layout.start(means))} + batch * ${this.#size(queryAxis)} + ${query}`
        : `${this.#base(logTotal)} + (${query}) * ${this.#stride(logTotal, queryAxis)}`;
    return this.#places.word(operand, at);
  }

  /** The numbers of four queries; of the last one beyond it. */
  #queryVector(operand: typeof logTotal | typeof means, first: string): string {
    const last = `${this.#size(queryAxis)} - 1u`;
    return vectorOf((i) => `bitcast<f32>(${this.#queryWord(operand, `min(${first} + ${i}u, ${last})`)})`);
  }

  /** A line for each vector of the sums. */
  #sums(line: (name: string, i: number) => string): string[] {
    const tiles = [...Array(this.#variant.tiles).keys()];
    return this.#pass.sums.flatMap((_, which) =>
      tiles.flatMap((tile) => four.map((i) => line(`sum${which}${tile}${i}`, i))),
    );
  }

  /** The function that reads four elements of a factor along its depth; 0 outside. */
  #loadFunction({ operand, own, depth }: Factor): string {
    const step = this.#stride(operand, depth);
    const size = this.#size(depth);
    const word = (d: number): string => `bitcast<f32>(${this.#places.word(operand, `at + ${d}u * ${step}`)})`;
    return [
      `fn load${operand}(base: u32, i: u32, j: u32) -> vec4<f32> {`,
      "var v = vec4<f32>();",
      `if (i >= ${this.#size(own)} || j >= ${size}) { return v; }`,
      `let at = base + i * ${this.#stride(operand, own)} + j * ${step};`,
      ...(this.#variant.vectors[operand]
        ? [`v = bitcast<vec4<f32>>(${this.#places.vector(operand, "at")});`]
        : four.map((d) => `if (j + ${d}u < ${size}) { v.${xyzw[d]} = ${word(d)}; }`)),
      "return v;",
      "}",
    ].join("\n");
  }

  /** Statements that fill tiles, each with a factor's rows from `first` and its depth from `depth` on. */
  #fill(depth: string, ...tiles: readonly (readonly [tile: string, factor: Factor, first: string])[]): string[] {
    return [
      `for (var n = t; n < ${tileSide * quads}u; n += ${threads}u) {`,
      `let i = n / ${quads}u;`,
      `let j = n % ${quads}u;`,
      ...tiles.map(
        ([tile, { operand }, first]) =>
          `${tile}[place(i, j)] = load${operand}(base${operand}, ${first} + i, ${depth} + j * 4u);`,
      ),
      "}",
    ];
  }

  /** The products of four rows and four columns: vectors `{name}0` to `{name}3`, one a row. */
  #product(name: string, [x, y]: readonly [Factor, Factor]): string[] {
    const depth = this.#size(x.depth);
    return [
      ...four.map((i) => `var ${name}${i} = vec4<f32>();`),
      `for (var depth = 0u; depth < ${depth}; depth += ${tileSide}u) {`,
      "workgroupBarrier();",
      ...this.#fill("depth", ["tileX", x, "firstRow"], ["tileY", y, "firstColumn"]),
      "workgroupBarrier();",
      `let filled = min(${quads}u, (${depth} - depth + 3u) / 4u);`,
      "for (var quad = 0u; quad < filled; quad++) {",
      ...four.map((i) => `let x${i} = tileX[place(ty * 4u + ${i}u, quad)];`),
      ...four.map((i) => `let y${i} = tileY[place(tx * 4u + ${i}u, quad)];`),
      ...four.map((i) => `${name}${i} += ${vectorOf((j) => `dot(x${i}, y${j})`)};`),
      "}",
      "}",
    ];
  }

  /** What a thread keeps of its rows from column to column. */
  #begin(): string[] {
    const { name } = this.#pass;
    if (name === "forward") return ["var most = vec4<f32>(lowest);", "var total = vec4<f32>();"];
    if (name === "keys") return [];
    const at = (factor: Factor, i: number): string =>
      `load${factor.operand}(base${factor.operand}, row + ${i}u, depth + tx * 4u)`;
    return [
      `let logTotal = ${this.#queryVector(logTotal, "row")};`,
      "var mean = vec4<f32>();",
      `for (var depth = 0u; depth < ${this.#size(valueAxis)}; depth += ${tileSide}u) {`,
      `mean += ${vectorOf((i) => `dot(${at(gradient, i)}, ${at(output, i)})`)};`,
      "}",
      ...this.#across("mean", "tileX"),
      ...this.#storeQueries(means, (i) => `mean.${xyzw[i]}`),
    ];
  }

  /** Weights of the scores, relative to the largest so far, to which everything summed up before is adjusted. */
  #softmax(): string[] {
    const largest = (i: number): string => `max(max(score${i}.x, score${i}.y), max(score${i}.z, score${i}.w))`;
    return [
      ...four.flatMap((i) => [
        `score${i} = select(vec4<f32>(lowest), score${i} * scale, seen(row + ${i}u, column, columns));`,
        `weights0[place(ty * 4u + ${i}u, tx)] = score${i};`,
      ]),
      `across[t] = ${vectorOf(largest)};`,
      "workgroupBarrier();",
      "let before = most;",
      `for (var n = 0u; n < ${quads}u; n++) { most = max(most, across[ty * ${quads}u + n]); }`,
      "let adjust = exponentials(before - most);",
      "total = total * adjust;",
      // A loop, because exponentials are long; scores wait in the tile.
      "for (var i = 0u; i < 4u; i++) {",
      "let at = place(ty * 4u + i, tx);",
      "let weight = select(vec4<f32>(), exponentials(weights0[at] - most[i]), seen(row + i, column, columns));",
      "weights0[at] = weight;",
      "total[i] += dot(weight, vec4<f32>(1f));",
      "}",
      ...this.#sums((sum, i) => `${sum} = ${sum} * adjust.${xyzw[i]};`),
    ];
  }

  /** Gradients of the scores, and the weights if these are summed up, too. */
  #changes(): string[] {
    const byRows = this.#pass.name === "queries";
    const own = byRows ? "[i]" : "";
    return [
      ...(byRows
        ? []
        : [
            `let logTotal = ${this.#queryVector(logTotal, "column")};`,
            `let mean = ${this.#queryVector(means, "column")};`,
          ]),
      ...four.flatMap((i) => [
        `weights0[place(ty * 4u + ${i}u, tx)] = score${i};`,
        `weights1[place(ty * 4u + ${i}u, tx)] = arrived${i};`,
      ]),
      "for (var i = 0u; i < 4u; i++) {",
      "let at = place(ty * 4u + i, tx);",
      "let sees = seen(row + i, column, columns);",
      `let weight = exponentials(weights0[at] * scale - logTotal${own});`,
      `weights0[at] = select(vec4<f32>(), weight * (weights1[at] - mean${own}), sees);`,
      ...(byRows ? [] : ["weights1[at] = select(vec4<f32>(), weight, sees);"]),
      "}",
    ];
  }

  /** Adds the columns' factors to the sums, by weight. */
  #weigh(): string[] {
    const { sums, name } = this.#pass;
    return [...Array(this.#variant.tiles).keys()].flatMap((tile) =>
      sums.flatMap((factor, which) => [
        // Behind a softmax nobody needs the tile any more.
        ...(name === "forward" && tile === 0 ? [] : ["workgroupBarrier();"]),
        ...this.#fill(`part + ${tile * tileSide}u`, ["tileY", factor, "firstColumn"]),
        "workgroupBarrier();",
        `for (var quad = 0u; quad < ${quads}u; quad++) {`,
        ...four.map((d) => `let z${d} = tileY[place(quad * 4u + ${d}u, tx)];`),
        ...four.flatMap((i) => [
          `let w${i} = weights${which}[place(ty * 4u + ${i}u, quad)];`,
          ...four.map((d) => {
            const sum = `sum${which}${tile}${i}`;
            return `${sum} = fma(vec4<f32>(w${i}.${xyzw[d]}), z${d}, ${sum});`;
          }),
        ]),
        "}",
      ]),
    );
  }

  /** Adds up what the threads of a row have of its numbers, in a vector of four rows. */
  #across(vector: string, tile: string): string[] {
    return [
      "workgroupBarrier();",
      `${tile}[t] = ${vector};`,
      "workgroupBarrier();",
      `${vector} = vec4<f32>();`,
      `for (var n = 0u; n < ${quads}u; n++) { ${vector} += ${tile}[ty * ${quads}u + n]; }`,
    ];
  }

  /** Statements that write a number for each row, which is a query. */
  #storeQueries(operand: typeof logTotal | typeof means, value: (i: number) => string): string[] {
    const store = (i: number): string =>
      `if (row + ${i}u < rows) { ${this.#queryWord(operand, `row + ${i}u`)} = bitcast<u32>(${value(i)}); }`;
    return ["if (tx == 0u && part == 0u) {", ...four.map(store), "}"];
  }

  /** Statements that write the sums of rows to an output whose columns lie along `axis`; `value` is that of `sum` in row `i`. */
  #store(operand: number, axis: Axis, value: string, which = 0): string[] {
    const step = this.#stride(operand, axis);
    const own = this.#stride(operand, this.#pass.rows);
    // A loop, which is shorter; sums leave their registers only here.
    const lines = (tile: number): string[] => [
      `{ let c = part + ${tile * tileSide}u + tx * 4u;`,
      `var sums = array<vec4<f32>, 4>(${four.map((i) => `sum${which}${tile}${i}`).join(", ")});`,
      "for (var i = 0u; i < 4u && row + i < rows; i++) {",
      `let at = ${this.#base(operand)} + (row + i) * ${own} + c * ${step};`,
      "let sum = sums[i];",
      `let v = ${value};`,
      ...four.map((d) => {
        const word = this.#places.word(operand, `at + ${d}u * ${step}`);
        return `if (c + ${d}u < ${this.#size(axis)}) { ${word} = bitcast<u32>(v.${xyzw[d]}); }`;
      }),
      "} }",
    ];
    return [...Array(this.#variant.tiles).keys()].flatMap(lines);
  }

  #finish(): string[] {
    const { name, sums } = this.#pass;
    const [depth, second] = sums.map((factor) => factor.depth) as [Axis, Axis | undefined];
    if (name === "queries") return this.#store(gradients.query, depth, "scale * sum");
    if (name === "keys")
      return [...this.#store(gradients.key, depth, "scale * sum"), ...this.#store(gradients.value, second!, "sum", 1)];
    return [
      ...this.#across("total", "across"),
      ...this.#store(output.operand, depth, "sum / total[i]"),
      ...this.#storeQueries(logTotal, (i) => `most.${xyzw[i]} + ${this.#source.need("floatLog")}(total.${xyzw[i]})`),
    ];
  }
}

// Rows of tiles are permuted, each four alike, so that threads four rows apart do not meet in one bank.
const placeFunction = `const lowest = -3.4028234e38f;
fn place(row: u32, quad: u32) -> u32 { return row * ${quads}u + (quad ^ ((row >> 2u) & ${quads - 1}u)); }`;

/** Which of four columns a row sees. */
const seenFunction = (mask: string): string => `fn seen(row: u32, column: u32, columns: u32) -> vec4<bool> {
let offsets = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
return (offsets < vec4<u32>(columns))${mask};
}`;
