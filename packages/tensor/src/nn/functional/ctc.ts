// Connectionist temporal classification (Graves et al. 2006) in log space, the whole batch at once. Time is a loop whose
// length is a launch parameter, so a new length plans nothing. What lies beyond the lengths reaches no result.

import { checkOptions } from "../../arguments.js";
import { noGrad } from "../../control.js";
import { arange, full } from "../../creation.js";
import { stack, where } from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { type CtcLengths, checkCtc } from "./ctc-checks.js";
import { impossible, pathTotal } from "./ctc-paths.js";

export type { CtcLengths } from "./ctc-checks.js";

/** Options of `ctcLoss`. */
export type CtcOptions = {
  /** The class that stands for no symbol; 0 unless given. */
  readonly blank?: number;
};

/**
 * `−ln Σ p(path)` over all paths that spell the target once repeats are joined and blanks dropped; [batch], +∞ (and no
 * gradient) where there is none. Log-probabilities [time, batch, classes]; targets [batch, length], or all of them one
 * after the other in a vector when the host knows their lengths.
 * @throws TensorError `shape`, `dtype`, `argument`, `index`
 */
export function ctcLoss(
  logProbabilities: Tensor,
  targets: Tensor,
  inputLengths: CtcLengths,
  targetLengths: CtcLengths,
  options: CtcOptions = {},
): Tensor {
  checkOptions("ctcLoss", options, ["blank"]);
  const { blank = 0 } = options;
  const { labels, times, sizes } = checkCtc(logProbabilities, targets, inputLengths, targetLengths, blank);
  const [time, batch] = logProbabilities.shape as [number, number];
  const { device } = logProbabilities;
  const length = labels.shape[1]!;
  const width = 2 * length + 1;
  const { symbols, skips, ends } = noGrad(() => {
    const inside = arange(length, undefined, 1, { device }).lt(sizes.unsqueeze(-1));
    const known = where(inside, labels, blank); // [batch, length]
    const blanks = full([batch, length], blank, { dtype: "int32", device });
    // Blanks around and between the labels.
    const symbols = stack([blanks, known], -1)
      .reshape(batch, 2 * length)
      .pad(1, 0, 1, blank); // [batch, width]
    const twoBefore = symbols.pad(1, 2, 0, blank).narrow(1, 0, width);
    const place = arange(width, undefined, 1, { device });
    const end = sizes.mul(2).unsqueeze(-1);
    return {
      symbols,
      // The blank between two different labels may be left out.
      skips: symbols.ne(blank).logicalAnd(symbols.ne(twoBefore)),
      ends: place.eq(end).logicalOr(place.eq(end.sub(1))),
    };
  });
  const active = arange(time, undefined, 1, { device }).unsqueeze(-1).lt(times).unsqueeze(-1); // [time, batch, 1]
  const emissions = logProbabilities.gather(-1, symbols.expand(time, batch, width));
  const total = pathTotal(where(active, emissions, 0).clamp(impossible), active, skips, ends);
  return where(total.lt(impossible / 10), Number.POSITIVE_INFINITY, total.neg());
}
