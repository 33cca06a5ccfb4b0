// Rows of the losses over sequences (by enumerating every path), of perplexity and of weighted tasks.

import { tensor } from "@torchium/tensor";
import { logSumExp, sequences, total } from "./arithmetic.js";
import type { LossRow, Plain } from "./row.js";

const ints = (values: readonly number[], ...shape: number[]) => tensor(Int32Array.from(values), { shape });

/** The score of a tag sequence over the places given: `start + Σ emission + Σ transition + end`. */
function tagScore(emissions: readonly number[][], tags: readonly number[], p: Plain): number {
  const inner = tags.map((tag, i) => emissions[i]![tag]! + (i > 0 ? p.transitions[tags[i - 1]!][tag] : 0));
  return p.start_transitions[tags[0]!] + total(inner) + p.end_transitions[tags.at(-1)!];
}

/** `−ln p(tags)` of one sequence by enumeration, over the places where the mask is on; 0 without any. */
function crfLoss(emissions: readonly number[][], tags: readonly number[], mask: readonly unknown[], p: Plain): number {
  const on = emissions.filter((_, i) => mask[i]);
  if (on.length === 0) return 0;
  const scores = sequences(on[0]!.length, on.length).map((path) => tagScore(on, path, p));
  return (
    logSumExp(scores) -
    tagScore(
      on,
      tags.filter((_, i) => mask[i]),
      p,
    )
  );
}

/** What a path spells: repeats joined, blanks dropped. */
const spelled = (path: readonly number[], blank: number): string =>
  path.filter((symbol, i) => symbol !== blank && symbol !== path[i - 1]).join();

/** `−ln Σ p(path)` over all paths that spell `target`, by enumeration. */
function ctcLoss(logProbabilities: readonly number[][], target: readonly number[], blank: number): number {
  const paths = sequences(logProbabilities[0]?.length ?? 1, logProbabilities.length);
  const right = paths.filter((path) => spelled(path, blank) === target.join());
  return -logSumExp(right.map((path) => total(path.map((symbol, t) => logProbabilities[t]![symbol]!))));
}

const crfMask = [1, 1, 1, 1, /**/ 1, 1, 0, 0, /**/ 0, 1, 0, 1, /**/ 0, 0, 0, 0];

/** The rows. */
export const sequenceRows: readonly LossRow[] = [
  {
    name: "CRFLoss",
    options: [{ numTags: 3 }, { numTags: 3, batchFirst: true }],
    inputs: (draw) => ({ emissions: draw.normal(4, 4, 3), tags: draw.ids(3, 4, 4), mask: ints(crfMask, 4, 4) }),
    definition: (x, _, parameters) => {
      const losses = x.emissions.map((e: number[][], i: number) => crfLoss(e, x.tags[i], x.mask[i], parameters));
      return { losses, mean: total(losses) / 3 };
    },
    extremes: [
      {
        what: "emissions of 1e6",
        options: { numTags: 2 },
        inputs: {
          emissions: tensor([
            [
              [1e6, 0],
              [0, 1e6],
            ],
            [
              [1e6, 0],
              [1e6, 0],
            ],
          ]),
          tags: ints([0, 1, 1, 1], 2, 2),
        },
        losses: [0, 2e6],
      },
      {
        what: "tags that are ruled out by −∞",
        options: { numTags: 2 },
        inputs: { emissions: tensor([[[0, Number.NEGATIVE_INFINITY]]]), tags: ints([0], 1, 1) },
        losses: [0],
      },
    ],
    wrong: [
      {
        what: "another number of tags",
        options: { numTags: 5 },
        inputs: {},
        code: "shape",
        message: /emissions .*5\]/,
      },
      { what: "tags of another shape", inputs: { tags: ints([0, 1], 1, 2) }, code: "shape", message: /tags/ },
      { what: "a mask of another shape", inputs: { mask: ints([1, 1], 1, 2) }, code: "shape", message: /mask/ },
      {
        what: "a tag that does not exist",
        inputs: { tags: ints([0, 0, 7, ...new Array(13).fill(0)], 4, 4) },
        code: "index",
        message: /got 7 at place 2 of sequence 0/,
      },
      {
        what: "tags that are no ids",
        inputs: { tags: tensor(new Float32Array(16), { shape: [4, 4] }) },
        code: "dtype",
        message: /float32/,
      },
      {
        what: "no time",
        inputs: {
          emissions: tensor(new Float32Array(0), { shape: [4, 0, 3] }),
          tags: ints([], 4, 0),
          mask: ints([], 4, 0),
        },
        code: "shape",
        message: /none of them 0/,
      },
    ],
  },
  {
    name: "CTCLoss",
    options: [{}, { blank: 2 }],
    inputs: (draw) => ({
      logits: draw.normal(5, 4, 4),
      targets: ints([1, 1, 3, /**/ 3, 0, 0, /**/ 0, 0, 0, /**/ 1, 3, -9], 4, 3),
      inputLengths: ints([5, 3, 2, 4], 4),
      targetLengths: ints([3, 1, 0, 2], 4),
    }),
    call: ({ logits, targets, inputLengths, targetLengths }) => [
      logits!.logSoftmax(-1),
      targets,
      inputLengths,
      targetLengths,
    ],
    definition: ({ logits, targets, inputLengths, targetLengths }, { blank = 0 }) => {
      const losses = targets.map((target: number[], b: number) => {
        const rows = logits.slice(0, inputLengths[b]).map((row: number[][]) => {
          const all = logSumExp(row[b]!);
          return row[b]!.map((x) => x - all);
        });
        return ctcLoss(rows, target.slice(0, targetLengths[b]), blank);
      });
      return { losses, mean: total(losses.map((l: number, b: number) => l / Math.max(1, targetLengths[b]))) / 4 };
    },
    extremes: [
      {
        what: "certain and hopeless symbols",
        inputs: {
          logits: tensor([[[0, 1000]], [[1000, 0]]]),
          targets: ints([1], 1, 1),
          inputLengths: ints([2], 1),
          targetLengths: ints([1], 1),
        },
        losses: [0],
      },
    ],
    wrong: [
      {
        what: "the blank as a label",
        inputs: { targets: ints([0, 1, 3, 3, 1, 1, 1, 1, 1, 1, 3, 1], 4, 3) },
        code: "index",
        message: /got 0 at position 0/,
      },
      {
        what: "a label that does not exist",
        inputs: { targets: ints([1, 1, 4, 3, 1, 1, 1, 1, 1, 1, 3, 1], 4, 3) },
        code: "index",
        message: /got 4 at position 2/,
      },
      {
        what: "a length beyond time",
        inputs: { inputLengths: ints([5, 3, 2, 6], 4) },
        code: "argument",
        message: /inputLengths .*5, got 6/,
      },
      {
        what: "a length beyond the targets",
        inputs: { targetLengths: ints([4, 1, 0, 2], 4) },
        code: "argument",
        message: /targetLengths .*3, got 4/,
      },
      { what: "too few lengths", inputs: { targetLengths: ints([1, 1], 2) }, code: "shape", message: /targetLengths/ },
      {
        what: "a blank beyond the classes",
        options: { blank: 4 },
        inputs: {},
        code: "argument",
        message: /blank .*got 4/,
      },
    ],
  },
  {
    name: "PerplexityLoss",
    options: [{}, { ignoreIndex: 1 }],
    inputs: (draw) => ({ input: draw.normal(2, 3, 4), target: draw.ids(4, 2, 3) }),
    definition: ({ input, target }, { ignoreIndex = -100 }) => {
      const losses = target.flatMap((row: number[], b: number) =>
        row.flatMap((id, t) => (id === ignoreIndex ? [] : [logSumExp(input[b][t]) - input[b][t][id]])),
      );
      return { losses: [Math.exp(total(losses) / losses.length)] };
    },
    extremes: [
      {
        what: "a mean loss of a thousand",
        inputs: { input: tensor([[1000, 0]]), target: ints([1], 1) },
        losses: [Math.exp(88)],
      },
    ],
    wrong: [
      {
        what: "targets of another shape",
        inputs: { target: ints([0, 1], 2) },
        code: "shape",
        message: /target .*\[2, 3\]/,
      },
      {
        what: "a word that does not exist",
        inputs: { target: ints([0, 1, 2, 3, 4, 0], 2, 3) },
        code: "index",
        message: /got 4/,
      },
      { what: "one row", inputs: { input: tensor([1, 2]) }, code: "shape", message: /input/ },
    ],
  },
  {
    name: "UncertaintyWeightingLoss",
    options: [{ numTasks: 3 }, { numTasks: 3, kinds: ["regression", "classification", "regression"] }],
    inputs: (draw) => ({ a: draw.normal(), b: draw.normal(), c: draw.normal() }),
    call: (x) => [Object.values(x)],
    definition: (x, { kinds }, { log_variances: s }) => ({
      losses: [
        total(
          Object.values(x).map((loss, i) => {
            const share = kinds?.[i] === "regression" ? 0.5 : 1;
            return share * Math.exp(-s[i]) * loss + s[i] / 2;
          }),
        ),
      ],
    }),
    extremes: [
      { what: "losses of 1e30", options: { numTasks: 2 }, inputs: { a: tensor(1e30), b: tensor(0) }, losses: [1e30] },
    ],
    wrong: [
      {
        what: "a loss too many",
        options: { numTasks: 2 },
        inputs: {},
        code: "argument",
        message: /one a task, 2, got 3/,
      },
      { what: "a loss that is no scalar", inputs: { b: tensor([1, 2]) }, code: "shape", message: /losses\[1\]/ },
      { what: "a number for a loss", inputs: { c: 0.5 }, code: "argument", message: /losses\[2\] must be a tensor/ },
    ],
  },
];
