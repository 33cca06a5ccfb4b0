// Every scalar operation on every dtype it takes: special values in all combinations, and many ordinary ones, against
// the definition within the accuracy that `tolerances.ts` asks for.

import {
  allDTypes,
  type DType,
  type Expr,
  input,
  isFloat,
  isHalf,
  isWideFloat,
  makeProgram,
  type ScalarDomain,
  type ScalarOp,
  scalarAlgebra as s,
  scalarOps,
} from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { applyExactly, type Bounded } from "../error-bounds.js";
import { denseLayout } from "../layout.js";
import { Random } from "../random.js";
import { floatLimits } from "../tolerances.js";
import { kernelTrial, type TrialOperand } from "../trial.js";
import { heldAs } from "../workbench.js";

/** `scalars/exp/float32`, `scalars/cast/float32-to-int32`. */
export type ScalarCaseName = `scalars/${Exclude<ScalarOp, "cast">}/${DType}` | `scalars/cast/${DType}-to-${DType}`;

const takes: { readonly [D in ScalarDomain]: (type: DType) => boolean } = {
  float: isFloat,
  number: (type) => type !== "bool",
  integer: (type) => type === "int32" || type === "uint32",
  word: (type) => type === "uint32",
  bits: (type) => !isFloat(type),
  any: () => true,
};

const floatSpecials = [
  0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -7, 1e-3, 88, -88, 1e10, -1e10, 2147483648, 4294967296, 1e30, 1e-30,
];
/** Where rounding to 16 bits decides: ties, the last numbers before infinity, the least ones. */
const narrowing = [
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  1 + 2 ** -8,
  1 + 3 * 2 ** -8,
  1 + 2 ** -11 + 2 ** -23,
  65504,
  65519,
  65520,
  65536,
  2 ** -14,
  2 ** -14 - 2 ** -25,
  2 ** -24,
  2 ** -25,
  3 * 2 ** -25,
  -(2 ** -20),
  3.39e38,
  3.4e38,
];
const halfSpecials = [0, -0, 1, -1, 0.5, -2.5, 7, -7, 88, 1024, 65504, 2 ** -14, 2 ** -24, -(2 ** -20)];
const limits = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
const specials: { readonly [T in DType]: readonly number[] } = {
  float16: [...halfSpecials, ...limits],
  bfloat16: [...halfSpecials, 1e30, -1e30, ...limits],
  float32: [...floatSpecials, ...narrowing, ...limits, floatLimits.float32.greatest, floatLimits.float32.leastNormal],
  float64: [...floatSpecials, ...limits, floatLimits.float64.greatest, floatLimits.float64.leastNormal],
  int32: [0, 1, -1, 2, -2, 5, 7, -7, 31, 32, 33, 65535, 65536, 1000003, 2147483647, -2147483648, -2147483647],
  uint32: [0, 1, 2, 5, 7, 31, 32, 33, 65535, 65536, 1000003, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
};

/** Where ordinary values of an operation lie, if not from −20 to 20: larger for what depends on the magnitude. */
const ranges: Partial<Record<ScalarOp, readonly [number, number]>> = {
  exp: [-87, 88],
  expm1: [-20, 88],
  log: [0, 100],
  log1p: [-1, 100],
  sqrt: [0, 1e6],
  rsqrt: [0, 1e6],
  sin: [-1000, 1000],
  cos: [-1000, 1000],
  pow: [-6, 6],
  tanh: [-10, 10],
  erf: [-5, 5],
};

const ordinary = 300;
// Functions whose result crosses zero are steep in relative terms there.
const small = 60;

/** Operands of an operation: all combinations of special values, then ordinary ones. */
function points(op: ScalarOp, types: readonly DType[], random: Random): number[][] {
  let out: number[][] = [[]];
  for (const type of types) out = out.flatMap((p) => specials[type].map((v) => [...p, v]));
  const draw = (type: DType, most: number): number => {
    if (type === "bool") return random.integer(0, 1);
    if (!isFloat(type)) return random.chance(0.5) ? random.pick(specials[type]) : random.integer(0, 2 ** 32 - 1);
    const [least, greatest] = ranges[op] ?? [-20, 20];
    return random.number(Math.max(least, -most), Math.min(greatest, most));
  };
  for (let i = 0; i < ordinary; i++) out.push(types.map((type) => draw(type, Number.POSITIVE_INFINITY)));
  for (let i = 0; i < small; i++) out.push(types.map((type) => draw(type, 2 ** -random.integer(0, 12))));
  return out;
}

/** The operation on inputs 0, 1, 2. */
function build(op: ScalarOp, types: readonly DType[], target: DType): Expr {
  const [a, b, c] = types.map((type, i) => input(i, type, "full")) as [Expr, Expr, Expr];
  if (op === "cast") return s.cast(a, target);
  if (op === "select") return s.select(a, b, c);
  const make = s[op] as (x: Expr, y: Expr) => Expr;
  return make(a, b);
}

async function scalarCase({ bench, seed }: CaseContext, op: ScalarOp, type: DType, target: DType): Promise<void> {
  bench.need(type, target);
  const { arity } = scalarOps[op];
  const types = Array.from({ length: arity }, (_, i): DType => (op === "select" && i === 0 ? "bool" : type));
  if (op === "select") bench.need("bool");
  const program = makeProgram({
    inputs: types.map((t) => ({ kind: "buffer", type: t, role: "full" })),
    scalars: [],
    reduces: [],
    outputs: [{ expr: build(op, types, target), role: "full" }],
  });
  const all = points(op, types, new Random(seed));
  const sizes = [all.length];
  const layout = denseLayout("full", sizes);
  const columns = types.map((t, i) =>
    heldAs(
      t,
      all.map((p) => p[i]!),
    ),
  );
  const operands: TrialOperand[] = columns.map((values, i) => ({ ...layout, type: types[i]!, values }));
  const result = program.outputs[0]!.expr.type;
  const trial = kernelTrial({
    label: op,
    program,
    sizes,
    operands: [...operands, { ...layout, type: result }],
    scalars: [],
  });
  const expect = (): Map<number, Bounded>[] => {
    const bounds = all.map((_, i): [number, Bounded] => [
      i,
      expectScalar(
        op,
        result,
        type,
        columns.map((column) => column[i]!),
      ),
    ]);
    return [new Map(bounds)];
  };
  const describe = () =>
    `${op} of ${types.join(", ")} to ${result}; element i is at operands ${JSON.stringify(all.slice(0, 4))}…`;
  await bench.check([{ ...trial, expect, describe: () => describe() }]);
}

/** What a device may give where operands lie in memory; overflow of a float32 gives infinity. */
function expectScalar(op: ScalarOp, result: DType, type: DType, values: readonly number[]): Bounded {
  const bound = applyExactly(op, result, type, values);
  const flushed = isWideFloat(type) && values.some((v) => v !== 0 && Math.abs(v) < floatLimits[type].leastNormal);
  if (flushed) return { ...bound, error: Number.POSITIVE_INFINITY };
  const overflows = result === "float32" && Number.isFinite(bound.value) && !Number.isFinite(Math.fround(bound.value));
  if (overflows && Math.abs(bound.value) > 2 * floatLimits.float32.greatest)
    return { value: Math.fround(bound.value), error: 0 };
  return isPeriodicFarOut(op, values[0]!) ? { ...bound, error: Number.POSITIVE_INFINITY } : bound;
}

// Beyond, the argument's own spacing is a good part of a period.
const isPeriodicFarOut = (op: ScalarOp, x: number): boolean =>
  (op === "sin" || op === "cos") && Number.isFinite(x) && Math.abs(x) > 1e4;

function makeTable(): CaseTable<ScalarCaseName> {
  const table: [ScalarCaseName, CaseTable[string]][] = [];
  for (const op of Object.keys(scalarOps) as ScalarOp[]) {
    const types = op === "cast" ? allDTypes : allDTypes.filter((t) => takes[scalarOps[op].domain](t) && !isHalf(t));
    for (const type of types) {
      if (op !== "cast") table.push([`scalars/${op}/${type}`, (context) => scalarCase(context, op, type, type)]);
      else
        for (const target of allDTypes)
          if (target !== type)
            table.push([`scalars/cast/${type}-to-${target}`, (context) => scalarCase(context, op, type, target)]);
    }
  }
  return Object.fromEntries(table) as CaseTable<ScalarCaseName>;
}

/** A case for each operation and dtype. */
export const scalarCases: CaseTable<ScalarCaseName> = makeTable();
