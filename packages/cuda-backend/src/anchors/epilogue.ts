// Which maps behind a product cuBLASLt computes itself. In float32 and float64: sums, where they are the same bits. In 16
// bits also GELU's tanh form and its gradient, and results in float32: what the graph rounds on the way the library keeps in
// float32 (ADR 12). Everything here looks at programs, sizes and strides alone.

import {
  apply,
  byteLengthOf,
  type DType,
  differentiate,
  type Expr,
  type FloatType,
  input,
  isFloat,
  isHalf,
  type Kernel,
  type LaunchOperand,
  makeProgram,
  type Program,
  rewrite,
  scalarAlgebra as s,
} from "@torchium/tensor/backend";
import { type ColumnMajor, matrix, type Product } from "./matmul-layout.js";

/** What GELU reads or keeps has columns whose starts are a multiple of so many elements apart. */
const auxSteps = 8;

/** GELU behind a product: its input may be kept as output `keeps`; or its gradient, where the input was operand `of`. */
export type Gelu =
  | { readonly form: "value"; readonly keeps: number | undefined }
  | { readonly form: "gradient"; readonly of: number };

/** A map that the library computes. Operands and outputs by their numbers in the epilogue's program. */
export type LibraryMap = {
  /** The output that the product itself writes, and its type. */
  readonly output: number;
  readonly type: FloatType;
  /** What is added to the product, in this order. */
  readonly addends: readonly number[];
  readonly gelu: Gelu | undefined;
};

/** The map that an epilogue behind a product of `type` is, or undefined for one that the library does not compute. */
export function libraryMapOf({ program }: Kernel, type: FloatType): LibraryMap | undefined {
  const { inputs, outputs, reduces } = program;
  if (reduces.length > 0 || outputs.length > 2 || outputs.some((o) => o.role !== "full")) return undefined;
  const half = isHalf(type);
  const exprs = outputs.map((o) => (half ? withoutRounding(o.expr) : o.expr));
  const usable = (i: number): boolean => {
    const { kind, role, type: own } = inputs[i]!;
    return kind === "buffer" && role === "full" && (own === type || (half && own === "float32"));
  };
  const one = (output: number, map: Pick<LibraryMap, "addends" | "gelu"> | undefined): LibraryMap | undefined => {
    const own = outputs[output]!.expr.type;
    if (!map?.addends.every(usable) || (own !== type && !(half && own === "float32"))) return undefined;
    return { output, type: own as FloatType, ...map };
  };
  if (outputs.length === 1) {
    const addends = termsOf(exprs[0]!);
    if (addends) return one(0, { addends, gelu: undefined });
  }
  if (!half || outputs.some((o) => o.expr.type !== type)) return undefined;
  for (const [output, keeps] of outputs.length === 1 ? [[0, undefined] as const] : [[0, 1] as const, [1, 0] as const]) {
    const z = argumentOfGelu(exprs[output]!);
    const addends = z && (keeps === undefined || exprs[keeps] === z) ? termsOf(z) : undefined;
    if (addends) return one(output, { addends, gelu: { form: "value", keeps } });
  }
  if (outputs.length > 1) return undefined;
  const of = inputs.findIndex((x, i) => i > 0 && usable(i) && x.type === type && exprs[0] === gradientAt(i));
  return of < 0 ? undefined : one(0, { addends: [], gelu: { form: "gradient", of } });
}

const product = input(0, "float32", "full");

/** The expression in float32 throughout: without what rounds floats to 16 bits or widens them. */
function withoutRounding(root: Expr): Expr {
  const memo = new Map<Expr, Expr>();
  const narrow = (e: Expr): boolean => isHalf(e.type) || e.type === "float32";
  const visit = (e: Expr): Expr => {
    let made = memo.get(e);
    if (made) return made;
    if (e.kind === "input") made = narrow(e) ? input(e.index, "float32", e.role) : e;
    else if (e.kind !== "apply") made = e;
    else if (e.op === "cast" && narrow(e) && narrow(e.args[0]!)) made = visit(e.args[0]!);
    else made = apply(e.op, e.args.map(visit), e.op === "cast" ? e.type : undefined);
    memo.set(e, made);
    return made;
  };
  return visit(root);
}

/** What is added to the product, up to two terms, or undefined for anything but such a sum. */
function termsOf(e: Expr): readonly number[] | undefined {
  const operand = (x: Expr): number | undefined =>
    x.kind === "input" && x.role === "full" && isFloat(x.type) ? x.index : undefined;
  const split = (x: Expr): readonly (readonly [sum: Expr, added: number])[] => {
    if (x.kind !== "apply" || x.op !== "add") return [];
    const [a, b] = x.args as [Expr, Expr];
    // A sum is the same bits in either order of its two terms.
    return [[a, operand(b)] as const, [b, operand(a)] as const].flatMap(([rest, added]) =>
      added === undefined || added === 0 ? [] : [[rest, added] as const],
    );
  };
  if (operand(e) === 0) return [];
  for (const [rest, last] of split(e)) {
    if (operand(rest) === 0) return [last];
    for (const [inner, first] of split(rest)) if (operand(inner) === 0) return [first, last];
  }
  return undefined;
}

/** GELU's tanh form, as core writes it. */
const geluTanh = (z: Expr): Expr => {
  const inner = s.mul(Math.sqrt(2 / Math.PI), s.add(z, s.mul(0.044715, s.mul(z, s.mul(z, z)))));
  return s.mul(s.mul(0.5, z), s.add(1, s.tanh(inner)));
};

/** What GELU is taken of, or undefined for another function. */
function argumentOfGelu(e: Expr): Expr | undefined {
  const factor = e.kind === "apply" && e.op === "mul" ? e.args[0]! : undefined;
  const z = factor?.kind === "apply" && factor.op === "mul" ? factor.args[1]! : undefined;
  return z?.type === "float32" && geluTanh(z) === e ? z : undefined;
}

let derivative: Program | undefined;

/** The product as a gradient that goes back through a GELU of operand `of`. */
function gradientAt(of: number): Expr {
  const inputs = [{ kind: "buffer", type: "float32", role: "full" }] as const;
  const outputs = [{ expr: geluTanh(product), role: "full" }] as const;
  derivative ??= differentiate(makeProgram({ inputs, scalars: [], reduces: [], outputs }), [0], [0]);
  const leaf = (e: Expr): Expr => (e.kind !== "input" ? e : e.index === 0 ? input(of, "float32", "full") : product);
  return rewrite(derivative.outputs[0]!.expr, leaf, new Map());
}

/** An operand of an epilogue, and its type. */
export type TypedOperand = { readonly operand: LaunchOperand; readonly type: DType };

/** A map as the library takes it: a matrix C, a vector along the output's rows, and what GELU reads or keeps. */
export type LibraryEpilogue = {
  readonly c: (ColumnMajor & TypedOperand) | undefined;
  /** `step`: elements between neighbours. */
  readonly bias: (TypedOperand & { readonly step: number }) | undefined;
  readonly aux: (ColumnMajor & TypedOperand) | undefined;
};

/**
 * How the library computes a map behind a product of `factors`; undefined where it would add in another order or cannot
 * read what is added. Inputs and outputs are the epilogue's.
 */
export function libraryEpilogue(
  { addends, gelu, type }: LibraryMap,
  factors: FloatType,
  inputs: readonly TypedOperand[],
  outputs: readonly TypedOperand[],
  { swapped, d, batches }: Product,
): LibraryEpilogue | undefined {
  if (addends.length === 0 && !gelu) return { c: undefined, bias: undefined, aux: undefined };
  if (batches !== 1) return undefined;
  const steps = ({ operand }: TypedOperand): readonly [along: number, across: number] => {
    const [m, n] = operand.strides.slice(-2) as [number, number];
    return swapped ? [n, m] : [m, n];
  };
  const aligned = (x: TypedOperand): boolean => (x.operand.offset * byteLengthOf(x.type)) % 16 === 0;
  const laid = (x: TypedOperand): LibraryEpilogue["c"] => {
    const layout = aligned(x) ? matrix(...steps(x), d.rows, d.columns) : undefined;
    return layout && { ...layout, ...x };
  };
  let [c, bias, aux]: [LibraryEpilogue["c"], LibraryEpilogue["bias"], LibraryEpilogue["aux"]] = [
    undefined,
    undefined,
    undefined,
  ];
  for (const index of addends) {
    const given = inputs[index]!;
    const [along, across] = steps(given);
    // A vector of another type is converted first, wherever it lies.
    const readable = given.type === type ? along === 1 && aligned(given) : along !== 0;
    if (across === 0 && d.columns > 1 && readable && !bias) bias = { ...given, step: along };
    // C comes first. Of 16 bits the order makes less than the rounding that is left out.
    else if (given.type === type && !c && (!bias || isHalf(factors))) {
      c = laid(given);
      if (!c) return undefined;
    } else return undefined;
  }
  if (!gelu) return { c, bias, aux };
  if (c) return undefined;
  const at = gelu.form === "gradient" ? inputs[gelu.of] : gelu.keeps === undefined ? undefined : outputs[gelu.keeps];
  if (at) {
    aux = laid(at);
    if (!aux || aux.leading % auxSteps !== 0) return undefined;
  }
  return { c, bias, aux };
}
