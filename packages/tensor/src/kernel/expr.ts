// Typed scalar expressions, interned: equal expressions are the same object, so sharing and comparing are free.
// `id` is stable for the life of the process and orders nothing.

import { type DType, isFloat, isHalf, isInteger, isWideFloat } from "../dtype.js";
import { unreachable } from "../errors.js";
import { castValue, evaluateScalar, type ScalarOp, scalarOps } from "./scalar-ops.js";

/**
 * How an operand or a result lies over the iteration space [outer…, row]: `full` everywhere, `row` one value a row,
 * `lane` one value a position in the row, the same for every row. An output of role `lane` is summed over the rows.
 */
export type Role = "full" | "row" | "lane";

type Base = { readonly id: number; readonly type: DType };
/** A scalar expression of a row program. */
export type Expr =
  | (Base & { readonly kind: "const"; readonly value: number })
  | (Base & { readonly kind: "input"; readonly index: number; readonly role: Role })
  /** A number given at launch: learning rate, probability, seed. */
  | (Base & { readonly kind: "scalar"; readonly index: number })
  /** Elements in the row. */
  | (Base & { readonly kind: "rowSize" })
  /** Result of the program's reduction `index`. */
  | (Base & { readonly kind: "reduced"; readonly index: number })
  | (Base & { readonly kind: "apply"; readonly op: ScalarOp; readonly args: readonly Expr[] });

/** An operand of the sugar functions: a number takes the type of the expression beside it. */
export type Operand = Expr | number;

const interned = new Map<string, Expr>();

type Draft<E> = E extends Expr ? Omit<E, "id"> : never;
function intern(key: string, draft: Draft<Expr>): Expr {
  let e = interned.get(key);
  if (!e) {
    e = { id: interned.size, ...draft } as Expr;
    interned.set(key, e);
  }
  return e;
}

/** A literal of `type`. */
export function constant(value: number, type: DType): Expr {
  const v = isWideFloat(type) ? value : castValue(type, value, Number.isInteger(value) ? "int32" : "float64");
  return intern(`c${type}${Object.is(v, -0) ? "-0" : v}`, { kind: "const", type, value: v });
}

/** Operand `index` of the program. */
export const input = (index: number, type: DType, role: Role): Expr =>
  intern(`i${index}${type}${role}`, { kind: "input", type, index, role });

/** Launch scalar `index`. */
export const scalar = (index: number, type: DType): Expr => intern(`s${index}${type}`, { kind: "scalar", type, index });

/** The number of elements in the row, as `type`. */
export const rowSize = (type: DType): Expr => intern(`n${type}`, { kind: "rowSize", type });

/** Result of reduction `index`. */
export const reduced = (index: number, type: DType): Expr =>
  intern(`r${index}${type}`, { kind: "reduced", type, index });

// A value of 16 bits is stored and converted, and never computed with.
const takesHalves: ReadonlySet<ScalarOp> = new Set(["cast", "detach"]);

const inDomain = (type: DType, domain: (typeof scalarOps)[ScalarOp]["domain"]): boolean =>
  domain === "any" ||
  (domain === "float" && isFloat(type)) ||
  (domain === "number" && type !== "bool") ||
  (domain === "integer" && isInteger(type)) ||
  (domain === "word" && type === "uint32") ||
  (domain === "bits" && !isFloat(type));

/** An operation on operands of one type (`select`: bool, then two of one type; `cast` takes the target type). */
export function apply(op: ScalarOp, args: readonly Expr[], castTo?: DType): Expr {
  const rule = scalarOps[op];
  const operand = op === "select" ? args[1]! : args[0]!;
  const rest = op === "select" ? args.slice(1) : args;
  const knows = takesHalves.has(op) || !isHalf(operand.type);
  const fits = knows && args.length === rule.arity && inDomain(operand.type, rule.domain);
  if (!fits || rest.some((a) => a.type !== operand.type) || (op === "select" && args[0]!.type !== "bool")) {
    unreachable(`scalar ${op} over ${args.map((a) => a.type).join(", ")}`);
  }
  const type = castTo ?? (rule.result === "bool" ? "bool" : operand.type);
  if (op === "cast" && type === operand.type) return operand;
  if (op === "cast" && wasWidened(operand, type)) return operand.args[0]!;
  const simple = simplify(op, args);
  if (simple) return simple;
  if (op !== "detach" && args.every((a) => a.kind === "const")) {
    const [a, b, c] = args.map((x) => (x.kind === "const" ? x.value : 0));
    return constant(evaluateScalar(op, type, operand.type, a!, b ?? 0, c ?? 0), type);
  }
  return intern(`${op}${op === "cast" ? type : ""}(${args.map((a) => a.id).join()})`, {
    kind: "apply",
    type,
    op,
    args,
  });
}

/** Whether `e` is a float of `type` made wider, which narrows to what it was. */
const wasWidened = (e: Expr, type: DType): e is Extract<Expr, { readonly kind: "apply" }> =>
  e.kind === "apply" &&
  e.op === "cast" &&
  e.args[0]!.type === type &&
  (isHalf(type) ? isWideFloat(e.type) : type === "float32" && e.type === "float64");

const isConst = (e: Expr | undefined, value: number): boolean => e?.kind === "const" && Object.is(e.value, value);

// −0 + 0 is 0, so only −0 adds nothing to a float.
const addsNothing = (e: Expr | undefined): boolean => e !== undefined && isConst(e, isFloat(e.type) ? -0 : 0);

// Only identities that hold for every float: NaN, infinities and the sign of zero included (x·0 is not one).
function simplify(op: ScalarOp, args: readonly Expr[]): Expr | undefined {
  const [a, b, c] = args;
  if (op === "mul") return isConst(a, 1) ? b : isConst(b, 1) ? a : undefined;
  if (op === "add") return addsNothing(a) ? b : addsNothing(b) ? a : undefined;
  if (op === "sub") return isConst(b, 0) ? a : undefined;
  if (op === "div") return isConst(b, 1) ? a : undefined;
  if (op === "xor") return isConst(a, 0) ? b : isConst(b, 0) ? a : undefined;
  if (op === "neg") return a?.kind === "apply" && a.op === "neg" ? a.args[0] : undefined;
  if (op === "select") return a?.kind === "const" ? (a.value ? b : c) : b === c ? b : undefined;
  return undefined;
}

/** Whether the expression holds `target` anywhere, reductions not followed. */
export function visit(e: Expr, seen: Set<Expr>, each: (e: Expr) => void): void {
  if (seen.has(e)) return;
  seen.add(e);
  if (e.kind === "apply") for (const a of e.args) visit(a, seen, each);
  each(e);
}

/** Rebuilds an expression with its leaves replaced; `memo` keeps shared parts shared. */
export function rewrite(e: Expr, leaf: (e: Expr) => Expr, memo: Map<Expr, Expr>): Expr {
  const known = memo.get(e);
  if (known) return known;
  const out =
    e.kind === "apply"
      ? apply(
          e.op,
          e.args.map((a) => rewrite(a, leaf, memo)),
          e.op === "cast" ? e.type : undefined,
        )
      : leaf(e);
  memo.set(e, out);
  return out;
}
