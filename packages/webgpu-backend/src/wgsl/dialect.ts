// WGSL as a dialect of the C family. All memory is words (`array<u32>`), so that operands of any type can share a
// binding; a bool is a word, 0 or 1. Where WGSL leaves a case open (NaN, infinity, division by zero), bits decide.

import {
  type Dialect,
  type DType,
  type Helper,
  isHalf,
  type NeedHelper,
  type ScalarOp,
  type Spelling,
  TensorError,
} from "@torchium/tensor/backend";
import { bitHelpers } from "./bits.js";
import { halfCasts, halfHelpers } from "./halves.js";
import { literal } from "./literals.js";
import { mathHelpers } from "./maths.js";
import { powerHelpers } from "./power.js";
import { trigonometricHelpers } from "./trigonometric.js";

// Numbers of 16 bits are held as their bits: they are converted, never computed with.
const types: Dialect["types"] = {
  float16: "u32",
  bfloat16: "u32",
  float32: "f32",
  float64: "f64",
  int32: "i32",
  uint32: "u32",
  bool: "bool",
};

/** The name of a value's type in WGSL. @throws TensorError `unsupported` for float64 */
export function typeName(type: DType): string {
  if (type !== "float64") return types[type];
  throw new TensorError("unsupported", `webgpu: ${type} is not supported, got a ${type} kernel, expected float32`);
}

const helper =
  (name: string): Spelling =>
  (args, _, need) =>
    `${need(name)}(${args.join(", ")})`;

const builtin =
  (name: string): Spelling =>
  (args) =>
    `${name}(${args.join(", ")})`;

const infix =
  (symbol: string): Spelling =>
  ([a, b]) =>
    `${a} ${symbol} ${b}`;

/** A value that compilers know nothing about: they would take x − x for 0 and x · 0 for 0, whatever x is. */
const hide = (value: string, need: NeedHelper): string => `${need("opaque")}(${value})`;

/** One spelling for floats, one for everything else. */
const byKind =
  (float: Spelling, other: Spelling): Spelling =>
  (args, types, need) =>
    (types.operand === "float32" ? float : other)(args, types, need);

const compare = (float: string, symbol: string, onBools: (a: string, b: string) => string): Spelling =>
  byKind(helper(float), ([a, b], { operand }) => (operand === "bool" ? onBools(a!, b!) : `${a} ${symbol} ${b}`));

/** To `result` from each type. */
const casts: Readonly<Record<string, Spelling>> = {
  "float32-to-int32": helper("floatToInt"),
  "float32-to-uint32": helper("floatToUint"),
  "float32-to-bool": ([a]) => `(bitcast<u32>(${a}) & 0x7fffffffu) != 0u`,
  "uint32-to-float32": helper("uintToFloat"),
  "int32-to-uint32": ([a]) => `bitcast<u32>(${a})`,
  "uint32-to-int32": ([a]) => `bitcast<i32>(${a})`,
  "int32-to-bool": ([a]) => `${a} != 0i`,
  "uint32-to-bool": ([a]) => `${a} != 0u`,
};

const cast: Spelling = (args, types, need) => {
  const { result, operand } = types;
  if (isHalf(operand)) {
    const wide = `${need(halfCasts[operand].widen)}(${args[0]})`;
    return result === "float32" ? wide : cast([wide], { result, operand: "float32" }, need);
  }
  if (isHalf(result)) {
    const single = operand === "float32" ? args[0] : cast(args, { result: "float32", operand }, need);
    return `${need(halfCasts[result].narrow)}(${single})`;
  }
  const special = casts[`${operand}-to-${result}`];
  return special ? special(args, types, need) : `${typeName(result)}(${args[0]})`;
};

const integerHelper =
  (name: string): Spelling =>
  (args, { operand }, need) =>
    `${need(`${name}${operand === "int32" ? "Int" : "Uint"}`)}(${args.join(", ")})`;

const ops = {
  add: infix("+"),
  sub: ([a, b], { operand }, need) => `${a} - ${operand === "float32" && a === b ? hide(b!, need) : b}`,
  mul: byKind(([a, b], _, need) => [a!, b!].map((x) => (x === "0f" ? hide(x, need) : x)).join(" * "), infix("*")),
  div: byKind(([a, b], _, need) => `${a} / ${a === b ? hide(b!, need) : b}`, integerHelper("divide")),
  neg: ([a], { operand }) => (operand === "uint32" ? `0u - ${a}` : `-${a}`),
  abs: ([a], { operand }) => (operand === "uint32" ? `${a}` : `abs(${a})`),
  min: byKind(helper("floatMin"), builtin("min")),
  max: byKind(helper("floatMax"), builtin("max")),
  exp: helper("floatExp"),
  log: helper("floatLog"),
  log1p: helper("floatLog1p"),
  expm1: helper("floatExpm1"),
  sqrt: builtin("sqrt"),
  rsqrt: builtin("inverseSqrt"),
  tanh: helper("floatTanh"),
  erf: helper("floatErf"),
  sin: helper("floatSin"),
  cos: helper("floatCos"),
  pow: helper("floatPow"),
  floor: builtin("floor"),
  ceil: builtin("ceil"),
  trunc: builtin("trunc"),
  round: builtin("round"),
  eq: compare("floatEqual", "==", (a, b) => `${a} == ${b}`),
  ne: (args, types, need) =>
    types.operand === "float32" ? `!${need("floatEqual")}(${args.join(", ")})` : `${args[0]} != ${args[1]}`,
  lt: compare("floatLess", "<", (a, b) => `!${a} & ${b}`),
  le: compare("floatLessEqual", "<=", (a, b) => `!${a} | ${b}`),
  isNaN: helper("isNan"),
  and: infix("&"),
  or: infix("|"),
  xor: ([a, b], { operand }) => `${a} ${operand === "bool" ? "!=" : "^"} ${b}`,
  not: ([a], { operand }) => `${operand === "bool" ? "!" : "~"}${a}`,
  shiftLeft: ([a, b]) => `${a} << (u32(${b}) & 31u)`,
  shiftRight: ([a, b]) => `${a} >> (u32(${b}) & 31u)`,
  mulHigh: helper("mulHigh"),
  select: ([condition, yes, no]) => `select(${no}, ${yes}, ${condition})`,
  cast,
} as const satisfies Record<Exclude<ScalarOp, "detach">, Spelling>;

const helpers: Readonly<Record<string, Helper>> = {
  ...bitHelpers,
  ...halfHelpers,
  ...mathHelpers,
  ...powerHelpers,
  ...trigonometricHelpers,
};

/** The value of `type` that a word holds. */
function fromWord(type: DType, word: string): string {
  if (type === "bool") return `${word} != 0u`;
  return typeName(type) === "u32" ? word : `bitcast<${typeName(type)}>(${word})`;
}

/** The word that holds a value of `type`; one of 16 bits takes the lower half. */
export function toWord(type: DType, value: string): string {
  if (type === "bool") return `select(0u, 1u, ${value})`;
  return typeName(type) === "u32" ? value : `bitcast<u32>(${value})`;
}

/** Places in memory are words. */
export const wgsl: Dialect = {
  types,
  literal,
  constant: (type, name, value) => `let ${name}: ${typeName(type)} = ${value};`,
  variable: (type, name, value) => `var ${name}: ${typeName(type)} = ${value};`,
  load: fromWord,
  store: (type, place, value) => `${place} = ${toWord(type, value)};`,
  ops,
  helpers,
};
