// Options as tables, for everything that is made with an options object: layers, losses, optimizers, models, and yours.

export {
  count,
  flag,
  instance,
  integer,
  listOf,
  number,
  numbers,
  type OptionKind,
  type OptionSpec,
  oneOf,
  optional,
  pair,
  type Range,
  strings,
} from "./option-spec.js";
export { checkOptions, type OptionTable, type Resolved, readOptions, refuseOptions } from "./read-options.js";
