// The public surface of @torchium/optim.

export { clipGradNorm, clipGradValue } from "./clip.js";
export type {
  CommonOptions,
  OptimizerDeclaration,
  RowSupport,
  RuleInput,
  RuleResult,
  StateSlot,
} from "./declaration.js";
export { GradScaler, type GradScalerOptions, type GradScalerState } from "./grad-scaler.js";
export { type AnyOptimizer, Optimizer } from "./optimizer.js";
export { Adagrad, type AdagradOptions } from "./optimizers/adagrad.js";
export { Adam, type AdamOptions } from "./optimizers/adam.js";
export { AdamW, type AdamWOptions } from "./optimizers/adamw.js";
export { LAMB, type LAMBOptions } from "./optimizers/lamb.js";
export { Lion, type LionOptions } from "./optimizers/lion.js";
export { NovoGrad, type NovoGradOptions } from "./optimizers/novograd.js";
export { RAdam, type RAdamOptions } from "./optimizers/radam.js";
export { RMSprop, type RMSpropOptions } from "./optimizers/rmsprop.js";
export { SGD, type SGDOptions } from "./optimizers/sgd.js";
export { SparseAdam, type SparseAdamOptions } from "./optimizers/sparse-adam.js";
export { type ParameterGroupOptions, parameterGroups } from "./parameter-groups.js";
export type { ParamGroup, ParamGroupInit, Params } from "./parameters.js";
export { PCGrad, type PCGradOptions, type PCGradState } from "./pcgrad/pcgrad.js";
export {
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from "./schedules/cosine.js";
export {
  ConstantLR,
  type ConstantLROptions,
  ExponentialLR,
  type ExponentialLROptions,
  LinearLR,
  type LinearLROptions,
  MultiStepLR,
  type MultiStepLROptions,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
  type StepLROptions,
} from "./schedules/decay.js";
export { LambdaLR, type LRLambda } from "./schedules/lambda-lr.js";
export { OneCycleLR, type OneCycleLROptions } from "./schedules/one-cycle-lr.js";
export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  type ReduceLROnPlateauState,
} from "./schedules/reduce-lr-on-plateau.js";
export {
  LRScheduler,
  type MomentumFunction,
  type RateFunction,
  type Schedulable,
  type SchedulerState,
} from "./schedules/scheduler.js";
export {
  type InverseSqrtOptions,
  inverseSqrt,
  type LinearWarmupOptions,
  linearWarmup,
  type WarmupCosineOptions,
  warmupCosine,
} from "./schedules/warmup.js";
export type { OptimizerState, ParameterState } from "./state-dict.js";
export {
  ExponentialMovingAverage,
  type ExponentialMovingAverageOptions,
  type ExponentialMovingAverageState,
} from "./weight-average.js";
