// The public surface of @torchium/tensor/more: functions that few programs need, so that the main entry stays small.

export { fullLike, onesLike, randLike, randnLike, zerosLike } from "./like.js";
export { diag, diagonal, outer, trace } from "./matrices.js";
export { type AllcloseOptions, allclose, bincount, maskedSelect, nonzero, type Unique, unique } from "./of-values.js";
export { argsort, isinf, logaddexp, repeatInterleave } from "./others.js";
export { type MultinomialOptions, multinomial } from "./sampling.js";
