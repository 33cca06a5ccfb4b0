// The renderer that the C-like languages of GPUs share: a dialect spells, scopes order, schedules decide.

export type { Dialect, Helper, NeedHelper, OperationTypes, Spelling } from "./dialect.js";
export { type Leaf, type LeafText, Scope } from "./scope.js";
export { Source } from "./source.js";
