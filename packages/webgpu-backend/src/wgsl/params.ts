// The words that a dispatch gets with it: numbers of the schedule, sizes, strides, places and scalars, in a uniform
// buffer. The generator and the submission read their places from the same layout.

import { infinityWord } from "./literals.js";

/** The text of word `index` of the block. */
export const wordText = (index: number): string => `p[${index >> 2}].${"xyzw"[index & 3]}`;

/** Finds the text of words, vector and component apart. */
export const parameters = /\bp\[(\d+)\]\.([xyzw])/g;

/** Where everything stands in the block of one kind of dispatch, in words. */
export class ParamLayout<Field extends string = string> {
  readonly rank: number;
  readonly operands: number;
  readonly scalars: number;
  readonly #fields: readonly Field[];

  /** `fields` are numbers of the schedule by name. */
  constructor(fields: readonly Field[], rank: number, operands: number, scalars: number) {
    this.#fields = fields;
    this.rank = rank;
    this.operands = operands;
    this.scalars = scalars;
  }

  /** Word of a number of the schedule. */
  field(name: Field): number {
    return 1 + this.#fields.indexOf(name);
  }

  /** Word of a size of the iteration space. */
  size(axis: number): number {
    return 1 + this.#fields.length + axis;
  }

  /** Word of an operand's stride, in elements, modulo 2³². */
  stride(operand: number, axis: number): number {
    return this.size(this.rank) + operand * (this.rank + 1) + axis;
  }

  /** Word of an operand's first element, counted from the start of its buffer, modulo 2³². */
  start(operand: number): number {
    return this.stride(operand, this.rank);
  }

  /** Word of a launch scalar. */
  scalar(index: number): number {
    return this.stride(this.operands, 0) + index;
  }

  /** Words in all. */
  get length(): number {
    return this.scalar(this.scalars);
  }

  /** A block with everything that does not change from run to run. */
  block(
    fields: Readonly<Record<Field, number>>,
    sizes: readonly number[],
    strides: readonly (readonly number[])[],
  ): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(this.length / 4) * 4);
    words[0] = infinityWord;
    for (const name of this.#fields) words[this.field(name)] = fields[name];
    sizes.forEach((size, axis) => {
      words[this.size(axis)] = size;
    });
    strides.forEach((own, operand) => {
      own.forEach((stride, axis) => {
        words[this.stride(operand, axis)] = stride;
      });
    });
    return words;
  }
}
