// Attention as one anchor, and its gradient: every mask, sizes around the edges of tiles, batches and heads that lie in
// every order, against plain loops with error bounds.

import type { AnchorCall } from "@torchium/tensor/backend";
import { addressOf, forEachIndex } from "@torchium/tensor/reference";
import type { CaseContext, CaseTable } from "../case.js";
import type { Bounded } from "../error-bounds.js";
import { layOut, type OperandLayout } from "../layout.js";
import { randomValues } from "../programs/run.js";
import { Random } from "../random.js";
import { floatLimits, sumRoundings } from "../tolerances.js";
import { describeOperands, type Expected, type Trial, type TrialOperand } from "../trial.js";

type Size = {
  readonly batch?: readonly number[];
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
};
type Read = (operand: number, address: number) => number;

const unit = floatLimits.float32.epsilon / 2;
/** Roundings of a quotient of exponentials, beside those of sums. */
const quotientRoundings = 16;

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
  space: readonly number[],
  batch: readonly number[],
  [q, k]: readonly TrialOperand[],
  read: Read,
  causal: boolean,
  scale: number,
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

function forward(
  space: readonly number[],
  operands: readonly TrialOperand[],
  read: Read,
  causal: boolean,
  scale: number,
): Expected[] {
  const [out, logTotal] = [new Map<number, Bounded>(), new Map<number, Bounded>()];
  const valueWidth = space.at(-1)!;
  forEachIndex(space.slice(0, -4), (batch) => {
    weigh(space, batch, operands, read, causal, scale).forEach((row, i) => {
      logTotal.set(addressOf(operands[4]!, [...batch, i, 0, 0, 0]), row.logTotal);
      for (let w = 0; w < valueWidth; w++) {
        const terms = row.weights.map((p, j) => p * read(2, addressOf(operands[2]!, [...batch, 0, j, 0, w])));
        const value = terms.reduce((a, b) => a + b, 0);
        const magnitude = terms.reduce((a, b) => a + Math.abs(b), 0);
        out.set(addressOf(operands[3]!, [...batch, i, 0, 0, w]), { value, error: row.relative * magnitude });
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

  expected(terms: number): Expected {
    const bound = sumRoundings(terms) * unit;
    return new Map(
      [...this.#sums].map(([at, { value, error, magnitude }]) => [at, { value, error: error + bound * magnitude }]),
    );
  }
}

function backward(
  space: readonly number[],
  operands: readonly TrialOperand[],
  read: Read,
  causal: boolean,
  scale: number,
): Expected[] {
  const [queries, keys, width, valueWidth] = space.slice(-4) as [number, number, number, number];
  const [ofQueries, ofKeys, ofValues] = [new Sums(), new Sums(), new Sums()];
  const [q, k, v, , gradient, toQueries, toKeys, toValues] = operands as [
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
    weigh(space, batch, operands, read, causal, scale).forEach(({ weights, relative }, i) => {
      const g = Array.from({ length: valueWidth }, (_, w) => read(4, addressOf(gradient, [...batch, i, 0, 0, w])));
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
        const error = scale * p * (2 * relative + sumRoundings(valueWidth) * 2 * unit) * 2 * largest;
        for (let e = 0; e < width; e++) {
          const key = read(1, addressOf(k, [...batch, 0, j, e, 0]));
          const query = read(0, addressOf(q, [...batch, i, 0, e, 0]));
          ofQueries.add(addressOf(toQueries, [...batch, i, 0, e, 0]), change * key, error * Math.abs(key));
          ofKeys.add(addressOf(toKeys, [...batch, 0, j, e, 0]), change * query, error * Math.abs(query));
        }
        g.forEach((x, w) => {
          ofValues.add(addressOf(toValues, [...batch, 0, j, 0, w]), p * x, relative * p * Math.abs(x));
        });
      });
    });
  });
  return [ofQueries.expected(keys), ofKeys.expected(queries), ofValues.expected(queries)];
}

function trialOf(random: Random, size: Size, causal: boolean, isGradient: boolean): Trial {
  const space = spaceOf(size);
  const scale = 1 / Math.sqrt(size.width);
  const made = (inner: readonly number[]): TrialOperand => ({ ...randomOver(random, space, inner), type: "float32" });
  const filled = (inner: readonly number[]): TrialOperand => {
    const operand = made(inner);
    return { ...operand, values: randomValues(random, "float32", operand.extent) };
  };
  const inputs = [filled([L!, E!]), filled([S!, E!]), filled([S!, V!])];
  const call: AnchorCall = {
    op: isGradient ? "attentionGradient" : "attention",
    attributes: { type: "float32", causal, scale },
    rank: space.length,
  };
  const operands = isGradient
    ? [
        ...inputs,
        logTotals(made([L!]), space, inputs, causal, scale),
        filled([L!, V!]),
        made([L!, E!]),
        made([S!, E!]),
        made([S!, V!]),
      ]
    : [...inputs, made([L!, V!]), made([L!])];
  return {
    label: `${call.op} [${space.join(", ")}]${causal ? ", causal" : ""}`,
    compile: (backend) => backend.anchor(call),
    sizes: space,
    operands,
    scalars: [],
    expect: (read) => (isGradient ? backward : forward)(space, operands, read, causal, scale),
    describe: () => describeOperands(space, operands).join("\n"),
  };
}

/** The forward pass's second output as an operand. */
function logTotals(
  operand: TrialOperand,
  space: readonly number[],
  inputs: readonly TrialOperand[],
  causal: boolean,
  scale: number,
): TrialOperand {
  const values = new Float32Array(operand.extent);
  const read: Read = (i, address) => inputs[i]!.values![address]!;
  forEachIndex(space.slice(0, -4), (batch) => {
    weigh(space, batch, inputs, read, causal, scale).forEach(({ logTotal }, i) => {
      values[addressOf(operand, [...batch, i, 0, 0, 0])] = logTotal.value;
    });
  });
  return { ...operand, values: [...values] };
}

async function attention({ bench, seed }: CaseContext, causal: boolean, isGradient: boolean): Promise<void> {
  bench.need("float32");
  const random = new Random(seed);
  await bench.check([...sizes, ...sizes].map((size) => trialOf(random, size, causal, isGradient)));
}

/** Attention. */
export const attentionCases = {
  "anchors/attention": (c) => attention(c, false, false),
  "anchors/attention that is causal": (c) => attention(c, true, false),
  "anchors/attention's gradient": (c) => attention(c, false, true),
  "anchors/attention's gradient that is causal": (c) => attention(c, true, true),
} as const satisfies CaseTable;
