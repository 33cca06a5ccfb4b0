// A group is a few vectors computed side by side, operation by operation, so that their latencies overlap.
// Emitters take groups of one length and give groups of that length.

import { type Expr, type FunctionBuilder, type Local, type Vector, v128 } from "../wasm/assembler.js";

/** Vectors in locals, computed side by side. */
export type Group = readonly Local<"v128">[];

type Lanes<A extends readonly Group[]> = { [K in keyof A]: Local<"v128"> };

/** Emits one step for every vector of the groups; each result gets a local. */
export function each<A extends readonly [Group, ...Group[]]>(
  f: FunctionBuilder,
  step: (...vectors: Lanes<A>) => Vector,
  ...groups: A
): Group {
  return groups[0].map((_, i) => f.local("v128", step(...(groups.map((group) => group[i]) as Lanes<A>))));
}

/** Horner's rule over a group: `c0 + x (c1 + x (c2 + …))`. */
export function polynomial(f: FunctionBuilder, x: Group, coefficients: readonly number[]): Group {
  const constants = coefficients.map((c) => f.constants.f32x4(c));
  const last = constants[constants.length - 1] as Local<"v128">;
  const start: Group = x.map(() => last);
  return constants.slice(0, -1).reduceRight<Group>((sum, c) => each(f, (s, v) => f.madd(s, v, c), sum, x), start);
}

/** An i32: nonzero when any bit of any mask is set. */
export function anyTrue(masks: Group): Expr<"i32"> {
  return v128.anyTrue(
    masks.reduce<Vector>((all, mask) => (all === mask ? mask : v128.or(all, mask)), masks[0] as Vector),
  );
}
