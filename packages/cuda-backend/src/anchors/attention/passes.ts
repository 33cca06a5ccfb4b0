// Attention as passes of one form. A block owns rows of one side, queries or keys, and walks over tiles of the other
// side: scores S = A Bᵀ become weights P; backward T = C Dᵀ is what arrives at the weights, and changes are
// P · (T − mean). Sums over the other side are Y = P D and X = changes · B. Every sum has an owner and an order, so
// gradients need no atomic addition.

import { ParamsLayout } from "../../run/params.js";

/** One pass over all tiles. */
export type Pass = {
  /** Which side a block owns: rows of A and C; B and D are the other side's. */
  readonly own: "queries" | "keys";
  /** Weights come from a running maximum and total, whose logarithms are written; else from written logarithms. */
  readonly forward: boolean;
  /** Y, of the width of values, sums weights; X, of the width of queries, sums changes. */
  readonly results: readonly ("x" | "y")[];
};

/** A is the queries and D the values: the output, and the logarithms of the totals. */
export const forwardPass: Pass = { own: "queries", forward: true, results: ["y"] };
/** A is the queries, C the gradient: X is the gradient of queries. */
export const queryPass: Pass = { own: "queries", forward: false, results: ["x"] };
/** A is the keys, C the values, D the gradient: X is the gradient of keys, Y that of values. */
export const keyAndValuePass: Pass = { own: "keys", forward: false, results: ["x", "y"] };
/** The gradient of keys alone, for widths whose sums do not fit beside those of values. */
export const keyPass: Pass = { own: "keys", forward: false, results: ["x"] };
/** The gradient of values alone. */
export const valuePass: Pass = { own: "keys", forward: false, results: ["y"] };

/** Names of matrices in a kernel's text. */
export type MatrixName = "a" | "b" | "c" | "d" | "x" | "y";

/** The matrices that a pass reads and writes. */
export const matricesOf = ({ forward, results }: Pass): readonly MatrixName[] => [
  "a",
  "b",
  ...(!forward && results.includes("x") ? (["c"] as const) : []),
  "d",
  ...results,
];

/** Texts have this many batch axes, of size 1 where a launch has fewer: batch and heads. */
export const leastBatchAxes = 2;

/** What a text is made for, beside the pass. */
export type TextOptions = {
  /** At least `leastBatchAxes`. */
  readonly batchAxes: number;

  readonly wide: boolean;
};

/** Arguments of a pass: strides are those of the batch, then of rows and columns. */
export function paramsOf(pass: Pass, { batchAxes, wide }: TextOptions): ParamsLayout {
  const matrices = matricesOf(pass).flatMap((name) => [
    { name, type: "pointer" as const },
    { name: `${name}Stride`, type: "index" as const, count: batchAxes + 2 },
  ]);
  return new ParamsLayout(
    [
      ...matrices,
      { name: "logs", type: "pointer" },
      { name: "logsStride", type: "index", count: batchAxes + 1 },
      { name: "means", type: "pointer" },
      { name: "size", type: "index", count: batchAxes },
      { name: "tiles", type: "index" },
      { name: "queries", type: "index" },
      { name: "keys", type: "index" },
      { name: "width", type: "index" },
      { name: "valueWidth", type: "index" },
      { name: "causal", type: "int" },
      { name: "scale", type: "float" },
    ],
    wide,
  );
}

/**
 * The start of a kernel: where a block's matrices lie (`a`, `aRow`, `aColumn`, …), the rows it owns from `row0` on, and
 * the part of the other side, `begin` to `end`, that they see. Blocks with most to do come first.
 */
export function openPass(pass: Pass, word: string, rows: number, step: number, { batchAxes }: TextOptions): string {
  const matrices = matricesOf(pass);
  const written = new Set<MatrixName>(pass.results);
  const queriesOwn = pass.own === "queries";
  const pointers = matrices.map((name) => {
    const type = written.has(name) ? `${word}*` : `const ${word}*`;
    return `  ${type} const ${name} = (${type})P.${name} + ${name}At;
  const index_t ${name}Row = P.${name}Stride[${batchAxes}], ${name}Column = P.${name}Stride[${batchAxes + 1}];`;
  });
  const [begin, end] = queriesOwn
    ? ["0", `causal && row0 + ${rows} < others ? row0 + ${rows} : others`]
    : [`causal ? row0 / ${step} * ${step} : 0`, "others"];
  return `  const index_t batch = blockIdx.x / P.tiles, turn = blockIdx.x % P.tiles;
  index_t rest = batch, logsAt = 0${matrices.map((name) => `, ${name}At = 0`).join("")};
  for (int axis = ${batchAxes - 1}; axis >= 0; axis--) {
    const index_t i = rest % P.size[axis];
    rest /= P.size[axis];
    logsAt += i * P.logsStride[axis];
${matrices.map((name) => `    ${name}At += i * P.${name}Stride[axis];`).join("\n")}
  }
${pointers.join("\n")}
  float* const logs = (float*)P.logs + logsAt;
  const index_t logsStep = P.logsStride[${batchAxes}];
  ${pass.forward ? "" : "const float* const means = (const float*)P.means + batch * P.queries;"}
  const index_t owns = P.${pass.own}, others = P.${queriesOwn ? "keys" : "queries"};
  const index_t row0 = ${queriesOwn ? "(P.tiles - 1 - turn)" : "turn"} * ${rows};
  const bool causal = P.causal != 0;
  const index_t begin = ${begin}, end = ${end};`;
}

/** Whether the query of `row` sees the key of `column`, which both are there. */
export const visible = ({ own }: Pass, row: string, column: string): string => {
  const [query, key] = own === "queries" ? [row, column] : [column, row];
  return `${column} < others && (!causal || ${key} <= ${query})`;
};
