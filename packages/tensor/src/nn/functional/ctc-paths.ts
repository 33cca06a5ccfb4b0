// The sum over all CTC paths, and its gradient: two loops over time. The gradient walks back through probabilities that
// are normalized place by place, which no size of the scores can upset.

import { gradEnabled } from "../../autograd/mode.js";
import { anyTracked, record } from "../../autograd/variable.js";
import { noGrad } from "../../control.js";
import { arange } from "../../creation.js";
import { TensorError } from "../../errors.js";
import { maximum, where } from "../../functions.js";
import { loop } from "../../ops/loop.js";
import type { Tensor } from "../../tensor.js";

/** The logarithm of no probability: finite, so that ∞ − ∞ never happens. */
export const impossible = -1e30;

/** One value for each way to arrive at a place: from itself, from the one before, from two before; each [..., places]. */
type Arrivals = readonly [stay: Tensor, move: Tensor, skip: Tensor];

/** The score of each way to arrive. */
function arrivals(before: Tensor, skips: Tensor): Arrivals {
  const axis = before.ndim - 1;
  const places = before.shape[axis]!;
  const padded = before.pad(axis, 2, 0, impossible);
  return [before, padded.narrow(axis, 1, places), where(skips, padded.narrow(axis, 0, places), impossible)];
}

/** The probability of each way to have arrived. */
function shares([stay, move, skip]: Arrivals): Arrivals {
  const top = maximum(maximum(stay, move), skip);
  const [a, b, c] = [stay.sub(top).exp(), move.sub(top).exp(), skip.sub(top).exp()];
  const total = a.add(b).add(c);
  return [a.div(total), b.div(total), c.div(total)];
}

/** `ln Σ e^score` over the beginnings of the paths, by the place they have come to; [time + 1, batch, places]. */
function sumBeginnings(emissions: Tensor, active: Tensor, skips: Tensor): Tensor {
  const [, batch, places] = emissions.shape as [number, number, number];
  const { dtype, device } = emissions;
  // Every path begins before the first step at the first blank, from where it may stay or move on.
  const atFirst = arange(places, undefined, 1, { device }).eq(0);
  const start = where(atFirst, 0, impossible).to(dtype).expand(batch, places);
  const { histories } = loop<Tensor>("ctc", {
    sequences: [emissions, active],
    states: [start],
    constants: [skips],
    body: ({ inputs: [emission, isActive], states: [before], constants: [maySkip] }) => {
      const [stay, move, skip] = arrivals(before!, maySkip!);
      const top = maximum(maximum(stay, move), skip);
      const total = stay.sub(top).exp().add(move.sub(top).exp()).add(skip.sub(top).exp());
      return { states: [where(isActive!, total.log().add(top).add(emission!), before!)], outputs: [] };
    },
  });
  return histories[0]!;
}

/** How much of each place's probability passes through each step, times its sequence's `weight` [batch]. */
function placeWeights(beginnings: Tensor, active: Tensor, skips: Tensor, ends: Tensor, weight: Tensor): Tensor {
  const [steps, , places] = beginnings.shape as [number, number, number];
  const time = steps - 1;
  const [stay, move, skip] = shares(arrivals(beginnings.narrow(0, 0, time), skips));
  const last = where(ends, beginnings.select(0, time), impossible).softmax(-1);
  // Read from the place that a path comes from, not from the one it goes to.
  const moved = move.pad(2, 0, 1).narrow(2, 1, places);
  const skipped = skip.pad(2, 0, 2).narrow(2, 2, places);
  const { histories } = loop<Tensor>("ctcBackward", {
    sequences: [stay, moved, skipped, active],
    states: [weight.unsqueeze(-1).mul(last)],
    reverse: true,
    body: ({ inputs: [staying, moving, skipping, isActive], states: [after] }) => {
      const padded = after!.pad(1, 0, 2);
      const through = after!
        .mul(staying!)
        .add(padded.narrow(1, 1, places).mul(moving!))
        .add(padded.narrow(1, 2, places).mul(skipping!));
      return { states: [where(isActive!, through, after!)], outputs: [] };
    },
  });
  return histories[0]!.narrow(0, 0, time).flip(0);
}

/**
 * `ln Σ e^score` over the paths through emissions [time, batch, places], each staying, moving on or skipping a place
 * (where `skips` [batch, places] allows) at every active step, up to one of the `ends` [batch, places]; [batch].
 */
export function pathTotal(emissions: Tensor, active: Tensor, skips: Tensor, ends: Tensor): Tensor {
  const beginnings = noGrad(() => sumBeginnings(emissions, active, skips));
  const last = beginnings.select(0, emissions.shape[0]!);
  const total = noGrad(() => where(ends, last, impossible).logsumexp(-1));
  if (!gradEnabled() || !anyTracked([emissions])) return total;
  record([total], {
    name: "ctc",
    inputs: [emissions],
    saved: [beginnings, active, skips, ends],
    backward: ([gradient]) => {
      if (gradEnabled()) {
        throw new TensorError("unsupported", "ctc: gradients of gradients do not pass through the sum over paths");
      }
      return [where(active, placeWeights(beginnings, active, skips, ends, gradient as Tensor), 0)];
    },
  });
  return total;
}
