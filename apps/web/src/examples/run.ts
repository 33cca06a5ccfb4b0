// A run of an example, made from its settings alone.

import type { Tensor } from "@torchium/tensor";
import type { CheckpointPart } from "@torchium/tensor/io";
import type { RunSettings } from "../messages.js";

/** What one step did. */
export type Step = {
  /** The mean loss, kept readable. */
  readonly loss: Tensor;
  /** Characters, words or pairs that it learnt from. */
  readonly units: number;
};

/** A run in memory. Step `n` depends on the settings and on `n` alone, so a run can stop and go on anywhere. */
export type Run = {
  /** What a step counts. */
  readonly unit: string;
  /** Its size in words: parameters, vocabulary. */
  readonly description: string;
  /** What a checkpoint holds of it. */
  readonly parts: Readonly<Record<string, CheckpointPart>>;
  /** Takes one step of training. */
  readonly step: (index: number) => Step;
  /** What the model can do by now, in text. */
  readonly sample: () => Promise<string>;
  /** The model's answer to what a person typed. @throws TensorError with a message for that person */
  readonly ask: (input: string) => Promise<string>;
};

/** Makes a run on the default device. @throws TensorError `argument` for a text that cannot be learnt from */
export type Begin = (settings: RunSettings) => Run;

/** A count of parameters for people. */
export function parameterCount(parameters: Iterable<{ readonly numel: number }>): string {
  let count = 0;
  for (const { numel } of parameters) count += numel;
  return `${count.toLocaleString("en")} parameters`;
}
