// The declared ops as data, for suites that test them all: what they are called, and how they are applied.

import type { Declaration } from "./ops/declare.js";
import * as ops from "./ops/index.js";
import type { Tensor } from "./tensor.js";

export type { Declaration, OpCase, TypeRule } from "./ops/declare.js";

/** An op that was declared as one value: its function follows from its declaration. */
export type DeclaredOp = {
  /** Unique among the ops; several may share the name in their declarations. */
  readonly name: string;
  readonly declaration: Declaration;
  /** Applies it to operands in order; row ops take numbers beside them. */
  readonly apply: (operands: readonly (Tensor | number)[], scalars: readonly number[]) => Tensor;
  /** Numbers for a row op where no example says others: those of its worked examples, and general ones. */
  readonly scalars: { readonly examples: readonly number[]; readonly general: readonly number[] };
};

/** Small constants of norms, ids that are ignored, corrections. */
function scalarsOf({ name, scalars }: Declaration): DeclaredOp["scalars"] {
  if (name === "crossEntropy") return { examples: [0, -100], general: [0.1, -100] };
  const all = scalars === 0 ? [] : name === "nll" ? [-100] : [/[nN]orm/.test(name) ? 1e-5 : 1];
  return { examples: all, general: /Softmax/.test(name) ? all.map(() => 0.5) : all };
}

/** Every declared op, by family. */
export const declaredOps: readonly DeclaredOp[] = Object.entries(ops).flatMap(([name, op]): DeclaredOp[] => {
  if (typeof op !== "function" || !("declaration" in op)) return [];
  const { declaration } = op;
  const call = op as unknown as (...operands: unknown[]) => Tensor;
  const apply: DeclaredOp["apply"] = (operands, scalars) =>
    declaration.kind === "elementwise" ? call(...operands) : call(operands, scalars);
  return [{ name, declaration, apply, scalars: scalarsOf(declaration) }];
});
