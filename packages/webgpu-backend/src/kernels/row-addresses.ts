// Where the operands of a row program lie, in text, for shaders that know `row` (a number) and `lane` (a place in it).
// Sums over the rows go to scratch memory, the operand behind all others; their outputs are not bound.

import { type Kernel, type Launch, type LeafText, type Program, unreachable } from "@torchium/tensor/backend";
import { scratchUse, type Use, useOf } from "../run/dispatch.js";
import type { Places } from "../wgsl/module.js";
import { type ParamLayout, wordText } from "../wgsl/params.js";
import { address, coordinates, step } from "./geometry.js";
import { operandValue } from "./leaves.js";

/** The operands of a shader over the rows of a launch: the launch's own, then scratch memory if it is used. */
export const rowUses = (program: Program, launch: Pick<Launch, "operands">, scratch: boolean): (Use | undefined)[] => {
  const { inputs, outputs } = program;
  const own = launch.operands.map((_, i) =>
    outputs[i - inputs.length]?.role === "lane" ? undefined : useOf(launch, i, i >= inputs.length),
  );
  return [...own, scratch ? scratchUse : undefined];
};

/** Addresses over [outer…, row]. */
export class RowAddresses {
  readonly #kernel: Kernel;
  readonly #layout: ParamLayout;
  readonly #places: Places;

  constructor(kernel: Kernel, layout: ParamLayout, places: Places) {
    this.#kernel = kernel;
    this.#layout = layout;
    this.#places = places;
  }

  /** Statements that give the coordinates of row number `index`. */
  coordinates(index: string): string[] {
    const { rank } = this.#kernel;
    return coordinates(index, rank - 1, (axis) => wordText(this.#layout.size(axis)));
  }

  /** The value of an operand that is the same along the row. */
  readonly row: LeafText = (leaf) => {
    if (leaf.kind !== "input") return unreachable(`${leaf.kind} in a row`);
    const at = this.#rowAddress(leaf.index);
    return operandValue(this.#kernel.program, leaf.index, at, (type) => this.#places.load(type, leaf.index, at));
  };

  /** The value of an operand at `lane`. */
  readonly lane: LeafText = (leaf) => {
    if (leaf.kind !== "input") return unreachable(`${leaf.kind} along a row`);
    const at = this.#address(leaf.index);
    return operandValue(this.#kernel.program, leaf.index, at, (type) => this.#places.load(type, leaf.index, at));
  };

  /** A statement that puts a value into output `k`: into its place for the row, or for `lane` in it. */
  store(k: number, value: string): string {
    const { inputs, outputs } = this.#kernel.program;
    const { expr, role } = outputs[k]!;
    const operand = inputs.length + k;
    const at = role === "row" ? this.#rowAddress(operand) : this.#address(operand);
    return this.#places.store(expr.type, operand, at, value);
  }

  /** The bits of four values of an operand that is dense along the row, from place `from` on. */
  four(operand: number, from: string): string {
    const { inputs } = this.#kernel.program;
    return this.#places.four(inputs[operand]!.type, operand, `${this.#rowAddress(operand)} + ${from}`);
  }

  /** A statement that puts the bits of four values, in `name`, into output `k` from place `from` on. */
  storeFour(k: number, from: string, name: string): string {
    const { inputs, outputs } = this.#kernel.program;
    const operand = inputs.length + k;
    return this.#places.storeFour(outputs[k]!.expr.type, operand, `${this.#rowAddress(operand)} + ${from}`, name);
  }

  /** A word of scratch memory. */
  scratch(word: string): string {
    return this.#places.word(this.#kernel.access.length, word);
  }

  #roleOf(operand: number) {
    const { inputs, outputs } = this.#kernel.program;
    return inputs[operand]?.role ?? outputs[operand - inputs.length]!.role;
  }

  #rowAddress(operand: number): string {
    const { rank, access } = this.#kernel;
    const axes = this.#roleOf(operand) === "lane" ? [] : [...Array(rank - 1).keys()];
    return address(this.#layout, operand, access[operand]!, axes);
  }

  #address(operand: number): string {
    const inner = this.#kernel.rank - 1;
    const along = step(this.#layout, operand, inner, this.#kernel.access[operand]![inner]!, "lane");
    return along === undefined ? this.#rowAddress(operand) : `${this.#rowAddress(operand)} + ${along}`;
  }
}
