// A thread's block of a matrix product, from factors that are read where they lie: for adapters whose threads wait long for
// each other. Nothing in the loop is conditional: rows and columns behind the last are read from the last again.

import { type FloatType, isHalf, type Source } from "@torchium/tensor/backend";
import { wgsl } from "../wgsl/dialect.js";
import { halfCasts } from "../wgsl/halves.js";
import type { Places } from "../wgsl/module.js";

/** The axis along which whole vectors of a factor can be read: its own (A: rows, B: columns), the depth, or neither. */
export type VectorsAlong = "own" | "depth" | undefined;

/** A factor as the loop sees it. */
export type DirectFactor = {
  readonly operand: 0 | 1;
  readonly along: VectorsAlong;
  /** First of the thread's rows or columns, how many it has, and how many there are. */
  readonly first: string;
  readonly count: number;
  readonly size: string;
  readonly base: string;
  readonly ownStride: string;
  readonly depthStride: string;
};

/** What every factor's text needs. */
export type DirectText = { readonly type: FloatType; readonly source: Source; readonly places: Places };

const components = ["x", "y", "z", "w"] as const;
const range = (count: number): number[] => [...Array(count).keys()];

/** Reads a factor: statements before the loop, statements at depth `k`, and the names of elements. */
class FactorText {
  readonly before: string[];
  readonly inside: string[];
  readonly #name: string;
  readonly #along: VectorsAlong;

  constructor({ type, source, places }: DirectText, factor: DirectFactor, depths: number) {
    const { operand, along, first, count, size, base, ownStride, depthStride } = factor;
    const name = operand === 0 ? "fa" : "fb";
    this.#name = name;
    this.#along = along;
    const widened = (value: string): string =>
      isHalf(type) ? `${source.need(halfCasts[type].widen)}(${value})` : wgsl.load(type, value);
    const four = (place: string, at: string): string[] => {
      const words = `let ${place}w = ${places.four(type, operand, at)};`;
      return [words, `let ${place} = vec4<f32>(${components.map((c) => widened(`${place}w.${c}`)).join(", ")});`];
    };
    const step = along === "own" ? 4 : 1;
    const starts = range(count / step);
    this.before = starts.map(
      (i) => `let ${name}At${i} = ${base} + min(${first} + ${i * step}u, ${size} - ${step}u) * ${ownStride};`,
    );
    const at = (i: number, d: number): string => `${name}At${i} + (k + ${d}u) * ${depthStride}`;
    this.inside = starts.flatMap((i) =>
      along === "depth"
        ? four(`${name}${i}`, `${name}At${i} + k`)
        : range(depths).flatMap((d) =>
            along === "own"
              ? four(`${name}${i}d${d}`, at(i, d))
              : `let ${name}${i}d${d} = ${widened(places.load(type, operand, at(i, d)))};`,
          ),
    );
  }

  /** Element `i` of the thread's at depth `k + d`. */
  element(i: number, d: number): string {
    if (this.#along === "depth") return `${this.#name}${i}.${components[d]}`;
    if (this.#along === "own") return `${this.#name}${Math.floor(i / 4)}d${d}.${components[i % 4]}`;
    return `${this.#name}${i}d${d}`;
  }

  /** Four elements from `4 q` on, as a vector. */
  vector(q: number, d: number): string {
    if (this.#along === "own") return `${this.#name}${q}d${d}`;
    return `vec4<f32>(${range(4)
      .map((j) => this.element(4 * q + j, d))
      .join(", ")})`;
  }
}

/** Statements that add up a block of vectors `sum…`, row after row, over a depth of `k`; vectors along it need fours. */
export function directProduct(
  text: DirectText,
  [rows, columns]: readonly [DirectFactor, DirectFactor],
  k: string,
  depths: 1 | 4,
): string[] {
  const [a, b] = [new FactorText(text, rows, depths), new FactorText(text, columns, depths)];
  const quads = columns.count / 4;
  return [
    ...a.before,
    ...b.before,
    `for (var k = 0u; k < ${k}; k += ${depths}u) {`,
    ...a.inside,
    ...b.inside,
    ...range(depths).flatMap((d) => [
      ...range(quads).map((q) => `let v${q}d${d} = ${b.vector(q, d)};`),
      ...range(rows.count * quads).map((i) => {
        const [row, q] = [Math.floor(i / quads), i % quads];
        return `sum${i} = fma(vec4<f32>(${a.element(row, d)}), v${q}d${d}, sum${i});`;
      }),
    ]),
    "}",
  ];
}
