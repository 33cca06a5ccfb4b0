// What a backend needs of the toolkit: the interface, the meaning of kernels, and errors. Versioned by
// `Backend.interfaceVersion`; third-party backends import from here only.

export {
  allDTypes,
  arithmeticTypeOf,
  byteLengthOf,
  type DType,
  type FloatType,
  fromDeviceBytes,
  type HalfType,
  isFloat,
  isHalf,
  isInteger,
  isWideFloat,
  toDeviceBytes,
  type WideFloat,
} from "../dtype.js";
export { argumentError, type ErrorCode, TensorError, unreachable } from "../errors.js";
export { halfFloats } from "../half-floats.js";
/** The renderer that the C-like languages of GPUs share. */
export {
  type Dialect,
  type Helper,
  type Leaf,
  type LeafText,
  type NeedHelper,
  type OperationTypes,
  Scope,
  Source,
  type Spelling,
} from "../kernel/c-family/index.js";
export { differentiate } from "../kernel/differentiate.js";
export {
  apply,
  constant,
  type Expr,
  input,
  type Role,
  reduced,
  rewrite,
  rowSize,
  scalar,
  visit,
} from "../kernel/expr.js";
export { normalFromWords, philox, type RandomState, randomWord, uniformFromWord } from "../kernel/philox.js";
export {
  inputsOf,
  makeProgram,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  type Reduce,
  type ReduceOp,
  RowBuilder,
  type RowScope,
  variesAlongRow,
} from "../kernel/program.js";
export { identityOf, joinOf, type NumberedReduce, reducePasses } from "../kernel/reductions.js";
/** The sugar over the scalar algebra, as one namespace: `scalarAlgebra.add(x, 1)`. */
export * as scalarAlgebra from "../kernel/scalar.js";
export {
  castValue,
  evaluateScalar,
  type ScalarDomain,
  type ScalarOp,
  scalarOps,
  wrap,
} from "../kernel/scalar-ops.js";
export type {
  Access,
  AnchorCall,
  AnchorName,
  AnchorOps,
  AttentionAttributes,
  Backend,
  Binding,
  BufferHandle,
  Capabilities,
  Executable,
  Kernel,
  Launch,
  LaunchError,
  LaunchOperand,
  MemoryInfo,
} from "./backend.js";
export { joinAxes, kernelOf, type Space } from "./kernel-geometry.js";
