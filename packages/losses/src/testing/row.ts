// The form of the table that every loss has one row of. Each property is a test over all rows.

import { type Generator, type NestedArray, rand, randint, randn, type Tensor } from "@torchium/tensor";
import type { LossName } from "../registry.js";

/** Arguments by name, in the order of the call. */
export type Inputs = Readonly<Record<string, Tensor>>;
/** The same as nested arrays of numbers. */
// biome-ignore lint/suspicious/noExplicitAny: definitions index freely into nested arrays
export type Plain = Readonly<Record<string, any>>;

/** What a loss is by its formula: every element's loss, and the mean where it is not simply theirs. */
export type Defined = { readonly losses: readonly number[]; readonly mean?: number };

/** Arguments near the limits of float32, and the finite losses they have. */
export type Extreme = {
  readonly what: string;
  readonly options?: object;
  readonly inputs: Inputs;
  readonly losses: readonly number[];
};

/** A call that must fail. */
export type WrongCall = {
  readonly what: string;
  readonly options?: object;
  /** Arguments in place of the row's. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly code: string;
  readonly message: RegExp;
};

/** Everything the tests need to know of one loss. */
export type LossRow = {
  readonly name: LossName;
  /** Options to try, beside `reduction`. */
  readonly options: readonly object[];
  /** Float64 arguments; what takes a gradient is a leaf that requires one. */
  readonly inputs: (draw: Draw) => Inputs;
  /** How `forward` is called; with the inputs in order unless given. */
  readonly call?: (x: Inputs) => readonly unknown[];
  /** The loss by its formula, with plain numbers. */
  readonly definition: (x: Plain, options: Plain, parameters: Plain) => Defined;
  readonly extremes: readonly Extreme[];
  readonly wrong: readonly WrongCall[];
};

/** Draws arguments. */
export class Draw {
  readonly #generator: Generator;

  constructor(generator: Generator) {
    this.#generator = generator;
  }

  /** Normal float64 values that take a gradient. */
  normal(...shape: readonly number[]): Tensor {
    return randn([...shape], { dtype: "float64", generator: this.#generator, requiresGrad: true });
  }

  /** Uniform float64 values that take no gradient. */
  uniform(low: number, high: number, ...shape: readonly number[]): Tensor {
    return rand([...shape], { dtype: "float64", generator: this.#generator })
      .mul(high - low)
      .add(low);
  }

  /** Class ids below `classes`. */
  ids(classes: number, ...shape: readonly number[]): Tensor {
    return randint(0, classes, shape, { generator: this.#generator });
  }
}

/** A tensor, or plain lists of tensors, as nested arrays. */
const plain = async (x: unknown): Promise<NestedArray> =>
  x instanceof Object && "toArray" in x ? (x as Tensor).toArray() : (x as NestedArray);

/** Every value of a record as nested arrays. */
export async function plainRecord(x: Readonly<Record<string, unknown>>): Promise<Plain> {
  return Object.fromEntries(
    await Promise.all(Object.entries(x).map(async ([key, value]) => [key, await plain(value)])),
  );
}
