// Linear-chain conditional random fields (Lafferty et al. 2001) in log space, the whole batch at once. Time is a loop
// whose length is a launch parameter, so a new length plans nothing. What lies under the mask reaches no result.

import { noGrad } from "../../control.js";
import { arange, zeros } from "../../creation.js";
import { where } from "../../functions.js";
import { loop } from "../../ops/loop.js";
import type { Tensor } from "../../tensor.js";
import { type CrfScores, checkLattice, checkTags } from "./crf-checks.js";
import { finiteScores, type Lattice, logPartition, makeLattice, tagProbabilities } from "./crf-partition.js";

export type { CrfScores } from "./crf-checks.js";

/** What the given tags add to their sequence's score at each place, each [time, batch, 1]; 0 at padding. */
type Gold = { readonly emissions: Tensor; readonly moves: Tensor };

function goldSteps({ emissions, real, later, order }: Lattice, tags: Tensor, transitions: Tensor): Gold {
  const [time, batch, count] = emissions.shape as [number, number, number];
  const chosen = where(real.squeeze(-1), tags, 0); // [time, batch]
  // The tag of the real place before, over any padding in between: written by rank among the real places, read one
  // rank lower. Padding writes zeros to a row of its own. float32 holds every tag exactly.
  const empty = zeros([time + 1, batch], { device: emissions.device });
  const byRank = empty.scatterAdd(0, where(real.squeeze(-1), order.sub(1), time), chosen.to("float32"));
  const previous = byRank.gather(0, where(later.squeeze(-1), order.sub(2), time)).to("int32");
  const pair = previous
    .mul(count)
    .add(chosen)
    .reshape(time * batch);
  const moves = transitions
    .reshape(count * count)
    .gather(0, pair)
    .reshape(time, batch, 1);
  return {
    emissions: where(real, emissions.gather(-1, chosen.unsqueeze(-1)), 0),
    moves: where(later, moves, 0),
  };
}

const noMoves = ({ emissions: { shape, dtype, device } }: Lattice): Tensor =>
  zeros([shape[0]!, shape[1]!, 1], { dtype, device });

/**
 * `ln Σ e^score` over all tag sequences, for emissions [time, batch, tags] and a mask [time, batch] that is non-zero at
 * real places; [batch]. A sequence that is all padding gives 0. @throws TensorError `shape`, `dtype`
 */
export function crfLogPartition(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkLattice("crfLogPartition", emissions, mask, scores);
  const lattice = makeLattice(emissions, mask, scores);
  return logPartition(lattice, finiteScores(scores.transitions), noMoves(lattice));
}

/**
 * The score of the given tags [time, batch]: `start + Σ emission + Σ transition + end` over the real places; [batch].
 * @throws TensorError `shape`, `dtype`, `index` for a tag that does not exist at a real place
 */
export function crfScore(emissions: Tensor, tags: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkLattice("crfScore", emissions, mask, scores);
  checkTags("crfScore", emissions, tags, mask);
  const gold = goldSteps(makeLattice(emissions, mask, scores), tags, finiteScores(scores.transitions));
  return gold.emissions.add(gold.moves).sum([0, 2]);
}

/**
 * `crfLogPartition − crfScore`, the negative log-likelihood of the tags; [batch]. Computed relative to the given tags,
 * whose score is then 0, so that large scores do not cancel. @throws TensorError as `crfScore`
 */
export function crfNegativeLogLikelihood(
  emissions: Tensor,
  tags: Tensor,
  mask: Tensor | undefined,
  scores: CrfScores,
): Tensor {
  checkLattice("crfNegativeLogLikelihood", emissions, mask, scores);
  checkTags("crfNegativeLogLikelihood", emissions, tags, mask);
  const lattice = makeLattice(emissions, mask, scores);
  const transitions = finiteScores(scores.transitions);
  const gold = goldSteps(lattice, tags, transitions);
  const relative = { ...lattice, emissions: lattice.emissions.sub(gold.emissions) };
  return logPartition(relative, transitions, gold.moves);
}

/**
 * The probability of each tag at each real place; [time, batch, tags], 0 at padding. Takes part in no gradient.
 * @throws TensorError `shape`, `dtype`
 */
export function crfMarginals(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkLattice("crfMarginals", emissions, mask, scores);
  return noGrad(() => {
    const lattice = makeLattice(emissions, mask, scores);
    return tagProbabilities(lattice, finiteScores(scores.transitions), noMoves(lattice));
  });
}

/**
 * The tag sequence with the largest score (Viterbi 1967); int32 [time, batch], −1 at padding. Takes part in no gradient.
 * @throws TensorError `shape`, `dtype`
 */
export function crfDecode(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkLattice("crfDecode", emissions, mask, scores);
  return noGrad(() => {
    const lattice = makeLattice(emissions, mask, scores);
    const [time, batch, tags] = emissions.shape as [number, number, number];
    const { dtype, device } = emissions;
    const forward = loop<Tensor>("crfViterbi", {
      sequences: [lattice.emissions, lattice.real, lattice.later],
      states: [zeros([batch, tags], { dtype, device })],
      constants: [finiteScores(scores.transitions).T],
      body: ({ inputs: [emission, isReal, isLater], states: [before], constants: [into] }) => {
        const paths = before!.unsqueeze(1).add(into!); // [batch, to, from]
        const after = where(isLater!, paths.amax(-1).add(emission!), where(isReal!, emission!, before!));
        return { states: [after], outputs: [paths.argmax(-1)] };
      },
    });
    const backward = loop<Tensor>("crfTraceBack", {
      sequences: [forward.outputs[0]!, lattice.real, lattice.later],
      states: [forward.histories[0]!.select(0, time).argmax(-1, true)],
      constants: [arange(tags, undefined, 1, { device })],
      reverse: true,
      body: ({ inputs: [from, isReal, isLater], states: [tag], constants: [every] }) => {
        const origin = where(every!.eq(tag!), from!, 0).sum(-1, true); // [batch, 1]
        return { states: [where(isLater!, origin, tag!)], outputs: [where(isReal!, tag!, -1)] };
      },
    });
    return backward.outputs[0]!.squeeze(-1);
  });
}
