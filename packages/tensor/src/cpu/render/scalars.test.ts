import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allDTypes, type DType, isFloat, isHalf, isInteger, makeData } from "../../dtype.js";
import { apply, type Expr, input } from "../../kernel/expr.js";
import { makeProgram } from "../../kernel/program.js";
import { type ScalarOp, scalarOps } from "../../kernel/scalar-ops.js";
import { createReferenceBackend } from "../../reference/backend.js";
import { type CpuBackend, createCpuBackend } from "../backend.js";
import { mathEmitters } from "../math/math.js";
import { type Case, runCase } from "../testing/launches.js";

const reference = createReferenceBackend();
const backends: CpuBackend[] = [];
beforeAll(async () => {
  backends.push(await createCpuBackend({ threads: 1, relaxedSimd: false }), await createCpuBackend({ threads: 1 }));
});
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

const halves = [0, -0, 1, -1, 0.5, 1.5, -2.5, 3, -7, 88, 1024, 2 ** -14, 2 ** -24].concat([
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
]);
const interesting: Readonly<Record<DType, readonly number[]>> = {
  float32: [
    0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, 7, 10.25, -33.75, 1e-3, 88, -87, 1e10, -3e9, 5e9, 1e-30, 1e30,
  ].concat([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(Math.fround)),
  float64: [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, -7.25, 1e-3, 300, -3e9, 5e9, 1e-200, 1e200, 0.1].concat([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]),
  float16: halves,
  bfloat16: halves,
  int32: [0, 1, -1, 2, 3, 7, -7, 31, 32, 33, 1000, -1000, 65537, 2147483647, -2147483648, -2147483647],
  uint32: [0, 1, 2, 3, 7, 31, 32, 33, 1000, 65537, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
};

const domains = {
  float: isFloat,
  number: (type: DType) => type !== "bool",
  integer: isInteger,
  word: (type: DType) => type === "uint32",
  bits: (type: DType) => !isFloat(type),
  any: () => true,
} as const;

/** Units in the last place a float32 result may be off: what the vector maths promises, else nothing. */
const allowedUlp = (op: ScalarOp): number =>
  op in mathEmitters ? mathEmitters[op as keyof typeof mathEmitters].maxUlp : 0;

// The vectorised sine and cosine say NaN beyond 2²⁶.
const isInReach = (op: ScalarOp, type: DType, x: number): boolean =>
  !((op === "sin" || op === "cos") && type === "float32" && Number.isFinite(x) && Math.abs(x) > 2 ** 26);

// All combinations of interesting operands, in one row whose length is no multiple of a vector.
function caseOf(op: ScalarOp, types: readonly DType[], castTo?: DType): Case {
  const lists = types.map((type) => interesting[type].filter((x) => isInReach(op, type, x)));
  const count = lists.reduce((n, list) => n * list.length, 1) + 1;
  const contents = lists.map((list, i) => {
    const before = lists.slice(0, i).reduce((n, l) => n * l.length, 1);
    const data = makeData(types[i]!, count);
    for (let k = 0; k < count; k++) data[k] = list[Math.floor(k / before) % list.length]!;
    return data;
  });
  const args = types.map((type, i): Expr => input(i, type, "full"));
  const expr = apply(op, args, castTo);
  const program = makeProgram({
    inputs: types.map((type) => ({ kind: "buffer", type, role: "full" })),
    scalars: [],
    reduces: [],
    outputs: [{ expr, role: "full" }],
  });
  return {
    program,
    space: { sizes: [count], strides: [...types, expr.type].map(() => [1]) },
    contents: [...contents, makeData(expr.type, count)],
    offsets: [...types, 0].map(() => 0),
    scalars: [],
  };
}

const ulpOf = (x: number): number => 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(x) || 1e-45)) - 23);

type Row = { readonly op: ScalarOp; readonly types: readonly DType[]; readonly to: DType | undefined };

const cases = (Object.keys(scalarOps) as ScalarOp[]).flatMap((op): readonly Row[] => {
  const { arity, domain } = scalarOps[op];
  const takes = (type: DType): boolean => domains[domain](type) && (op === "cast" || op === "detach" || !isHalf(type));
  const types = allDTypes.filter(takes);
  return types.flatMap((type): readonly Row[] => {
    if (op === "cast") return allDTypes.filter((to) => to !== type).map((to) => ({ op, types: [type], to }));
    const operands = op === "select" ? (["bool", type, type] as const) : new Array<DType>(arity).fill(type);
    return [{ op, types: operands, to: undefined }];
  });
});

describe.each([true, false])("relaxed SIMD %s", (relaxedSimd) => {
  it.each(cases)("$op over $types to $to", ({ op, types, to }) => {
    const backend = backends[+relaxedSimd]!;
    const test = caseOf(op, types, to);
    const expected = runCase(reference, test).at(-1)!;
    const actual = runCase(backend, test).at(-1)!;
    const single = expected instanceof Float32Array;
    const wrong: string[] = [];
    expected.forEach((e, k) => {
      const a = actual[k]!;
      const allowed = single ? allowedUlp(op) * ulpOf(e) : isFloat(types.at(-1)!) ? Math.abs(e) * 1e-14 : 0;
      if (Object.is(a, e) || a === e || Math.abs(a - e) <= allowed) return;
      const operands = test.contents.slice(0, -1).map((content) => content![k]);
      wrong.push(`${op}(${operands.join(", ")}) is ${a}, expected ${e}`);
    });
    expect(wrong).toEqual([]);
  });
});
