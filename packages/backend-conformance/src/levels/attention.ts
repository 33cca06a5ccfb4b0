// Attention as one anchor, and its gradient: every mask, sizes around the edges of tiles, batches and heads that lie in
// every order, against plain loops with error bounds.

import { type AnchorCall, type AttentionAttributes, isHalf } from "@torchium/tensor/backend";
import { addressOf, forEachIndex } from "@torchium/tensor/reference";
import type { CaseContext, CaseTable } from "../case.js";
import { type Bounded, boundedArithmetic } from "../error-bounds.js";
import { layOut, type OperandLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { floatLimits, sumRoundings } from "../tolerances.js";
import { describeOperands, type Expected, type Trial, type TrialOperand } from "../trial.js";
import { heldAs } from "../workbench.js";

type Size = {
  readonly batch?: readonly number[];
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
};
type Read = (operand: number, address: number) => number;
type Type = AttentionAttributes["type"];
/** The anchor, over which space. */
type Problem = AttentionAttributes & { readonly space: readonly number[] };

const unit = floatLimits.float32.epsilon / 2;
/** Roundings of a quotient of exponentials, beside those of sums. */
const quotientRoundings = 16;

/** What rounding to the type of the operands may add before a product: relative, and below the least normal number. */
const roundingOf = (type: Type): { readonly relative: number; readonly absolute: number } => {
  const { epsilon, leastNormal } = floatLimits[type];
  return isHalf(type) ? { relative: epsilon / 2, absolute: epsilon * leastNormal } : { relative: 0, absolute: 0 };
};

/** A result of float32 arithmetic as it is stored. */
const stored = (type: Type, x: Bounded): Bounded =>
  isHalf(type) ? boundedArithmetic.apply("cast", type, "float32", [x]) : x;

const sizes: readonly Size[] = [
  { queries: 1, keys: 1, width: 1, valueWidth: 1 },
  { queries: 5, keys: 7, width: 3, valueWidth: 4 },
  { queries: 7, keys: 5, width: 4, valueWidth: 3 },
  { batch: [3], queries: 9, keys: 9, width: 8, valueWidth: 8 },
  { batch: [2, 2], queries: 16, keys: 16, width: 16, valueWidth: 16 },
  { batch: [1, 2], queries: 33, keys: 65, width: 16, valueWidth: 20 },
  { queries: 65, keys: 65, width: 33, valueWidth: 32 },
  { queries: 2, keys: 200, width: 64, valueWidth: 64 },
  { queries: 130, keys: 130, width: 8, valueWidth: 8 },
  { queries: 9, keys: 65, width: 128, valueWidth: 72 },
  { queries: 5, keys: 18, width: 144, valueWidth: 24 },
  { queries: 18, keys: 5, width: 24, valueWidth: 264 },
];

/** Of heads that start where vectors may. */
const packedSizes: readonly Size[] = [
  { batch: [2, 2], queries: 16, keys: 16, width: 16, valueWidth: 16 },
  { batch: [2, 2], queries: 65, keys: 33, width: 8, valueWidth: 24 },
  { batch: [1, 2], queries: 17, keys: 17, width: 64, valueWidth: 64 },
  { batch: [1], queries: 129, keys: 129, width: 8, valueWidth: 40 },
  { batch: [2], queries: 9, keys: 31, width: 72, valueWidth: 96 },
  { batch: [2], queries: 7, keys: 34, width: 128, valueWidth: 8 },
];

/** A layout over [batch…, L, S, E, V] along the batch and some of the last four axes, in a random order. */
function randomOver(random: Random, space: readonly number[], inner: readonly number[]): OperandLayout {
  const batch = space.length - 4;
  const axes = [...Array(batch).keys(), ...inner.map((axis) => batch + axis)];
  // Mostly the last axis is dense, as heads cut out of a projection are.
  const last = axes.at(-1)!;
  const order = random.chance(0.7) ? [last, ...random.shuffle(axes.slice(0, -1))] : random.shuffle(axes);
  return layOut(
    space,
    order,
    space.map((_, axis) => (axes.includes(axis) ? 1 : 0)),
    [random.integer(0, 3), 1],
  );
}

/** The same as heads lie in a projection: dense, the last batch axis inside the rows. */
function packedOver(space: readonly number[], inner: readonly number[]): OperandLayout {
  const batch = space.length - 4;
  const [row, column] = inner.map((axis) => batch + axis);
  const outer = [...Array(batch).keys()];
  const axes = [...(column === undefined ? [] : [column]), ...outer.splice(-1), row!, ...outer.reverse()];
  return layOut(
    space,
    axes,
    space.map((_, axis) => (axes.includes(axis) ? 1 : 0)),
  );
}

const [L, S, E, V] = [0, 1, 2, 3];
const spaceOf = ({ batch = [], queries, keys, width, valueWidth }: Size) => [
  ...batch,
  queries,
  keys,
  width,
  valueWidth,
];

/** What each query sees, with how far off it may be: weights, their relative error, ln of the total. */
function weigh(
  { space, causal, scale }: Problem,
  batch: readonly number[],
  [q, k]: readonly TrialOperand[],
  read: Read,
) {
  const [queries, keys, width] = space.slice(-4) as [number, number, number, number];
  return Array.from({ length: queries }, (_, i) => {
    let slack = 0;
    const scores = Array.from({ length: causal ? Math.min(i + 1, keys) : keys }, (_, j) => {
      let [sum, magnitude] = [0, 0];
      for (let e = 0; e < width; e++) {
        const term = read(0, addressOf(q!, [...batch, i, 0, e, 0])) * read(1, addressOf(k!, [...batch, 0, j, e, 0]));
        sum += term;
        magnitude += Math.abs(term);
      }
      slack = Math.max(slack, scale * (2 + sumRoundings(width)) * unit * magnitude);
      return scale * sum;
    });
    const top = Math.max(...scores);
    const powers = scores.map((x) => Math.exp(x - top));
    const total = powers.reduce((a, b) => a + b, 0);
    const relative = 2 * slack + (quotientRoundings + sumRoundings(keys)) * unit;
    const logTotal = top + Math.log(total);
    const logError = slack + (quotientRoundings + sumRoundings(keys)) * unit * (1 + Math.abs(logTotal));
    return { weights: powers.map((x) => x / total), relative, logTotal: { value: logTotal, error: logError } };
  });
}

function forward(problem: Problem, operands: readonly TrialOperand[], read: Read): Expected[] {
  const [out, logTotal] = [new Map<number, Bounded>(), new Map<number, Bounded>()];
  const { space, type } = problem;
  const valueWidth = space.at(-1)!;
  const rounding = roundingOf(type);
  forEachIndex(space.slice(0, -4), (batch) => {
    weigh(problem, batch, operands, read).forEach((row, i) => {
      logTotal.set(addressOf(operands[4]!, [...batch, i, 0, 0, 0]), row.logTotal);
      for (let w = 0; w < valueWidth; w++) {
        let [value, error] = [0, 0];
        row.weights.forEach((p, j) => {
          const x = read(2, addressOf(operands[2]!, [...batch, 0, j, 0, w]));
          value += p * x;
          error += ((row.relative + rounding.relative) * p + rounding.absolute) * Math.abs(x);
        });
        out.set(addressOf(operands[3]!, [...batch, i, 0, 0, w]), stored(type, { value, error }));
      }
    });
  });
  return [out, logTotal];
}

/** Sums with their errors, by address. */
class Sums {
  readonly #sums = new Map<number, { value: number; error: number; magnitude: number }>();

  add(address: number, value: number, error: number): void {
    const sum = this.#sums.get(address) ?? { value: 0, error: 0, magnitude: 0 };
    this.#sums.set(address, {
      value: sum.value + value,
      error: sum.error + error,
      magnitude: sum.magnitude + Math.abs(value),
    });
  }

  expected(type: Type, terms: number): Expected {
    const bound = sumRoundings(terms) * unit;
    return new Map(
      [...this.#sums].map(([at, { value, error, magnitude }]) => [
        at,
        stored(type, { value, error: error + bound * magnitude }),
      ]),
    );
  }
}

function backward(problem: Problem, operands: readonly TrialOperand[], read: Read): Expected[] {
  const { space, type, scale } = problem;
  const [queries, keys, width, valueWidth] = space.slice(-4) as [number, number, number, number];
  const rounding = roundingOf(type);
  const [ofQueries, ofKeys, ofValues] = [new Sums(), new Sums(), new Sums()];
  const [q, k, v, , , gradient, toQueries, toKeys, toValues] = operands as [
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
    TrialOperand,
  ];
  forEachIndex(space.slice(0, -4), (batch) => {
    // Keys that no query sees have gradients of zero.
    for (let j = 0; j < keys; j++) {
      for (let e = 0; e < width; e++) ofKeys.add(addressOf(toKeys, [...batch, 0, j, e, 0]), 0, 0);
      for (let w = 0; w < valueWidth; w++) ofValues.add(addressOf(toValues, [...batch, 0, j, 0, w]), 0, 0);
    }
    weigh(problem, batch, operands, read).forEach(({ weights, relative }, i) => {
      const g = Array.from({ length: valueWidth }, (_, w) => read(5, addressOf(gradient, [...batch, i, 0, 0, w])));
      let largest = 0;
      const arrived = weights.map((_, j) => {
        const terms = g.map((x, w) => x * read(2, addressOf(v, [...batch, 0, j, 0, w])));
        largest = Math.max(
          largest,
          terms.reduce((a, b) => a + Math.abs(b), 0),
        );
        return terms.reduce((a, b) => a + b, 0);
      });
      const mean = weights.reduce((sum, p, j) => sum + p * arrived[j]!, 0);
      weights.forEach((p, j) => {
        const change = scale * p * (arrived[j]! - mean);
        // The mean may come from the stored output.
        const ofArrived = 2 * relative + sumRoundings(valueWidth) * 2 * unit + rounding.relative;
        const error =
          scale * p * ofArrived * 2 * largest +
          rounding.relative * Math.abs(change) +
          Math.max(scale, 1) * rounding.absolute;
        for (let e = 0; e < width; e++) {
          const key = read(1, addressOf(k, [...batch, 0, j, e, 0]));
          const query = read(0, addressOf(q, [...batch, i, 0, e, 0]));
          ofQueries.add(addressOf(toQueries, [...batch, i, 0, e, 0]), change * key, error * Math.abs(key));
          ofKeys.add(addressOf(toKeys, [...batch, 0, j, e, 0]), change * query, error * Math.abs(query));
        }
        g.forEach((x, w) => {
          ofValues.add(
            addressOf(toValues, [...batch, 0, j, 0, w]),
            p * x,
            ((relative + rounding.relative) * p + rounding.absolute) * Math.abs(x),
          );
        });
      });
    });
  });
  return [ofQueries.expected(type, keys), ofKeys.expected(type, queries), ofValues.expected(type, queries)];
}

function trialOf(random: Random, type: Type, size: Size, packed: boolean, causal: boolean, isGradient: boolean): Trial {
  const space = spaceOf(size);
  const attributes = { type, causal, scale: 1 / Math.sqrt(size.width) };
  const problem = { ...attributes, space };
  const made = (inner: readonly number[], of: Type = type): TrialOperand => ({
    ...(packed ? packedOver(space, inner) : randomOver(random, space, inner)),
    type: of,
  });
  const filled = (inner: readonly number[]): TrialOperand => {
    const operand = made(inner);
    return { ...operand, values: randomValues(random, type, operand.extent) };
  };
  const inputs = [filled([L!, E!]), filled([S!, E!]), filled([S!, V!])];
  const call: AnchorCall = { op: isGradient ? "attentionGradient" : "attention", attributes, rank: space.length };
  const results = [made([L!, V!]), made([L!], "float32")];
  const operands = isGradient
    ? [
        ...inputs,
        ...resultsOf(problem, inputs, results),
        filled([L!, V!]),
        ...[made([L!, E!]), made([S!, E!]), made([S!, V!])],
      ]
    : [...inputs, ...results];
  return {
    label: `${call.op} [${space.join(", ")}] of ${type}${causal ? ", causal" : ""}`,
    compile: (backend) => backend.anchor(call),
    sizes: space,
    operands,
    scalars: [],
    expect: (read) => (isGradient ? backward : forward)(problem, operands, read),
    describe: () => describeOperands(space, operands).join("\n"),
  };
}

/** The forward pass's outputs as operands of the backward pass. */
function resultsOf(
  problem: Problem,
  inputs: readonly TrialOperand[],
  results: readonly TrialOperand[],
): readonly TrialOperand[] {
  const expected = forward(problem, [...inputs, ...results], (i, address) => inputs[i]!.values![address]!);
  return results.map((operand, i) => {
    const values = new Array<number>(operand.extent).fill(0);
    for (const [address, { value }] of expected[i]!) values[address] = value;
    return { ...operand, values: heldAs(operand.type, values) };
  });
}

async function attention(
  { bench, seed }: CaseContext,
  causal: boolean,
  isGradient: boolean,
  type: Type = "float32",
): Promise<void> {
  bench.need(type);
  const random = new Random(seed);
  await bench.check([
    ...sizes.map((size) => trialOf(random, type, size, false, causal, isGradient)),
    ...packedSizes.map((size) => trialOf(random, type, size, true, causal, isGradient)),
  ]);
}

/** Attention. */
export const attentionCases = {
  "anchors/attention": (c) => attention(c, false, false),
  "anchors/attention that is causal": (c) => attention(c, true, false),
  "anchors/attention's gradient": (c) => attention(c, false, true),
  "anchors/attention's gradient that is causal": (c) => attention(c, true, true),
  "anchors/attention of bfloat16": (c) => attention(c, false, false, "bfloat16"),
  "anchors/attention of bfloat16 that is causal": (c) => attention(c, true, false, "bfloat16"),
  "anchors/attention's gradient of bfloat16": (c) => attention(c, false, true, "bfloat16"),
  "anchors/attention's gradient of bfloat16 that is causal": (c) => attention(c, true, true, "bfloat16"),
  "anchors/attention of float16": (c) => attention(c, true, false, "float16"),
  "anchors/attention's gradient of float16": (c) => attention(c, true, true, "float16"),
} as const satisfies CaseTable;
