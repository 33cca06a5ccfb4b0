// Linear-chain conditional random fields (Lafferty et al. 2001) in log space, the whole batch at once. Time is a loop
// whose length is a launch parameter, so a new length plans nothing. What lies under the mask reaches no result.

import { enableGrad, grad, noGrad } from "../../control.js";
import { arange, ones, zeros } from "../../creation.js";
import { TensorError } from "../../errors.js";
import { where } from "../../functions.js";
import { loop } from "../../ops/loop.js";
import type { Tensor } from "../../tensor.js";
import { type CrfScores, checkScores, checkTags } from "./crf-checks.js";

/** Emissions with the scores of the ends folded in, and which places of the batch are real. */
type Lattice = {
  /** [time, batch, tags]: start and end scores belong to a sequence's first and last tag; 0 at padding. */
  readonly emissions: Tensor;
  /** [time, batch, 1]: not padding. */
  readonly real: Tensor;
  /** [time, batch, 1]: real, and not the first of its sequence. */
  readonly later: Tensor;
  /** [batch]: the sequence is not all padding. */
  readonly any: Tensor;
};

function lattice(emissions: Tensor, mask: Tensor | undefined, { start, end }: CrfScores): Lattice {
  const [time, batch] = emissions.shape as [number, number];
  const known = mask?.ne(0) ?? ones([time, batch], { dtype: "bool", device: emissions.device });
  const order = known.cumsum(0); // [time, batch], 1 at the first real place
  const total = order.select(0, time - 1);
  const real = known.unsqueeze(-1);
  const first = known.logicalAnd(order.eq(1)).unsqueeze(-1);
  const last = known.logicalAnd(order.eq(total)).unsqueeze(-1);
  const ends = where(first, start, 0).add(where(last, end, 0));
  return {
    emissions: where(real, emissions, 0).add(ends),
    real,
    later: known.logicalAnd(order.gt(1)).unsqueeze(-1),
    any: total.gt(0),
  };
}

/** `ln Σ e^score` over all tag sequences of a lattice; [batch], 0 for a sequence without places. */
function logPartition({ emissions, real, later, any }: Lattice, transitions: Tensor): Tensor {
  const [time, batch, tags] = emissions.shape as [number, number, number];
  const { dtype, device } = emissions;
  const { histories } = loop<Tensor>("crf", {
    sequences: [emissions, real, later],
    states: [zeros([batch, tags], { dtype, device })],
    constants: [transitions.T],
    body: ({ inputs: [emission, isReal, isLater], states: [before], constants: [into] }) => {
      const arriving = before!.unsqueeze(1).add(into!).logsumexp(-1); // [batch, to]
      const after = where(isLater!, arriving.add(emission!), where(isReal!, emission!, before!));
      return { states: [after], outputs: [] };
    },
  });
  return where(any, histories[0]!.select(0, time).logsumexp(-1), 0);
}

/** What the given tags add to their sequence's score at each place; [time, batch, 1], 0 at padding. */
function goldSteps({ emissions, real, later }: Lattice, tags: Tensor, transitions: Tensor): Tensor {
  const [time, batch, count] = emissions.shape as [number, number, number];
  const device = emissions.device;
  const chosen = where(real, tags.unsqueeze(-1), 0); // [time, batch, 1]
  // The tag of the real place before, over any padding in between.
  const { outputs } = noGrad(() =>
    loop<Tensor>("crfPreviousTag", {
      sequences: [chosen, real],
      states: [zeros([batch, 1], { dtype: "int32", device })],
      body: ({ inputs: [tag, isReal], states: [previous] }) => ({
        states: [where(isReal!, tag!, previous!)],
        outputs: [previous!],
      }),
    }),
  );
  const pair = outputs[0]!
    .mul(count)
    .add(chosen)
    .reshape(time * batch);
  const moved = transitions
    .reshape(count * count)
    .gather(0, pair)
    .reshape(time, batch, 1);
  return where(real, emissions.gather(-1, chosen), 0).add(where(later, moved, 0));
}

/**
 * `ln Σ e^score` over all tag sequences, for emissions [time, batch, tags] and a mask [time, batch] that is non-zero at
 * real places; [batch]. A sequence that is all padding gives 0. @throws TensorError `shape`, `dtype`
 */
export function crfLogPartition(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkScores("crfLogPartition", emissions, mask, scores);
  return logPartition(lattice(emissions, mask, scores), scores.transitions);
}

/**
 * The score of the given tags [time, batch]: `start + Σ emission + Σ transition + end` over the real places; [batch].
 * @throws TensorError `shape`, `dtype`, `index` for a tag that does not exist at a real place
 */
export function crfScore(emissions: Tensor, tags: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkScores("crfScore", emissions, mask, scores);
  checkTags("crfScore", emissions, tags, mask);
  return goldSteps(lattice(emissions, mask, scores), tags, scores.transitions).sum([0, 2]);
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
  checkScores("crfNegativeLogLikelihood", emissions, mask, scores);
  checkTags("crfNegativeLogLikelihood", emissions, tags, mask);
  const whole = lattice(emissions, mask, scores);
  const gold = goldSteps(whole, tags, scores.transitions);
  return logPartition({ ...whole, emissions: whole.emissions.sub(gold) }, scores.transitions);
}

/** The probability of each tag at each real place; [time, batch, tags], 0 at padding. Takes part in no gradient. */
export function crfMarginals(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkScores("crfMarginals", emissions, mask, scores);
  const { transitions, ...whole } = noGrad(() => ({
    ...lattice(emissions, mask, scores),
    transitions: scores.transitions.detach(),
  }));
  // The derivative of the log partition by an emission is the probability of its tag.
  return enableGrad(() => {
    const leaf = whole.emissions.detach();
    leaf.tracked = true;
    return grad(logPartition({ ...whole, emissions: leaf }, transitions).sum(), [leaf])[0]!;
  });
}

/**
 * The tag sequence with the largest score (Viterbi 1967); int32 [time, batch], −1 at padding. Takes part in no gradient.
 * @throws TensorError `shape`, `dtype`
 */
export function crfDecode(emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): Tensor {
  checkScores("crfDecode", emissions, mask, scores);
  return noGrad(() => {
    const whole = lattice(emissions, mask, scores);
    const [time, batch, tags] = emissions.shape as [number, number, number];
    const { dtype, device } = emissions;
    const forward = loop<Tensor>("crfViterbi", {
      sequences: [whole.emissions, whole.real, whole.later],
      states: [zeros([batch, tags], { dtype, device })],
      constants: [scores.transitions.T],
      body: ({ inputs: [emission, isReal, isLater], states: [before], constants: [into] }) => {
        const paths = before!.unsqueeze(1).add(into!); // [batch, to, from]
        const after = where(isLater!, paths.amax(-1).add(emission!), where(isReal!, emission!, before!));
        return { states: [after], outputs: [paths.argmax(-1)] };
      },
    });
    const backward = loop<Tensor>("crfTraceBack", {
      sequences: [forward.outputs[0]!, whole.real, whole.later],
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
