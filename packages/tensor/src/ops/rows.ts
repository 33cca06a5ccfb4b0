// Row programs along the last axis: reductions, softmax, normalization, cross entropy. Axes other than the last are
// moved there by the functions of reduce.ts and softmax.ts.

import { constant, type Expr, rowSize } from "../kernel/expr.js";
import * as s from "../kernel/scalar.js";
import { alongRow, overRow } from "./declare.js";

const count = (x: Expr): Expr => rowSize(x.type);

export const sumRow = overRow("sum", {
  doc: "`Σ x` along the last axis; bool becomes int32.",
  types: "number",
  body: (row, [x]) => row.sum(x!),
  cases: [{ of: [[1, 2, 3]], gives: 6 }],
});

export const prodRow = overRow("prod", {
  doc: "`Π x` along the last axis; exact gradients with zeros.",
  types: "number",
  domain: [[0.5, 1.5]],
  body: (row, [x]) => row.prod(x!),
  cases: [{ of: [[2, 3, 4]], gives: 24 }],
});

export const meanRow = overRow("mean", {
  doc: "`Σ x / n` along the last axis.",
  body: (row, [x]) => s.div(row.sum(x!), count(x!)),
  cases: [{ of: [[1, 2, 6]], gives: 3 }],
});

export const maxRow = overRow("amax", {
  doc: "The largest along the last axis; ties share the gradient.",
  types: "number",
  body: (row, [x]) => row.max(x!),
  cases: [{ of: [[1, 7, 3]], gives: 7 }],
});

export const minRow = overRow("amin", {
  doc: "The smallest along the last axis; ties share the gradient.",
  types: "number",
  body: (row, [x]) => row.min(x!),
  cases: [{ of: [[4, 2, 3]], gives: 2 }],
});

const firstWhere = (row: Parameters<Parameters<typeof overRow>[1]["body"]>[0], hit: Expr): Expr =>
  row.min(s.select(hit, row.index, constant(2147483647, "int32")));

export const argmaxRow = overRow("argmax", {
  doc: "Position of the largest along the last axis, the first of equals, int32; NaN counts as the largest.",
  types: "number",
  body: (row, [x]) => {
    const best = row.max(x!);
    const hit = x!.type.startsWith("float") ? s.or(s.eq(x!, best), s.isNaN(x!)) : s.eq(x!, best);
    return firstWhere(row, hit);
  },
  cases: [{ of: [[1, 7, 7]], gives: 1 }],
});

export const argminRow = overRow("argmin", {
  doc: "Position of the smallest along the last axis, the first of equals, int32; NaN counts as the smallest.",
  types: "number",
  body: (row, [x]) => {
    const best = row.min(x!);
    const hit = x!.type.startsWith("float") ? s.or(s.eq(x!, best), s.isNaN(x!)) : s.eq(x!, best);
    return firstWhere(row, hit);
  },
  cases: [{ of: [[3, 1, 1]], gives: 1 }],
});

export const varRow = overRow("var", {
  doc: "`Σ (x − mean)² / (n − correction)` along the last axis, in two passes.",
  scalars: 1,
  body: (row, [x], [correction]) => {
    const n = count(x!);
    const centered = s.sub(x!, s.div(row.sum(x!), n));
    return s.div(row.sum(s.square(centered)), s.max(s.sub(n, correction!), 0));
  },
  cases: [],
});

export const stdRow = overRow("std", {
  doc: "`√var` along the last axis, divided by n − correction; gradient 0 where the deviation is 0.",
  scalars: 1,
  body: (row, [x], [correction]) => {
    const n = count(x!);
    const centered = s.sub(x!, s.div(row.sum(x!), n));
    const variance = s.div(row.sum(s.square(centered)), s.max(s.sub(n, correction!), 0));
    const zero = s.eq(variance, 0);
    return s.select(zero, 0, s.sqrt(s.select(zero, 1, variance)));
  },
  cases: [],
});

export const norm2Row = overRow("norm", {
  doc: "`√Σ x²` along the last axis; gradient 0 at 0.",
  body: (row, [x]) => {
    const squares = row.sum(s.square(x!));
    const zero = s.eq(squares, 0);
    return s.select(zero, 0, s.sqrt(s.select(zero, 1, squares)));
  },
  cases: [{ of: [[3, 4]], gives: 5 }],
});

export const logSumExpRow = overRow("logsumexp", {
  doc: "`ln Σ e^x` along the last axis, shifted by the maximum; a row of −∞ gives −∞.",
  body: (row, [x]) => {
    const top = finiteOrZero(s.detach(row.max(x!)));
    return s.add(s.log(row.sum(s.exp(s.sub(x!, top)))), top);
  },
  cases: [{ of: [[0, 0]], gives: Math.LN2 }],
});

// A row of −∞ or ∞ has no finite maximum to shift by.
const finiteOrZero = (m: Expr): Expr => s.select(s.lt(s.abs(m), Number.POSITIVE_INFINITY), m, 0);

// The least finite number of each type of floats.
const lowest = { float32: -3.4028234663852886e38, float64: -Number.MAX_VALUE } as const;

/**
 * The largest of a row to shift it by, never below it, so that backends can see that what is shifted is not above 0; a
 * row of −∞ stays −∞.
 */
export const aboveLowest = (m: Expr): Expr => s.max(m, lowest[m.type as keyof typeof lowest]);

/** 1 / total; 0 for the total of a row without anything in it. */
export const reciprocalOrZero = (total: Expr): Expr => s.select(s.eq(total, 0), 0, s.div(1, total));

export const anyRow = overRow("any", {
  doc: "Whether any element along the last axis is non-zero.",
  types: "bool",
  body: (row, [x]) => s.ne(row.max(s.cast(x!, "int32")), 0),
  cases: [{ of: [[0, 2]], gives: true }],
});

export const allRow = overRow("all", {
  doc: "Whether every element along the last axis is non-zero.",
  types: "bool",
  body: (row, [x]) => s.ne(row.min(s.cast(x!, "int32")), 0),
  cases: [{ of: [[0, 2]], gives: false }],
});

export const softmaxRow = alongRow("softmax", {
  doc: "`e^x / Σ e^x` along the last axis, shifted by the maximum. A row of −∞ gives zeros, not NaN.",
  body: (row, [x]) => {
    const e = s.exp(s.sub(x!, aboveLowest(s.detach(row.max(x!)))));
    return s.mul(e, reciprocalOrZero(row.sum(e)));
  },
  gradient: (row, _, y, dy) => [s.mul(y, s.sub(dy, row.sum(s.mul(dy, y))))],
  gradientReads: "output",
  cases: [{ of: [[0, 0, 0, 0]], gives: [0.25, 0.25, 0.25, 0.25] }],
});

export const logSoftmaxRow = alongRow("logSoftmax", {
  doc: "`x − ln Σ e^x` along the last axis.",
  body: (row, [x]) => {
    const shifted = s.sub(x!, aboveLowest(s.detach(row.max(x!))));
    return s.sub(shifted, s.log(row.sum(s.exp(shifted))));
  },
  gradient: (row, _, y, dy) => [s.sub(dy, s.mul(s.exp(y), row.sum(dy)))],
  gradientReads: "output",
  cases: [{ of: [[0, 0]], gives: [-Math.LN2, -Math.LN2] }],
});

const normalize = (row: { sum(x: Expr): Expr }, x: Expr, eps: Expr): Expr => {
  const n = count(x);
  const centered = s.sub(x, s.div(row.sum(x), n));
  return s.mul(centered, s.rsqrt(s.add(s.div(row.sum(s.square(centered)), n), eps)));
};

export const layerNormRow = alongRow("layerNorm", {
  doc: "`γ (x − mean) / √(var + ε) + β` along the last axis (Ba et al., arXiv 1607.06450); scalar ε.",
  roles: ["full", "lane", "lane"],
  scalars: 1,
  body: (row, [x, weight, bias], [eps]) => s.add(s.mul(normalize(row, x!, eps!), weight!), bias!),
  cases: [],
  ulps: 32,
});

export const layerNormNoBiasRow = alongRow("layerNorm", {
  doc: "`γ (x − mean) / √(var + ε)` along the last axis; scalar ε.",
  roles: ["full", "lane"],
  scalars: 1,
  body: (row, [x, weight], [eps]) => s.mul(normalize(row, x!, eps!), weight!),
  cases: [],
  ulps: 32,
});

export const normalizeRow = alongRow("normalize", {
  doc: "`(x − mean) / √(var + ε)` along the last axis; scalar ε.",
  scalars: 1,
  body: (row, [x], [eps]) => normalize(row, x!, eps!),
  cases: [],
  ulps: 32,
});

export const rmsNormRow = alongRow("rmsNorm", {
  doc: "`γ x / √(mean(x²) + ε)` along the last axis (Zhang & Sennrich, arXiv 1910.07467); scalar ε.",
  roles: ["full", "lane"],
  scalars: 1,
  body: (row, [x, weight], [eps]) =>
    s.mul(s.mul(x!, s.rsqrt(s.add(s.div(row.sum(s.square(x!)), count(x!)), eps!))), weight!),
  cases: [],
  ulps: 32,
});

/** Logits less their largest, so that large ones do not cancel; 0 where the row is ignored, whatever it holds. */
function relativeLogits(row: { max(x: Expr): Expr }, logits: Expr, target: Expr, ignored: Expr) {
  const skip = s.eq(target, s.cast(ignored, "int32"));
  const known = s.select(skip, 0, logits);
  return { x: s.sub(known, aboveLowest(s.detach(row.max(known)))), skip };
}

/** Cross entropy of one row: −Σ_c q_c log p_c with q the smoothed target; a row whose target is ignored gives 0. */
export const crossEntropyRow = overRow("crossEntropy", {
  doc: "`−Σ q ln softmax(logits)`, `q = (1 − ε)·onehot(target) + ε/C`; 0 where the target is the ignored id. Scalars ε, ignored id.",
  roles: ["full", "row"],
  integers: [1],
  scalars: 2,
  body: (row, [logits, target], [smoothing, ignored]) => {
    const { x, skip } = relativeLogits(row, logits!, target!, ignored!);
    const logTotal = s.log(row.sum(s.exp(x)));
    const known = s.and(s.ge(target!, 0), s.lt(target!, rowSize("int32")));
    const picked = s.select(known, row.sum(s.select(s.eq(row.index, target!), x, 0)), Number.NaN);
    const spread = s.div(row.sum(x), count(x));
    // With ε = 0 a logit of −∞ elsewhere must not give 0·∞.
    const aim = s.select(
      s.eq(smoothing!, 0),
      picked,
      s.add(s.mul(s.sub(1, smoothing!), picked), s.mul(smoothing!, spread)),
    );
    return s.select(skip, 0, s.sub(logTotal, aim));
  },
  domain: [
    [-2, 2],
    [0, 3],
  ],
  cases: [{ of: [[0, 0], 1], gives: Math.LN2 }],
  ulps: 32,
});

export const weightedCrossEntropyRow = overRow("crossEntropy", {
  doc: "`−Σ q w ln softmax(logits)` with a weight a class, `q = (1 − ε)·onehot(target) + ε/C`; 0 where ignored. Scalars ε, ignored id.",
  roles: ["full", "row", "lane"],
  integers: [1],
  scalars: 2,
  body: (row, [logits, target, weight], [smoothing, ignored]) => {
    const { x, skip } = relativeLogits(row, logits!, target!, ignored!);
    const logTotal = s.log(row.sum(s.exp(x)));
    const weighted = s.mul(weight!, s.sub(logTotal, x));
    const known = s.and(s.ge(target!, 0), s.lt(target!, rowSize("int32")));
    const picked = s.select(known, row.sum(s.select(s.eq(row.index, target!), weighted, 0)), Number.NaN);
    const spread = s.div(row.sum(weighted), count(x));
    const all = s.select(
      s.eq(smoothing!, 0),
      picked,
      s.add(s.mul(s.sub(1, smoothing!), picked), s.mul(smoothing!, spread)),
    );
    return s.select(skip, 0, all);
  },
  domain: [
    [-2, 2],
    [0, 3],
    [0.5, 2],
  ],
  cases: [],
  ulps: 32,
});
