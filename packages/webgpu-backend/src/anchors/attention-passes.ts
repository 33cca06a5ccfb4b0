// What the three kernels of attention do, as data: which factors are multiplied into scores, and what is summed up by
// weight. Each walks the tiles of its columns with a tile of rows in hand, so no array of queries × keys is stored.

/** Axes of the space behind the batch: queries, keys, the width of both, the width of values. */
export const [queryAxis, keyAxis, widthAxis, valueAxis] = [0, 1, 2, 3] as const;
/** One of them. */
export type Axis = typeof queryAxis | typeof keyAxis | typeof widthAxis | typeof valueAxis;

/** A matrix in memory: its rows lie along `own`, its depth along `depth`. */
export type Factor = { readonly operand: number; readonly own: Axis; readonly depth: Axis };

/** One kernel. */
export type AttentionPass = {
  readonly name: "forward" | "queries" | "keys";
  readonly rows: typeof queryAxis | typeof keyAxis;
  readonly columns: typeof queryAxis | typeof keyAxis;
  /** Rows, columns: their products are the scores. */
  readonly scores: readonly [Factor, Factor];
  /** Rows, columns: their products are the gradients of the weights. */
  readonly arrived?: readonly [Factor, Factor];
  /** What is summed up: by weight (forward), by the gradients of scores, and second by the weights themselves. */
  readonly sums: readonly Factor[];
};

/** Inputs that the passes share, by their place among the operands. */
const query: Factor = { operand: 0, own: queryAxis, depth: widthAxis };
const key: Factor = { operand: 1, own: keyAxis, depth: widthAxis };
const value: Factor = { operand: 2, own: keyAxis, depth: valueAxis };
/** The output, which the gradient reads. */
export const output: Factor = { operand: 3, own: queryAxis, depth: valueAxis };
/** Logarithms of the totals, an output and then an input. */
export const logTotal = 4;
/** The gradient of the output. */
export const gradient: Factor = { operand: 5, own: queryAxis, depth: valueAxis };
/** The gradients of queries, keys and values. */
export const gradients = { query: 6, key: 7, value: 8 } as const;
/** A number for each query in scratch memory: what arrives at its weights, weighed. */
export const means = 9;
/** What is read a vector at a time. */
export const factors: readonly Factor[] = [query, key, value, output, gradient];

/** The kernels by name. */
export const passes = {
  forward: { name: "forward", rows: queryAxis, columns: keyAxis, scores: [query, key], sums: [value] },
  queries: {
    name: "queries",
    rows: queryAxis,
    columns: keyAxis,
    scores: [query, key],
    arrived: [gradient, value],
    sums: [key],
  },
  keys: {
    name: "keys",
    rows: keyAxis,
    columns: queryAxis,
    scores: [key, query],
    arrived: [value, gradient],
    sums: [query, gradient],
  },
} as const satisfies Record<string, AttentionPass>;
