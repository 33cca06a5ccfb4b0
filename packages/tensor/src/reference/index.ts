// The living definition of what backends compute, for their tests: slow, strict, right.

export { identityOf, joinOf } from "../kernel/reductions.js";
export { type Arithmetic, float64Arithmetic, type Reducer } from "./arithmetic.js";
export { createReferenceBackend, ReferenceBackend, type ReferenceOptions } from "./backend.js";
export { checkProgram } from "./check-program.js";
export { type EvaluateInput, elementsOfRole, evaluate, stridesOfRole } from "./evaluate.js";
export { interpret } from "./interpreter.js";
export { addressOf, forEachIndex, type OperandView } from "./iteration.js";
export { seededNumbers, shuffled } from "./random-order.js";
