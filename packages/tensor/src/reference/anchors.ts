// The anchors, straight from their definitions in backend.ts: loops over indices, no blocking, no reordering.

import type { AnchorCall, AnchorName, AnchorOps, AttentionAttributes } from "../backend/backend.js";
import type { DType } from "../dtype.js";
import { evaluateScalar } from "../kernel/scalar-ops.js";
import { contiguousStrides, sizeOf } from "../shape.js";
import { float64Arithmetic } from "./arithmetic.js";
import { interpret } from "./interpreter.js";
import { addressOf, forEachIndex, type OperandView } from "./iteration.js";

type View = OperandView<number>;
type Sizes = readonly number[];
/** Runs over views of the anchor's inputs and outputs; returns what was wrong with the data, if anything. */
type Run<P extends AnchorName> = (attributes: AnchorOps[P], sizes: Sizes, views: readonly View[]) => string | undefined;

/** What the reference knows of an anchor. */
type AnchorRule<P extends AnchorName> = {
  readonly inputTypes: (attributes: AnchorOps[P]) => readonly DType[];
  readonly outputTypes: (attributes: AnchorOps[P]) => readonly DType[];
  /** The output's axes among the launch's; an epilogue runs over them. Undefined where none is taken. */
  readonly epilogueAxes?: (sizes: Sizes) => Sizes;
  readonly run: Run<P>;
};

const idType = "int32";
const withoutLast = (sizes: Sizes): Sizes => sizes.slice(0, -1);

const anchorRules: { readonly [P in AnchorName]: AnchorRule<P> } = {
  matmul: {
    inputTypes: ({ type }) => [type, type],
    outputTypes: ({ type }) => [type],
    epilogueAxes: withoutLast,
    run: (_, sizes, [a, b, c]) => {
      const depth = sizes[sizes.length - 1]!;
      const [stepA, stepB] = [a!, b!].map((x) => x.strides[sizes.length - 1]!);
      forEachIndex(withoutLast(sizes), (index) => {
        const startA = addressOf(a!, index);
        const startB = addressOf(b!, index);
        let sum = 0;
        for (let k = 0; k < depth; k++) sum += a!.read(startA + k * stepA!) * b!.read(startB + k * stepB!);
        c!.write(addressOf(c!, index), sum);
      });
      return undefined;
    },
  },
  gather: {
    inputTypes: ({ type }) => [type, idType],
    outputTypes: ({ type }) => [type],
    epilogueAxes: withoutLast,
    run: (_, [rows, width, tableRows], [table, ids, out]) =>
      forEachRow(
        rows!,
        tableRows!,
        (row) => ids!.read(addressOf(ids!, [row])),
        (row, id) => {
          for (let w = 0; w < width!; w++) {
            out!.write(addressOf(out!, [row, w]), id === undefined ? 0 : table!.read(addressOf(table!, [0, w, id])));
          }
        },
      ),
  },
  scatterAdd: {
    inputTypes: ({ type }) => [type, idType],
    outputTypes: ({ type }) => [type],
    run: (_, sizes, views) => {
      const [tableRows, width] = sizes;
      const out = views[2]!;
      forEachIndex([tableRows!, width!], (index) => out.write(addressOf(out, index), 0));
      return scatter(sizes, views, true);
    },
  },
  scatterInto: {
    inputTypes: ({ type }) => [type, idType],
    outputTypes: ({ type }) => [type],
    run: ({ mode }, sizes, views) => scatter(sizes, views, mode === "add"),
  },
  gatherDot: {
    inputTypes: ({ type }) => [type, type, idType],
    outputTypes: ({ type }) => [type],
    run: (_, [picks, rows, width, tableRows], [x, table, ids, out]) =>
      forEachPick(
        [rows!, picks!, tableRows!],
        (row, pick) => ids!.read(addressOf(ids!, [pick, row])),
        (row, pick, id) => {
          let sum = 0;
          for (let w = 0; w < width! && id !== undefined; w++) {
            sum += x!.read(addressOf(x!, [0, row, w])) * table!.read(addressOf(table!, [0, 0, w, id]));
          }
          out!.write(addressOf(out!, [pick, row]), sum);
        },
      ),
  },
  gatherSum: {
    inputTypes: ({ type }) => [type, type, idType],
    outputTypes: ({ type }) => [type],
    run: (_, [rows, width, picks, tableRows], [weights, table, ids, out]) => {
      const sums = Array.from({ length: rows! }, () => new Float64Array(width!));
      const fault = forEachPick(
        [rows!, picks!, tableRows!],
        (row, pick) => ids!.read(addressOf(ids!, [row, 0, pick])),
        (row, pick, id) => {
          if (id === undefined) return;
          const weight = weights!.read(addressOf(weights!, [row, 0, pick]));
          for (let w = 0; w < width!; w++) {
            sums[row]![w]! += weight * table!.read(addressOf(table!, [0, w, 0, id]));
          }
        },
      );
      forEachIndex([rows!, width!], ([row, w]) => out!.write(addressOf(out!, [row!, w!]), sums[row!]![w!]!));
      return fault;
    },
  },
  scatterOuter: {
    inputTypes: ({ type }) => [type, type, idType],
    outputTypes: ({ type }) => [type],
    run: (_, [tableRows, width, rows, picks], [weights, x, ids, out]) =>
      forEachPick(
        [rows!, picks!, tableRows!],
        (row, pick) => ids!.read(addressOf(ids!, [0, 0, row, pick])),
        (row, pick, id) => {
          if (id === undefined) return;
          const weight = weights!.read(addressOf(weights!, [0, 0, row, pick]));
          for (let w = 0; w < width!; w++) {
            const address = addressOf(out!, [id, w]);
            out!.write(address, out!.read(address) + weight * x!.read(addressOf(x!, [0, w, row])));
          }
        },
      ),
  },
  scan: {
    inputTypes: ({ type }) => [type],
    outputTypes: ({ type }) => [type],
    epilogueAxes: (sizes) => sizes,
    run: ({ type, reverse }, sizes, [x, y]) => {
      const length = sizes[sizes.length - 1]!;
      forEachIndex(withoutLast(sizes), (outer) => {
        let total = 0;
        for (let i = 0; i < length; i++) {
          const index = [...outer, reverse ? length - 1 - i : i];
          total = evaluateScalar("add", type, type, total, x!.read(addressOf(x!, index)), 0);
          y!.write(addressOf(y!, index), total);
        }
      });
      return undefined;
    },
  },
  sort: {
    inputTypes: ({ type }) => [type],
    outputTypes: ({ type }) => [type, idType],
    run: ({ descending }, sizes, [x, values, positions]) => {
      const length = sizes[sizes.length - 1]!;
      forEachIndex(withoutLast(sizes), (outer) => {
        const row = Array.from({ length }, (_, at) => ({ at, value: x!.read(addressOf(x!, [...outer, at])) }));
        row.sort((a, b) => (descending ? -1 : 1) * compare(a.value, b.value));
        row.forEach(({ at, value }, i) => {
          values!.write(addressOf(values!, [...outer, i]), value);
          positions!.write(addressOf(positions!, [...outer, i]), at);
        });
      });
      return undefined;
    },
  },
  attention: {
    inputTypes: ({ type }) => [type, type, type],
    outputTypes: ({ type }) => [type, "float32"],
    run: (attributes, sizes, [q, k, v, out, logTotal]) => {
      forEachIndex(sizes.slice(0, -4), (batch) => {
        const { weights, logTotals } = attentionWeights(attributes, sizes, batch, q!, k!);
        const [, , , valueWidth] = sizes.slice(-4) as [number, number, number, number];
        weights.forEach((row, i) => {
          logTotal!.write(addressOf(logTotal!, [...batch, i]), logTotals[i]!);
          for (let w = 0; w < valueWidth; w++) {
            let sum = 0;
            row.forEach((p, j) => {
              sum += p * v!.read(addressOf(v!, [...batch, 0, j, 0, w]));
            });
            out!.write(addressOf(out!, [...batch, i, 0, 0, w]), sum);
          }
        });
      });
      return undefined;
    },
  },
  attentionGradient: {
    inputTypes: ({ type }) => [type, type, type, type, "float32", type],
    outputTypes: ({ type }) => [type, type, type],
    run: (attributes, sizes, [q, k, v, , , gradient, ofQueries, ofKeys, ofValues]) => {
      const [queries, keys, width, valueWidth] = sizes.slice(-4) as [number, number, number, number];
      forEachIndex(sizes.slice(0, -4), (batch) => {
        const { weights } = attentionWeights(attributes, sizes, batch, q!, k!);
        const at = (x: View, ...index: number[]) => x.read(addressOf(x, [...batch, ...index]));
        const sums = [queries * width, keys * width, keys * valueWidth].map((count) => new Float64Array(count));
        const [sumQueries, sumKeys, sumValues] = sums as [Float64Array, Float64Array, Float64Array];
        weights.forEach((row, i) => {
          const arrived = row.map((_, j) => {
            let sum = 0;
            for (let w = 0; w < valueWidth; w++) sum += at(gradient!, i, 0, 0, w) * at(v!, 0, j, 0, w);
            return sum;
          });
          const mean = row.reduce((sum, p, j) => sum + p * arrived[j]!, 0);
          row.forEach((p, j) => {
            const change = attributes.scale * p * (arrived[j]! - mean);
            for (let e = 0; e < width; e++) {
              sumQueries[i * width + e]! += change * at(k!, 0, j, e);
              sumKeys[j * width + e]! += change * at(q!, i, 0, e);
            }
            for (let w = 0; w < valueWidth; w++) sumValues[j * valueWidth + w]! += p * at(gradient!, i, 0, 0, w);
          });
        });
        // Sums are rounded once.
        const store = (x: View, values: Float64Array, columns: number, axis: number, column: number) =>
          values.forEach((value, n) => {
            const index = [0, 0, 0, 0];
            index[axis] = Math.floor(n / columns);
            index[column] = n % columns;
            x.write(addressOf(x, [...batch, ...index]), value);
          });
        store(ofQueries!, sumQueries, width, 0, 2);
        store(ofKeys!, sumKeys, width, 1, 2);
        store(ofValues!, sumValues, valueWidth, 1, 3);
      });
      return undefined;
    },
  },
};

/** Softmax of the scores of one matrix of the batch, query by query over the keys it sees, and the logarithms of the totals. */
function attentionWeights(
  { causal, scale }: AttentionAttributes,
  sizes: Sizes,
  batch: readonly number[],
  q: View,
  k: View,
): { readonly weights: readonly (readonly number[])[]; readonly logTotals: readonly number[] } {
  const [queries, keys, width] = sizes.slice(-4) as [number, number, number, number];
  const logTotals: number[] = [];
  const weights = Array.from({ length: queries }, (_, i) => {
    const scores = Array.from({ length: causal ? Math.min(i + 1, keys) : keys }, (_, j) => {
      let sum = 0;
      for (let e = 0; e < width; e++) {
        sum += q.read(addressOf(q, [...batch, i, 0, e])) * k.read(addressOf(k, [...batch, 0, j, e]));
      }
      return scale * sum;
    });
    const top = Math.max(...scores);
    const powers = scores.map((x) => Math.exp(x - top));
    const total = powers.reduce((a, b) => a + b, 0);
    logTotals.push(top + Math.log(total));
    return powers.map((x) => x / total);
  });
  return { weights, logTotals };
}

/** The rule of an anchor, to be used with attributes of the same anchor. */
export const ruleOf = (op: AnchorName): AnchorRule<AnchorName> => anchorRules[op] as AnchorRule<AnchorName>;

/** NaN counts as the largest; 0 and −0 are equal. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Adds rows to rows of the output, or puts them there. */
function scatter(
  [tableRows, width, rows]: Sizes,
  [updates, ids, out]: readonly View[],
  adds: boolean,
): string | undefined {
  return forEachRow(
    rows!,
    tableRows!,
    (row) => ids!.read(addressOf(ids!, [0, 0, row])),
    (row, id) => {
      if (id === undefined) return;
      for (let w = 0; w < width!; w++) {
        const address = addressOf(out!, [id, w]);
        const value = updates!.read(addressOf(updates!, [0, w, row]));
        out!.write(address, adds ? out!.read(address) + value : value);
      }
    },
  );
}

/** Calls `visit` with every row and its id, or undefined for an id outside the table; says which id was the first. */
function forEachRow(
  rows: number,
  tableRows: number,
  readId: (row: number) => number,
  visit: (row: number, id: number | undefined) => void,
): string | undefined {
  let fault: string | undefined;
  for (let row = 0; row < rows; row++) {
    const id = readId(row);
    const inside = id >= 0 && id < tableRows;
    if (!inside) fault ??= `id is out of range, got ${id}, expected an integer from 0 to ${tableRows - 1}`;
    visit(row, inside ? id : undefined);
  }
  return fault;
}

/** The same for every pick of every row, row by row. */
const forEachPick = (
  [rows, picks, tableRows]: Sizes,
  readId: (row: number, pick: number) => number,
  visit: (row: number, pick: number, id: number | undefined) => void,
): string | undefined =>
  forEachRow(
    rows! * picks!,
    tableRows!,
    (at) => readId(Math.floor(at / picks!), at % picks!),
    (at, id) => visit(Math.floor(at / picks!), at % picks!, id),
  );

/** Runs an anchor over views of all its launch's operands; returns the fault its data showed, if any. */
export function runAnchor(
  call: AnchorCall,
  sizes: Sizes,
  views: readonly View[],
  scalars: readonly number[],
): string | undefined {
  const rule = ruleOf(call.op);
  if (!call.epilogue) return rule.run(call.attributes, sizes, views);
  const inputs = rule.inputTypes(call.attributes).length;
  const axes = rule.epilogueAxes!(sizes);
  const result = scratch(axes, sizes.length);
  const fault = rule.run(call.attributes, sizes, [...views.slice(0, inputs), result]);
  interpret(call.epilogue.program, axes, [result, ...views.slice(inputs)], scalars, float64Arithmetic);
  return fault;
}

/** A row-major array over `axes`, seen over `rank` axes. */
function scratch(axes: Sizes, rank: number): View {
  const values = new Float64Array(sizeOf(axes));
  return {
    strides: [...contiguousStrides(axes), ...new Array<number>(rank - axes.length).fill(0)],
    offset: 0,
    read: (address) => values[address]!,
    write: (address, value) => {
      values[address] = value;
    },
  };
}
