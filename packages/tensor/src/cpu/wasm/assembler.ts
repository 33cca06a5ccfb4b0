// The WebAssembly assembler: what kernels are written with. Import from here.
// A ModuleBuilder holds functions; a FunctionBuilder takes statements; instructions are typed expressions:
//   f.store.v128(out, f32x4.add(v128.load(a), v128.load(b)));

export type { Expr, Local, Operand, ValueType } from "./expression.js";
export { FunctionBuilder, type FunctionRef } from "./function-builder.js";
export {
  f32,
  f32x4,
  f64,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  i64,
  i64x2,
  relaxed,
  type Vector,
  v128,
} from "./instructions.js";
export { atomics } from "./memory-effects.js";
export { ModuleBuilder, maxMemoryPages } from "./module-builder.js";
