// Share of right answers, and perplexity over any number of batches.

import { argumentError } from "@torchium/tensor";

/**
 * The share of places where prediction and truth agree, in [0, 1]; places whose truth is `ignoreIndex` do not count.
 * @throws `argument` for different lengths, or when no place counts.
 */
export function accuracy(predicted: ArrayLike<number>, truth: ArrayLike<number>, ignoreIndex = -100): number {
  if (predicted.length !== truth.length) {
    throw argumentError("accuracy", "predicted", `as long as truth (${truth.length})`, predicted.length);
  }
  let right = 0;
  let counted = 0;
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] === ignoreIndex) continue;
    counted++;
    if (predicted[i] === truth[i]) right++;
  }
  if (counted === 0) throw argumentError("accuracy", "truth", "at least one place that counts", 0);
  return right / counted;
}

/** Corpus perplexity, `exp(Σ loss / Σ tokens)`: not the mean of the batches' perplexities. */
export class PerplexityAccumulator {
  private lossSum = 0;
  private tokenCount = 0;

  /** Adds a batch by its mean negative log-likelihood and the tokens the mean is over. @throws `argument`. */
  add(meanLoss: number, tokens: number): void {
    if (!Number.isInteger(tokens) || tokens < 0) {
      throw argumentError("PerplexityAccumulator.add", "tokens", "a whole number", tokens);
    }
    if (tokens === 0) return;
    this.lossSum += meanLoss * tokens;
    this.tokenCount += tokens;
  }

  /** Number of tokens added. */
  get tokens(): number {
    return this.tokenCount;
  }

  /** Mean negative log-likelihood of a token, in nats; NaN before the first. */
  get meanLoss(): number {
    return this.lossSum / this.tokenCount;
  }

  /** `exp(meanLoss)`; NaN before the first token. */
  get perplexity(): number {
    return Math.exp(this.meanLoss);
  }
}
