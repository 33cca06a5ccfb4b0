// The test suite that every backend of @torchium/tensor runs: ours and other people's.

export type { CaseName } from "./all-cases.js";
export { type Level, levels } from "./case.js";
export { describeConformance, type TestFramework } from "./describe-conformance.js";
export {
  type CaseResult,
  type ConformanceOptions,
  type ConformanceTarget,
  type Gap,
  runConformance,
} from "./run-conformance.js";
export { type Accuracy, scalarAccuracy, sumRoundings } from "./tolerances.js";
