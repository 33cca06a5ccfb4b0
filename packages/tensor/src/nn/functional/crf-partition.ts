// The sum over all tag sequences of a CRF, and its gradient. Both are loops over time with one launch a step. The
// gradient walks back through probabilities that are normalized place by place, which no size of the scores can upset.

import { gradEnabled } from "../../autograd/mode.js";
import { anyTracked, record } from "../../autograd/variable.js";
import { noGrad } from "../../control.js";
import { ones, zeros } from "../../creation.js";
import { TensorError } from "../../errors.js";
import { where } from "../../functions.js";
import { loop } from "../../ops/loop.js";
import type { Tensor } from "../../tensor.js";
import type { CrfScores } from "./crf-checks.js";

/** Emissions with the scores of the ends folded in, and which places of the batch are real. */
export type Lattice = {
  /** [time, batch, tags]: start and end scores belong to a sequence's first and last tag; 0 at padding. */
  readonly emissions: Tensor;
  /** [time, batch, 1]: not padding. */
  readonly real: Tensor;
  /** [time, batch, 1]: real, and not the first of its sequence. */
  readonly later: Tensor;
  /** [batch]: the sequence is not all padding. */
  readonly any: Tensor;
  /** [time, batch], int32: how many real places there are up to each, itself included. */
  readonly order: Tensor;
};

/** Scores with −∞ made finite, so that ∞ − ∞ never happens; a million such places still fit float32. */
export const finiteScores = (scores: Tensor): Tensor => scores.clamp(-1e30);

/** The lattice of emissions [time, batch, tags] and a mask [time, batch]. */
export function makeLattice(emissions: Tensor, mask: Tensor | undefined, { start, end }: CrfScores): Lattice {
  const [time, batch] = emissions.shape as [number, number];
  const known = mask?.ne(0) ?? ones([time, batch], { dtype: "bool", device: emissions.device });
  const order = known.cumsum(0);
  const total = order.select(0, time - 1);
  const real = known.unsqueeze(-1);
  const first = known.logicalAnd(order.eq(1)).unsqueeze(-1);
  const last = known.logicalAnd(order.eq(total)).unsqueeze(-1);
  const ends = where(first, start, 0).add(where(last, end, 0));
  return {
    emissions: finiteScores(where(real, emissions, 0).add(ends)),
    real,
    later: known.logicalAnd(order.gt(1)).unsqueeze(-1),
    any: total.gt(0),
    order,
  };
}

/**
 * `ln Σ e^score` over the beginnings of the sequences up to each place, by their last tag: [time + 1, batch, tags],
 * zeros first. `moves` [time, batch, 1] is taken off every transition.
 */
function sumBeginnings({ emissions, real, later }: Lattice, transitions: Tensor, moves: Tensor): Tensor {
  const [, batch, tags] = emissions.shape as [number, number, number];
  const { dtype, device } = emissions;
  const { histories } = loop<Tensor>("crf", {
    sequences: [emissions, moves, real, later],
    states: [zeros([batch, tags], { dtype, device })],
    constants: [transitions.T],
    body: ({ inputs: [emission, move, isReal, isLater], states: [before], constants: [into] }) => {
      const arriving = before!.unsqueeze(1).add(into!).logsumexp(-1); // [batch, to]
      const extended = arriving.sub(move!).add(emission!);
      return { states: [where(isLater!, extended, where(isReal!, emission!, before!))], outputs: [] };
    },
  });
  return histories[0]!;
}

/** The probability of each tag before, given the tag at each place; [time, batch, to, from]. */
function probabilitiesBefore(beginnings: Tensor, transitions: Tensor): Tensor {
  const before = beginnings.narrow(0, 0, beginnings.shape[0]! - 1);
  return before.unsqueeze(2).add(transitions.T).softmax(-1);
}

/** The probability of each tag at each place, times its sequence's `weight` [batch]; [time, batch, tags]. */
function tagWeights({ later, any }: Lattice, beginnings: Tensor, before: Tensor, weight: Tensor): Tensor {
  const time = later.shape[0]!;
  const last = beginnings.select(0, time).softmax(-1);
  const { histories } = loop<Tensor>("crfBackward", {
    sequences: [before, later],
    states: [where(any, weight, 0).unsqueeze(-1).mul(last)],
    reverse: true,
    body: ({ inputs: [share, isLater], states: [after] }) => ({
      states: [where(isLater!, after!.unsqueeze(-1).mul(share!).sum(1), after!)],
      outputs: [],
    }),
  });
  return histories[0]!.narrow(0, 0, time).flip(0);
}

/** `ln Σ e^score` over all tag sequences of a lattice, less its `moves`; [batch], 0 for a sequence without places. */
export function logPartition(lattice: Lattice, transitions: Tensor, moves: Tensor): Tensor {
  const { emissions, real, later, any } = lattice;
  const inputs = [emissions, moves, transitions];
  const beginnings = noGrad(() => sumBeginnings(lattice, transitions, moves));
  const total = noGrad(() => where(any, beginnings.select(0, emissions.shape[0]!).logsumexp(-1), 0));
  if (!gradEnabled() || !anyTracked(inputs)) return total;
  record([total], {
    name: "crf",
    inputs,
    saved: [beginnings, transitions, real, later, any],
    backward: ([gradient]) => {
      if (gradEnabled()) {
        throw new TensorError("unsupported", "crf: gradients of gradients do not pass through the sum over sequences");
      }
      const before = probabilitiesBefore(beginnings, transitions);
      const weights = tagWeights(lattice, beginnings, before, gradient as Tensor);
      const pairs = where(later.unsqueeze(-1), weights.unsqueeze(-1).mul(before), 0).sum([0, 1]); // [to, from]
      return [where(real, weights, 0), where(later, weights.sum(-1, true), 0).neg(), pairs.T];
    },
  });
  return total;
}

/** The probability of each tag at each place of a lattice; [time, batch, tags], 0 at padding. No gradient. */
export function tagProbabilities(lattice: Lattice, transitions: Tensor, moves: Tensor): Tensor {
  return noGrad(() => {
    const { dtype, device, shape } = lattice.emissions;
    const beginnings = sumBeginnings(lattice, transitions, moves);
    const before = probabilitiesBefore(beginnings, transitions);
    const one = ones([shape[1]!], { dtype, device });
    return where(lattice.real, tagWeights(lattice, beginnings, before, one), 0);
  });
}
