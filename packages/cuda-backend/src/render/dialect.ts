// CUDA C++ as a table of spellings. No headers are used: what the language lacks is a helper below.

import {
  type Dialect,
  type DType,
  halfFloats,
  isHalf,
  isWideFloat,
  type NeedHelper,
  type OperationTypes,
  type Spelling,
} from "@torchium/tensor/backend";
import { deviceFunctions } from "./device-functions.js";

/** The type of a value in a register. Numbers of 16 bits are held as their bits: they are converted, never computed with. */
const types = {
  float16: "unsigned short",
  bfloat16: "unsigned short",
  float32: "float",
  float64: "double",
  int32: "int",
  uint32: "unsigned",
  bool: "bool",
} as const satisfies Record<DType, string>;

/** The type of a value in memory, where a bool takes four bytes. */
export const memoryType = (type: DType): string => (type === "bool" ? "int" : types[type]);

function literal(value: number, type: DType): string {
  switch (type) {
    case "bool":
      return value ? "true" : "false";
    case "uint32":
      return `${value >>> 0}u`;
    case "int32":
      return value === -2147483648 ? "(-2147483647 - 1)" : value < 0 ? `(${value})` : `${value}`;
    case "float16":
    case "bfloat16":
      return `(unsigned short)${halfFloats[type].bitsOf(value)}`;
    case "float32":
      return float32Literal(Math.fround(value));
    case "float64":
      return Number.isFinite(value) ? decimal(value, "") : `__longlong_as_double(0x${bits64(value)}ll)`;
  }
}

function float32Literal(value: number): string {
  if (Number.isFinite(value)) return decimal(value, "f");
  const bits = Number.isNaN(value) ? "7fc00000" : value > 0 ? "7f800000" : "ff800000";
  return `__uint_as_float(0x${bits}u)`;
}

const bits64 = (value: number): string =>
  Number.isNaN(value) ? "7ff8000000000000" : value > 0 ? "7ff0000000000000" : "fff0000000000000";

/** A C literal: with a point or an exponent, in parentheses where a sign stands before it. */
function decimal(value: number, suffix: "f" | ""): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  const written = `${/[.e]/.test(text) ? text : `${text}.0`}${suffix}`;
  return value < 0 || Object.is(value, -0) ? `(${written})` : written;
}

const isDouble = ({ operand }: OperationTypes): boolean => operand === "float64";
const isFloat = ({ operand }: OperationTypes): boolean => isWideFloat(operand);

const infix =
  (sign: string): Spelling =>
  ([a, b]) =>
    `${a} ${sign} ${b}`;
/** A function of the language with another name for double precision. */
const maths =
  (single: string, double: string): Spelling =>
  (args, types) =>
    `${isDouble(types) ? double : single}(${args.join(", ")})`;
/** Wraps around in two's complement, which C promises for unsigned integers only. */
const wrapping =
  (sign: string): Spelling =>
  ([a, b], { operand }) =>
    operand === "int32" ? `(int)((unsigned)${a} ${sign} (unsigned)${b})` : `${a} ${sign} ${b}`;
const bitwise =
  (sign: string, logical: string): Spelling =>
  ([a, b], { operand }) =>
    `${a} ${operand === "bool" ? logical : sign} ${b}`;
const extreme =
  (name: string, sign: string): Spelling =>
  ([a, b], types, need) =>
    isFloat(types) ? `${need(`${name}_${types.operand}`)}(${a}, ${b})` : `${a} ${sign} ${b} ? ${a} : ${b}`;

/** The device's conversions saturate, as casts must; NaN gives 0 from single precision only. */
function cast([a]: readonly string[], around: OperationTypes, need: NeedHelper): string {
  const { result, operand } = around;
  if (isHalf(operand)) {
    const wide = `${need(`${operand}_to_float`)}(${a})`;
    return result === "float32" ? wide : cast([wide], { result, operand: "float32" }, need);
  }
  if (isHalf(result)) {
    const single = operand === "float32" ? a! : cast([a!], { result: "float32", operand }, need);
    return `${need(`float_to_${result}`)}(${single})`;
  }
  if (result === "bool") return `${a} != 0`;
  if (!isFloat(around) || (result !== "int32" && result !== "uint32")) return `(${types[result]})${a}`;
  const to = result === "int32" ? "int_rz" : "uint_rz";
  return operand === "float32" ? `__float2${to}(${a})` : `${a} != ${a} ? 0 : __double2${to}(${a})`;
}

const extremeHelper = (name: string, type: "float" | "double", call: string) => ({
  source: `__device__ __forceinline__ ${type} ${name}(${type} a, ${type} b) { return a != a ? a : b != b ? b : ${call}(a, b); }`,
});

/** CUDA C++ for NVRTC. */
export const cudaDialect: Dialect = {
  types,
  literal,
  constant: (type, name, value) => `const ${types[type]} ${name} = ${value};`,
  variable: (type, name, value) => `${types[type]} ${name} = ${value};`,
  load: (type, place) => (type === "bool" ? `${place} != 0` : place),
  store: (type, place, value) => `${place} = ${type === "bool" ? `${value} ? 1 : 0` : value};`,
  ops: {
    add: wrapping("+"),
    sub: wrapping("-"),
    mul: wrapping("*"),
    div: ([a, b], types, need) => (isFloat(types) ? `${a} / ${b}` : `${need(`divide_${types.operand}`)}(${a}, ${b})`),
    neg: ([a], { operand }) => (operand === "int32" ? `(int)(0u - (unsigned)${a})` : `-${a}`),
    abs: ([a], types) => {
      if (types.operand === "uint32") return `${a}`;
      if (types.operand === "int32") return `${a} < 0 ? (int)(0u - (unsigned)${a}) : ${a}`;
      return `${isDouble(types) ? "fabs" : "fabsf"}(${a})`;
    },
    min: extreme("least", "<"),
    max: extreme("greatest", ">"),
    exp: maths("expf", "exp"),
    log: maths("logf", "log"),
    log1p: maths("log1pf", "log1p"),
    expm1: maths("expm1f", "expm1"),
    sqrt: maths("sqrtf", "sqrt"),
    rsqrt: maths("rsqrtf", "rsqrt"),
    tanh: maths("tanhf", "tanh"),
    erf: maths("erff", "erf"),
    sin: maths("sinf", "sin"),
    cos: maths("cosf", "cos"),
    pow: maths("powf", "pow"),
    floor: maths("floorf", "floor"),
    ceil: maths("ceilf", "ceil"),
    trunc: maths("truncf", "trunc"),
    round: maths("rintf", "rint"),
    eq: infix("=="),
    ne: infix("!="),
    lt: infix("<"),
    le: infix("<="),
    isNaN: ([a]) => `${a} != ${a}`,
    and: bitwise("&", "&&"),
    or: bitwise("|", "||"),
    xor: bitwise("^", "!="),
    not: ([a], { operand }) => (operand === "bool" ? `!${a}` : `~${a}`),
    shiftLeft: ([a, b], { operand }) =>
      operand === "int32" ? `(int)((unsigned)${a} << (${b} & 31))` : `${a} << (${b} & 31u)`,
    shiftRight: ([a, b]) => `${a} >> (${b} & 31)`,
    mulHigh: ([a, b]) => `__umulhi(${a}, ${b})`,
    select: ([c, yes, no]) => `${c} ? ${yes} : ${no}`,
    cast,
  },
  helpers: {
    float16_to_float: { source: deviceFunctions.float16_to_float },
    float_to_float16: { source: deviceFunctions.float_to_float16 },
    bfloat16_to_float: { source: deviceFunctions.bfloat16_to_float },
    float_to_bfloat16: { source: deviceFunctions.float_to_bfloat16 },
    least_float32: extremeHelper("least_float32", "float", "fminf"),
    least_float64: extremeHelper("least_float64", "double", "fmin"),
    greatest_float32: extremeHelper("greatest_float32", "float", "fmaxf"),
    greatest_float64: extremeHelper("greatest_float64", "double", "fmax"),
    divide_int32: {
      // The one quotient that overflows wraps around.
      source:
        "__device__ __forceinline__ int divide_int32(int a, int b) { return b == 0 ? 0 : b == -1 ? (int)(0u - (unsigned)a) : a / b; }",
    },
    divide_uint32: {
      source:
        "__device__ __forceinline__ unsigned divide_uint32(unsigned a, unsigned b) { return b == 0 ? 0 : a / b; }",
    },
  },
};
