// The public surface of @torchium/tensor: every name that users import from the package itself.

export type { BackwardOptions } from "./autograd/backward.js";
export { type Compiled, compile, type LiveOperations, liveOperations } from "./compile.js";
export {
  addGradients,
  autocast,
  enableGrad,
  type GradOptions,
  grad,
  gradientOf,
  hostValues,
  keep,
  noGrad,
  type RowGradient,
  replaceGradient,
  replaceRowGradient,
  rowGradientOf,
  scope,
} from "./control.js";
export {
  type Blas,
  type BlasProduct,
  type BlasProducts,
  type CpuDeviceOptions,
  createCpuDevice,
  type NoBlas,
} from "./cpu/device.js";
export {
  arange,
  eye,
  fromTypedArray,
  full,
  linspace,
  ones,
  type RandomOptions,
  rand,
  randint,
  randn,
  randperm,
  type TensorOptions,
  tensor,
  zeros,
} from "./creation.js";
export { defaultDevice, setDefaultDevice } from "./default-device.js";
export type { DataArray, DType, FloatType } from "./dtype.js";
export { argumentError, type ErrorCode, shapeError, suggestion, TensorError, unknownName } from "./errors.js";
export * from "./functions.js";
export { Device, type DeviceCounters } from "./graph/device.js";
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from "./random.js";
export type { Shape } from "./shape.js";
export { assignAll, type NestedArray, Tensor } from "./tensor.js";
