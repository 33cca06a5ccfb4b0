// A linear-chain conditional random field on top of a tagger's scores.

import { Generator, rand, type Tensor, tensor, where } from "@torchium/tensor";
import { functional, Parameter } from "@torchium/tensor/nn";
import { count, flag, instance, type OptionTable, optional, strings } from "@torchium/tensor/options";
import { bioRules, checkAgainstRules, type TagRules } from "./bio-rules.js";
import { checkFloats, checkShape, checkTensors } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `CRFLoss`. */
export type CRFLossOptions = {
  readonly numTags: number;
  /** Whether arrays are [batch, time, …], as unless given, or [time, batch, …]. */
  readonly batchFirst?: boolean;
  /** The tags' names, `O`, `B-X` and `I-X`. When given, `I-X` has a probability after `B-X` and `I-X` only. */
  readonly bioTags?: readonly string[];
  /** "mean", over the sequences with at least one real place, unless given. */
  readonly reduction?: Reduction;
  /** What the first scores are drawn from; the default generator unless given. */
  readonly generator?: Generator;
};

const rules = {
  numTags: count(),
  batchFirst: flag(true),
  bioTags: optional(strings()),
  reduction,
  generator: optional(instance("a Generator", Generator)),
} satisfies OptionTable<CRFLossOptions>;

/**
 * `−ln p(tags | emissions)` with `p ∝ exp(start[t₁] + Σ emission[i, tᵢ] + Σ transition[tᵢ₋₁, tᵢ] + end[t_n])`
 * (Lafferty et al. 2001), over the places where the mask is non-zero; what lies under the mask may be anything, NaN
 * included. The scores of starts, ends and transitions are learned: give its parameters to the optimizer with the
 * model's. A sequence that is all padding costs 0 and does not count in the mean.
 */
export class CRFLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "CRFLoss", rules } satisfies LossDeclaration;
  /** [numTags]: the score of each tag as the first. */
  readonly startTransitions: Parameter;
  /** [numTags]: the score of each tag as the last. */
  readonly endTransitions: Parameter;
  /** [numTags, numTags]: the score of each tag (row) being followed by each (column). */
  readonly transitions: Parameter;
  readonly #tagRules: TagRules | undefined;
  /** What `bioTags` allows, as the device sees it: [numTags] and [numTags, numTags]. */
  readonly mayStart: Tensor | undefined;
  readonly mayFollow: Tensor | undefined;

  /** @throws TensorError `argument` */
  constructor(options: CRFLossOptions) {
    super(CRFLoss.declaration, options);
    const { numTags, bioTags, generator } = this.options;
    const drawn = (...shape: number[]) =>
      new Parameter(
        rand(shape, generator ? { generator } : {})
          .mul(0.2)
          .sub(0.1),
      );
    this.startTransitions = drawn(numTags);
    this.endTransitions = drawn(numTags);
    this.transitions = drawn(numTags, numTags);
    if (!bioTags) return;
    this.#tagRules = bioRules("CRFLoss", bioTags, numTags);
    this.mayStart = this.registerBuffer("mayStart", tensor(this.#tagRules.first), { persistent: false });
    this.mayFollow = this.registerBuffer("mayFollow", tensor(this.#tagRules.next), { persistent: false });
  }

  /**
   * Emissions [batch, time, numTags], tags and mask [batch, time] (or with time first, as `batchFirst` says).
   * @throws TensorError `shape`, `dtype`, `index` for a tag that does not exist, `argument` for one that breaks `bioTags`
   */
  forward(emissions: Tensor, tags: Tensor, mask?: Tensor): Tensor {
    this.#check(emissions, mask);
    checkTensors("CRFLoss", { tags });
    checkShape("CRFLoss", "tags", tags, emissions.shape.slice(0, 2));
    const [scored, given, real] = [emissions, tags, mask].map((x) => x && this.#timeFirst(x));
    if (this.#tagRules) checkAgainstRules("CRFLoss", given!, real, this.#tagRules);
    const losses = functional.crfNegativeLogLikelihood(scored!, given!, real, this.#scores());
    if (!real || this.options.reduction !== "mean") return reduced(losses, this.options.reduction);
    return losses.sum().div(real.ne(0).any(0).sum().maximum(1));
  }

  /** The best tags: int32 of the shape of the mask, −1 where it is off. No gradient. @throws TensorError `shape`, `dtype` */
  decode(emissions: Tensor, mask?: Tensor): Tensor {
    this.#check(emissions, mask);
    return this.#timeFirst(
      functional.crfDecode(this.#timeFirst(emissions), mask && this.#timeFirst(mask), this.#scores()),
    );
  }

  /** The probability of each tag at each place, 0 where the mask is off. No gradient. @throws TensorError `shape`, `dtype` */
  marginals(emissions: Tensor, mask?: Tensor): Tensor {
    this.#check(emissions, mask);
    return this.#timeFirst(
      functional.crfMarginals(this.#timeFirst(emissions), mask && this.#timeFirst(mask), this.#scores()),
    );
  }

  #check(emissions: Tensor, mask: Tensor | undefined): void {
    checkFloats("CRFLoss", { emissions });
    checkShape("CRFLoss", "emissions", emissions, [-1, -1, this.options.numTags]);
    if (mask === undefined) return;
    checkTensors("CRFLoss", { mask });
    checkShape("CRFLoss", "mask", mask, emissions.shape.slice(0, 2));
  }

  /** From the user's order of axes to time first, and back. */
  #timeFirst(x: Tensor): Tensor {
    return this.options.batchFirst ? x.transpose(0, 1) : x;
  }

  #scores(): functional.CrfScores {
    const { startTransitions, endTransitions, transitions, mayStart, mayFollow } = this;
    return {
      start: mayStart ? where(mayStart, startTransitions, Number.NEGATIVE_INFINITY) : startTransitions,
      end: endTransitions,
      transitions: mayFollow ? where(mayFollow, transitions, Number.NEGATIVE_INFINITY) : transitions,
    };
  }
}
