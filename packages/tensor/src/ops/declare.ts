// How an op is declared: meaning, documentation and test cases in one value. The value is the function users call;
// `declaration` on it is what tests, docs and the conformance suite read.

import { autocasting, float32Ops } from "../autograd/autocast.js";
import {
  applyProgram,
  type GradientOverride,
  makeProgramOp,
  type ProgramOp,
  roleLayout,
  sameDevice,
} from "../autograd/program-op.js";
import { Variable } from "../autograd/variable.js";
import { expand } from "../autograd/views.js";
import { allDTypes, arithmeticTypeOf, type DType, isFloat, isHalf, promote } from "../dtype.js";
import { shapeError, TensorError } from "../errors.js";
import { type Expr, input, type Role, scalar } from "../kernel/expr.js";
import { makeProgram, RowBuilder, type RowScope } from "../kernel/program.js";
import { cast } from "../kernel/scalar.js";
import { broadcastShapes, type Shape, sameShape } from "../shape.js";

/** One worked example: operands and what the op gives. Numbers stand for scalars, nested arrays for tensors. */
export type OpCase = { readonly of: readonly unknown[]; readonly gives: unknown; readonly dtype?: DType };

/** What is known of an op beside its function. */
export type Declaration = {
  readonly name: string;
  readonly kind: "elementwise" | "alongRow" | "overRow";
  /** One sentence, with the formula. */
  readonly doc: string;
  /** Tensor operands. */
  readonly roles: readonly Role[];
  /** Which operands are integers whatever the others are: class ids, masks, positions. */
  readonly integers: readonly number[];
  readonly scalars: number;
  readonly types: TypeRule;
  /** Where random test operands are drawn from, one range an operand. */
  readonly domain: readonly (readonly [number, number])[];
  readonly cases: readonly OpCase[];
  /** The largest relative error against float64, in units of float32's epsilon; 8 unless the op is harder. */
  readonly ulps: number;
  /** The traced program for operand dtypes; for the suites that test declarations directly. */
  program(dtypes: readonly DType[]): ProgramOp;
};

/**
 * What dtype an op computes in: `float` turns integers into float32, `number` keeps what it gets (bool becomes int32),
 * `any` promotes and no more, `bool` compares with zero first.
 */
export type TypeRule = "float" | "number" | "any" | "bool";

/** An op's function together with its declaration. */
export type Declared<F> = F & { readonly declaration: Declaration };

type CommonSpec = {
  readonly doc: string;
  readonly cases: readonly OpCase[];
  readonly types?: TypeRule;
  readonly domain?: readonly (readonly [number, number])[];
  readonly ulps?: number;
};

/** The dtype that operands of these dtypes meet in; one of 16 bits is computed with in float32, and rounded at the end. */
function meetingType(rule: TypeRule, dtypes: readonly DType[]): DType {
  const all = dtypes.reduce(promote);
  if (rule === "bool") return "bool";
  if (rule === "float") return isFloat(all) ? all : "float32";
  return rule === "number" && all === "bool" ? "int32" : all;
}

/** A result in the dtype its operands met in: floats of 16 bits are rounded once, at the end. */
const stored = (result: Expr, type: DType): Expr =>
  isHalf(type) && result.type === arithmeticTypeOf(type) ? cast(result, type) : result;

const codeOf = Object.fromEntries(allDTypes.map((d, i) => [d, i + 1])) as Record<DType, number>;

/** Elementwise op over broadcast operands, each a tensor or a number. */
function elementwise<F>(
  name: string,
  arity: number,
  spec: CommonSpec & { readonly body: (...x: Expr[]) => Expr; readonly condition?: boolean },
): Declared<F> {
  const rule = spec.types ?? "number";
  const first = spec.condition ? 1 : 0;
  const widens = float32Ops.has(name);
  const programs = new Map<number, ProgramOp>();
  const build = (dtypes: readonly DType[], isScalar: readonly boolean[], wide = false): ProgramOp => {
    const met = meetingType(rule, dtypes.slice(first));
    const type = wide ? arithmeticTypeOf(met) : met;
    const inputs: { kind: "buffer"; type: DType; role: "full" }[] = [];
    const scalars: DType[] = [];
    const operands = dtypes.map((dtype, i) => {
      const to = i < first ? "bool" : arithmeticTypeOf(type);
      if (isScalar[i]) return scalar(scalars.push(to) - 1, to);
      return cast(input(inputs.push({ kind: "buffer", type: dtype, role: "full" }) - 1, dtype, "full"), to);
    });
    const expr = stored(spec.body(...operands), type);
    return makeProgramOp(name, makeProgram({ inputs, scalars, reduces: [], outputs: [{ expr, role: "full" }] }), false);
  };
  const none = new Array<boolean>(arity).fill(false);
  const call = (...operands: readonly unknown[]): Variable => {
    const variables: Variable[] = [];
    const numbers: number[] = [];
    let code = 0;
    let fraction = false;
    let float = false;
    for (let i = 0; i < arity; i++) {
      const x = operands[i];
      if (x instanceof Variable) {
        variables.push(x);
        float ||= isFloat(x.dtype);
        code = code * 8 + codeOf[x.dtype];
      } else if (typeof x === "number") {
        numbers.push(x);
        fraction ||= !Number.isInteger(x);
        code = code * 8;
      } else throw operandError(name, i, x);
    }
    if (variables.length === 0) throw operandError(name, 0, operands[0]);
    // The dtype of a number depends on its value only beside integers.
    code = code * 2 + +(fraction && !float);
    const wide = widens && autocasting();
    code = code * 2 + +wide;
    let op = programs.get(code);
    if (!op) {
      const dtypes = operands
        .slice(0, arity)
        .map((x) => (x instanceof Variable ? x.dtype : numberType(x as number, variables.slice(first))));
      const isScalar = operands.slice(0, arity).map((x) => typeof x === "number");
      op = build(dtypes, isScalar, wide);
      programs.set(code, op);
    }
    const device = sameDevice(name, variables);
    let sizes: Shape = variables[0]!.shape;
    for (let i = 1; i < variables.length; i++) {
      if (!sameShape(sizes, variables[i]!.shape)) {
        sizes = broadcastShapes(
          name,
          variables.map((v) => v.shape),
        );
        break;
      }
    }
    const laid = variables.map((v) => {
      const variable = sameShape(v.shape, sizes) ? v : expand(v, sizes);
      return { variable, layout: variable.layout };
    });
    return applyProgram(op, variables[0]!, device, sizes, laid, numbers)[0]!;
  };
  const declaration: Declaration = {
    name,
    kind: "elementwise",
    doc: spec.doc,
    roles: new Array<Role>(arity).fill("full"),
    integers: [],
    scalars: 0,
    types: rule,
    domain: spec.domain ?? new Array(arity).fill([-2, 2]),
    cases: spec.cases,
    ulps: spec.ulps ?? 8,
    program: (dtypes) => build(dtypes, none),
  };
  return Object.assign(call, { declaration }) as unknown as Declared<F>;
}

// A number joins the tensors' dtype, unless it is a fraction and they are integers; without tensors it is float32.
function numberType(x: number, variables: readonly Variable[]): DType {
  if (variables.length === 0) return "float32";
  const dtype = variables.map((v) => v.dtype).reduce(promote);
  if (isFloat(dtype)) return dtype;
  return Number.isInteger(x) ? (dtype === "bool" ? "int32" : dtype) : "float32";
}

const operandError = (op: string, at: number, got: unknown): TensorError =>
  new TensorError(
    "argument",
    `${op}: operand ${at + 1} must be a tensor or a number, got ${got === null ? "null" : typeof got}`,
    { op },
  );

/** y = body(x), element by element. */
export const unary = (name: string, spec: CommonSpec & { readonly body: (x: Expr) => Expr }) =>
  elementwise<<T extends Variable>(x: T) => T>(name, 1, spec);

/** y = body(a, b), element by element, with broadcasting. */
export const binary = (name: string, spec: CommonSpec & { readonly body: (a: Expr, b: Expr) => Expr }) =>
  elementwise<<T extends Variable>(a: T | number, b: T | number) => T>(name, 2, spec);

/** y = body(a, b, c), element by element, with broadcasting. */
export const ternary = (name: string, spec: CommonSpec & { readonly body: (a: Expr, b: Expr, c: Expr) => Expr }) =>
  elementwise<<T extends Variable>(a: T, b: T | number, c: T | number) => T>(name, 3, spec);

/** y = body(condition, a, b), element by element; the condition is compared with zero and does not promote. */
export const conditional = (name: string, spec: CommonSpec & { readonly body: (c: Expr, a: Expr, b: Expr) => Expr }) =>
  elementwise<<T extends Variable>(condition: T, a: T | number, b: T | number) => T>(name, 3, {
    ...spec,
    condition: true,
  });

/** Operands of a row op: tensors, then as many numbers as it has scalars. */
export type RowFunction = <T extends Variable>(operands: readonly T[], scalars?: readonly number[]) => T;

/** How a row op is declared. */
export type RowSpec = CommonSpec & {
  /** How each operand lies over [outer…, row]; all `full` unless given. Its count is the number of operands. */
  readonly roles?: readonly Role[];
  /** Integer operands are left as they are: class ids, masks. */
  readonly integers?: readonly number[];
  readonly scalars?: number;
  /** `row.index` is the position along the row, int32. */
  readonly body: (row: RowScope & { readonly index: Expr }, x: readonly Expr[], scalars: readonly Expr[]) => Expr;
  /** A gradient that reads the output instead of recomputing it: returns the gradient of each floating operand. */
  readonly gradient?: (row: RowScope, x: readonly Expr[], y: Expr, dy: Expr) => readonly Expr[];
  readonly gradientReads?: "output" | "both";
};

/** Op along the last axis that keeps it. */
export const alongRow = (name: string, spec: RowSpec): Declared<RowFunction> => rowOp(name, spec, "alongRow", "full");
/** Op along the last axis that drops it. */
export const overRow = (name: string, spec: RowSpec): Declared<RowFunction> => rowOp(name, spec, "overRow", "row");

function rowOp(name: string, spec: RowSpec, kind: "alongRow" | "overRow", outputRole: Role): Declared<RowFunction> {
  const roles = spec.roles ?? ["full"];
  const rule = spec.types ?? "float";
  const integers = new Set(spec.integers ?? []);
  const widens = float32Ops.has(name);
  const programs = new Map<string, ProgramOp>();
  const build = (dtypes: readonly DType[], wide: boolean): ProgramOp => {
    const met = meetingType(
      rule,
      dtypes.filter((_, i) => !integers.has(i)),
    );
    const type = arithmeticTypeOf(met);
    const inputs = dtypes.map((dtype, i) => ({ kind: "buffer" as "buffer" | "index", type: dtype, role: roles[i]! }));
    const x = dtypes.map((dtype, i) => {
      const e = input(i, dtype, roles[i]!);
      return integers.has(i) ? e : cast(e, type);
    });
    const scalars = new Array<DType>(spec.scalars ?? 0).fill(isFloat(type) ? type : "float32");
    const row = Object.assign(new RowBuilder(), { index: input(inputs.length, "int32", "lane") });
    inputs.push({ kind: "index", type: "int32", role: "lane" });
    const body = spec.body(
      row,
      x,
      scalars.map((t, i) => scalar(i, t)),
    );
    const expr = wide ? body : stored(body, met);
    const program = makeProgram({ inputs, scalars, reduces: row.reduces, outputs: [{ expr, role: outputRole }] });
    return makeProgramOp(
      name,
      program,
      true,
      spec.gradient && overrideOf(spec, dtypes, type, expr.type, roles, outputRole),
    );
  };
  const programOf = (dtypes: readonly DType[]): ProgramOp => {
    const wide = widens && autocasting();
    const key = `${dtypes.join()}${wide}`;
    let op = programs.get(key);
    if (!op) {
      op = build(dtypes, wide);
      programs.set(key, op);
    }
    return op;
  };
  const call: RowFunction = (operands, numbers = []) => {
    const device = sameDevice(name, operands);
    const op = programOf(operands.map((x) => x.dtype));
    const sizes = operands[roles.indexOf("full")]!.shape;
    if (sizes.length === 0) throw shapeError(name, "needs at least one axis", [sizes]);
    operands.forEach((x, i) => {
      const want = roles[i] === "full" ? sizes : roles[i] === "row" ? sizes.slice(0, -1) : sizes.slice(-1);
      if (!sameShape(x.shape, want))
        throw shapeError(name, `operand ${i + 1} must have shape [${want.join(", ")}]`, [x.shape]);
    });
    const laid = operands.map((variable, i) => ({ variable, layout: roleLayout(variable, roles[i]!, sizes) }));
    const index = {
      variable: undefined,
      layout: { shape: sizes, strides: sizes.map((_, i) => +(i === sizes.length - 1)), offset: 0 },
    };
    return applyProgram(op, operands[0]!, device, sizes, [...laid, index], numbers)[0]!;
  };
  const declaration: Declaration = {
    name,
    kind,
    doc: spec.doc,
    roles,
    integers: spec.integers ?? [],
    scalars: spec.scalars ?? 0,
    types: rule,
    domain: spec.domain ?? roles.map(() => [-2, 2] as const),
    cases: spec.cases,
    ulps: spec.ulps ?? 16,
    program: programOf,
  };
  return Object.assign(call, { declaration });
}

function overrideOf(
  spec: RowSpec,
  dtypes: readonly DType[],
  type: DType,
  outType: DType,
  roles: readonly Role[],
  outputRole: Role,
): GradientOverride {
  const savesInputs = spec.gradientReads === "both";
  const inputs = savesInputs
    ? dtypes.map((dtype, i) => ({ kind: "buffer" as "buffer" | "index", type: dtype, role: roles[i]! }))
    : [];
  if (savesInputs) inputs.push({ kind: "index", type: "int32", role: "lane" });
  const x = savesInputs ? dtypes.map((dtype, i) => cast(input(i, dtype, roles[i]!), type)) : [];
  const y = input(inputs.push({ kind: "buffer", type: outType, role: outputRole }) - 1, outType, outputRole);
  const dy = input(inputs.push({ kind: "buffer", type: outType, role: outputRole }) - 1, outType, outputRole);
  const row = new RowBuilder();
  const wide = (e: Expr): Expr => cast(e, arithmeticTypeOf(e.type));
  const expressions = spec.gradient!(row, x, wide(y), wide(dy));
  const floats = dtypes.flatMap((d, i) => (isFloat(d) ? [i] : []));
  const outputs = expressions.map((expr, k) => {
    const [dtype, role] = [dtypes[floats[k]!]!, roles[floats[k]!]!];
    return { expr: cast(expr, role === "lane" ? arithmeticTypeOf(dtype) : dtype), role };
  });
  const program = makeProgram({
    inputs,
    scalars: new Array<DType>(spec.scalars ?? 0).fill(isFloat(type) ? type : "float32"),
    reduces: row.reduces,
    outputs,
  });
  return { program, savesInputs };
}
