// What a case of the suite is, and what it may use.

import type { Backend } from "@torchium/tensor/backend";
import type { TestDevices } from "./devices.js";
import type { Workbench } from "./workbench.js";

/** The levels of the suite, from the ground up. */
export const levels = [
  "memory",
  "scalars",
  "layouts",
  "programs",
  "launches",
  "anchors",
  "lifecycle",
  "ops",
  "fusion",
  "randomness",
  "training",
] as const;
/** A level of the suite. */
export type Level = (typeof levels)[number];

/** What a case works with. */
export type CaseContext = {
  /** Around the backend that the cases share. */
  readonly bench: Workbench;
  /** Makes another backend; the case disposes it. */
  readonly createBackend: () => Promise<Backend>;
  /** For cases that run tensors. */
  readonly devices: TestDevices;
  /** Decides every random choice. */
  readonly seed: number;
  /** How many random programs and layouts to try, as a multiple of the usual number. */
  readonly effort: number;
};

/** @throws ConformanceFailure when the backend is wrong, NotOffered when the case does not apply to it. */
export type CaseRun = (context: CaseContext) => Promise<void>;

/** Cases by name; the part before the slash is the level. */
export type CaseTable<Name extends string = string> = Readonly<Record<Name, CaseRun>>;
