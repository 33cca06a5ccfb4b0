// The anchors as differentiable operations on checked operands: matmul, gather, scatterAdd, scan. Where the backend
// declines one, the same result comes from row programs.

import { cast } from "../autograd/cast.js";
import { withGrad } from "../autograd/mode.js";
import {
  applyProgram,
  makeProgramOp,
  type ProgramOp,
  type ProgramOperand,
  roleLayout,
} from "../autograd/program-op.js";
import { record, type Variable } from "../autograd/variable.js";
import { dense, expand, permute, reshape, tracks } from "../autograd/views.js";
import type { AnchorCall, AnchorName, AnchorOps } from "../backend/backend.js";
import { type DType, type FloatType, isFloat, isHalf, type WideFloat } from "../dtype.js";
import { maxDepth } from "../graph/device.js";
import { Node, type NodeOp, nextOpId } from "../graph/node.js";
import { constant, input } from "../kernel/expr.js";
import { makeProgram, RowBuilder } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { contiguous, type Layout, type Shape } from "../shape.js";

const nodeOps = new Map<string, NodeOp>();

function anchorNode<K extends AnchorName>(name: K, attributes: AnchorOps[K]): NodeOp {
  const key = name + JSON.stringify(attributes);
  let op = nodeOps.get(key);
  if (!op) {
    op = { kind: "anchor", id: nextOpId(), label: name, name, attributes };
    nodeOps.set(key, op);
  }
  return op;
}

/** `compute` in float32, for a tensor of 16 bits where no anchor takes those. */
const inFloat32 = <T extends Variable>(x: T, compute: (wide: T) => T): T => cast(compute(cast(x, "float32")), x.dtype);

type Laid = { readonly variable: Variable; readonly layout: Layout };

/** Records an anchor over `sizes`; undefined when the device declines it. */
export function anchor<K extends AnchorName>(
  name: K,
  attributes: AnchorOps[K],
  sizes: Shape,
  operands: readonly Laid[],
  outputs: readonly { shape: Shape; dtype: DType }[],
): readonly Variable[] | undefined {
  const like = operands[0]!.variable;
  const { device } = like;
  if (!device.supports({ op: name, attributes, rank: sizes.length } as AnchorCall)) return undefined;
  const inputs = operands.map(({ variable, layout }) => {
    if (variable.value.node.depth > maxDepth) device.realize([variable.value]);
    return { ...variable.value, layout };
  });
  const node = new Node(anchorNode(name, attributes), sizes, inputs, outputs);
  return outputs.map((o, index) =>
    like.make({ value: { node, index }, layout: contiguous(o.shape), dtype: o.dtype, device }),
  );
}

/** The same result from a row program, where a device declines the anchor; the caller records the gradient. */
const fallback = (op: ProgramOp, like: Variable, sizes: Shape, operands: readonly ProgramOperand[]): Variable =>
  withGrad(op.label, false, () => applyProgram(op, like, like.device, sizes, operands, []))[0]!;

const products = new Map<DType, ProgramOp>();

/** Σ_k a·b as a row program: the fallback of matmul. */
function productOp(type: DType): ProgramOp {
  let op = products.get(type);
  if (!op) {
    const row = new RowBuilder();
    const inputs = [0, 1].map(() => ({ kind: "buffer", type, role: "full" }) as const);
    const expr = row.sum(s.mul(input(0, type, "full"), input(1, type, "full")));
    op = makeProgramOp(
      "matmul",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
    products.set(type, op);
  }
  return op;
}

/** [batch…, M, K] · [batch…, K, N] of equal float dtypes and equal batch axes (stride 0 where one was broadcast). */
export function batchedMatmul<T extends Variable>(a: T, b: T): T {
  const rank = a.shape.length;
  const type = a.dtype as FloatType;
  if (isHalf(type) && !a.device.supports({ op: "matmul", attributes: { type }, rank: rank + 1 }))
    return inFloat32(a, (wide) => batchedMatmul(wide, cast(b, "float32")));
  const batch = a.shape.slice(0, -2);
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape[rank - 1]!;
  const sizes = [...batch, m, n, k];
  const la = a.layout.strides;
  const lb = b.layout.strides;
  const left: Layout = {
    shape: sizes,
    strides: [...la.slice(0, -2), la[rank - 2]!, 0, la[rank - 1]!],
    offset: a.layout.offset,
  };
  const right: Layout = {
    shape: sizes,
    strides: [...lb.slice(0, -2), 0, lb[rank - 1]!, lb[rank - 2]!],
    offset: b.layout.offset,
  };
  const operands = [
    { variable: a, layout: left },
    { variable: b, layout: right },
  ];
  const native = anchor("matmul", { type }, sizes, operands, [{ shape: [...batch, m, n], dtype: type }]);
  const y = native?.[0] ?? fallback(productOp(type), a, sizes, operands);
  if (tracks([a, b])) {
    record([y], {
      name: "matmul",
      inputs: [a, b],
      saved: [a, b],
      backward: ([g], [needA, needB]) => [
        needA ? productLike(a, g as T, transposeLast(b)) : undefined,
        needB ? productLike(b, transposeLast(a), g as T) : undefined,
      ],
    });
  }
  return y as T;
}

// left · right in the layout of `x`. The gradient of a weight that was used transposed is then dense as the weight is,
// and its optimizer reads both alike.
function productLike<T extends Variable>(x: T, left: T, right: T): T {
  const [row, column] = x.layout.strides.slice(-2);
  const isTransposed = row === 1 && column !== 1;
  if (!isTransposed) return batchedMatmul(left, right);
  return transposeLast(batchedMatmul(transposeLast(right), transposeLast(left)));
}

/** Swaps the last two axes. */
export function transposeLast<T extends Variable>(x: T): T {
  const rank = x.shape.length;
  return permute(x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
}

const picks = new Map<string, ProgramOp>();

function rowProgram(key: string, build: () => ProgramOp): ProgramOp {
  let op = picks.get(key);
  if (!op) {
    op = build();
    picks.set(key, op);
  }
  return op;
}

/** Σ over the row of x where ids = position: gather ([rows, width, table]) and scatterAdd ([table, width, rows]) alike. */
function selectSum(type: DType, by: "row" | "outer"): ProgramOp {
  return rowProgram(`select${type}${by}`, () => {
    const row = new RowBuilder();
    const inputs = [
      { kind: "buffer", type, role: "full" },
      { kind: "buffer", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const wide = type === "bool" ? "int32" : type;
    const x = s.cast(input(0, type, "full"), wide);
    const hit = s.eq(input(1, "int32", "full"), input(2, "int32", "full"));
    const sum = row.sum(s.select(hit, x, constant(0, wide)));
    const expr = s.cast(sum, type);
    const program = makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] });
    return makeProgramOp(by === "row" ? "gather" : "scatterAdd", program, true);
  });
}

/** Rows of a [table, width] array by a dense int32 [rows] array of ids; [rows, width]. */
export function gatherRows<T extends Variable>(table: T, ids: T): T {
  const [size, width] = table.shape as [number, number];
  if (isHalf(table.dtype) && !table.device.supports({ op: "gather", attributes: { type: table.dtype }, rank: 3 }))
    return inFloat32(table, (wide) => gatherRows(wide, ids));
  const rows = ids.shape[0]!;
  const whole = dense(table);
  const sizes = [rows, width, size];
  const operands = [
    {
      variable: whole,
      layout: {
        shape: sizes,
        strides: [0, whole.layout.strides[1]!, whole.layout.strides[0]!],
        offset: whole.layout.offset,
      },
    },
    { variable: ids, layout: { shape: sizes, strides: [ids.layout.strides[0]!, 0, 0], offset: ids.layout.offset } },
  ];
  const native = anchor("gather", { type: table.dtype }, sizes, operands, [
    { shape: [rows, width], dtype: table.dtype },
  ]);
  const positions = { variable: undefined, layout: { shape: sizes, strides: [0, 0, 1], offset: 0 } };
  const y = native?.[0] ?? fallback(selectSum(table.dtype, "row"), table, sizes, [...operands, positions]);
  if (tracks([table])) {
    record([y], {
      name: "gather",
      inputs: [whole, ids],
      saved: [ids],
      backward: ([g]) => [scatterAddRows(g as T, ids, size), undefined],
    });
  }
  return y as T;
}

/** Adds each row of [rows, width] to row ids[row] of zeros [size, width]. Rows of one id are added in order. */
export function scatterAddRows<T extends Variable>(x: T, ids: T, size: number): T {
  if (isHalf(x.dtype)) return inFloat32(x, (wide) => scatterAddRows(wide, ids, size));
  const [rows, width] = x.shape as [number, number];
  const sizes = [size, width, rows];
  const operands = [
    {
      variable: x,
      layout: { shape: sizes, strides: [0, x.layout.strides[1]!, x.layout.strides[0]!], offset: x.layout.offset },
    },
    { variable: ids, layout: { shape: sizes, strides: [0, 0, ids.layout.strides[0]!], offset: ids.layout.offset } },
  ];
  const type = x.dtype as WideFloat;
  const native = anchor("scatterAdd", { type }, sizes, operands, [{ shape: [size, width], dtype: type }]);
  const positions = { variable: undefined, layout: { shape: sizes, strides: [1, 0, 0], offset: 0 } };
  const y = native?.[0] ?? fallback(selectSum(type, "outer"), x, sizes, [...operands, positions]);
  if (tracks([x])) {
    record([y], {
      name: "scatterAdd",
      inputs: [x, ids],
      saved: [ids],
      backward: ([g]) => [gatherRows(g as T, ids), undefined],
    });
  }
  return y as T;
}

/** A table with rows added to it or put into it at ids; not differentiable. In place when it is what an update overwrites. */
export function scatterInto<T extends Variable>(table: T, ids: T, rows: T, mode: "add" | "set"): T {
  if (isHalf(table.dtype)) return inFloat32(table, (wide) => scatterInto(wide, ids, cast(rows, "float32"), mode));
  const [size, width] = table.shape as [number, number];
  const sizes = [size, width, ids.shape[0]!];
  const laid = (variable: Variable, strides: readonly number[]): Laid => ({
    variable,
    layout: { shape: sizes, strides, offset: variable.layout.offset },
  });
  const operands = [
    laid(rows, [0, rows.layout.strides[1]!, rows.layout.strides[0]!]),
    laid(ids, [0, 0, ids.layout.strides[0]!]),
    laid(table, [...table.layout.strides, 0]),
  ];
  const type = table.dtype as WideFloat;
  const native = anchor("scatterInto", { type, mode }, sizes, operands, [{ shape: table.shape, dtype: type }]);
  if (native) return native[0] as T;
  const position = { variable: undefined, layout: { shape: sizes, strides: [1, 0, 0], offset: 0 } };
  const place = { variable: undefined, layout: { shape: sizes, strides: [0, 0, 1], offset: 0 } };
  const base = { variable: table, layout: roleLayout(table, "row", sizes) };
  return fallback(intoOp(type, mode), table, sizes, [operands[0]!, operands[1]!, position, place, base]) as T;
}

const intoOp = (type: DType, mode: "add" | "set"): ProgramOp =>
  rowProgram(`scatterInto${type}${mode}`, () => {
    const row = new RowBuilder();
    const inputs = [
      { kind: "buffer", type, role: "full" },
      { kind: "buffer", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
      { kind: "buffer", type, role: "row" },
    ] as const;
    const [x, id, target, place] = [
      input(0, type, "full"),
      input(1, "int32", "full"),
      input(2, "int32", "full"),
      input(3, "int32", "full"),
    ];
    const base = input(4, type, "row");
    const hit = s.eq(id, target);
    const last = row.max(s.select(hit, place, constant(-1, "int32")));
    const chosen = mode === "add" ? hit : s.eq(place, last);
    const sum = row.sum(s.select(chosen, x, constant(0, type)));
    const expr = mode === "add" ? s.add(base, sum) : s.select(s.lt(last, 0), base, sum);
    return makeProgramOp(
      "scatterInto",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
  });

/** Σ of everything up to each position along the last axis (from the end when `reverse`). */
export function cumulativeSum<T extends Variable>(x: T, reverse: boolean): T {
  if (isHalf(x.dtype)) return inFloat32(x, (wide) => cumulativeSum(wide, reverse));
  const sizes = x.shape;
  const native = anchor(
    "scan",
    { type: x.dtype, reverse },
    sizes,
    [{ variable: x, layout: x.layout }],
    [{ shape: sizes, dtype: x.dtype }],
  );
  const y = native?.[0] ?? fallback(scanOp(x.dtype, reverse), x, ...scanOperands(x));
  if (tracks([x])) {
    record([y], {
      name: "cumsum",
      inputs: [x],
      saved: [],
      backward: ([g]) => [g && cumulativeSum(g as T, !reverse)],
    });
  }
  return y as T;
}

function scanOperands(x: Variable): [Shape, ProgramOperand[]] {
  const sizes = x.shape;
  const n = sizes[sizes.length - 1]!;
  const square = [...sizes, n];
  const along = {
    shape: square,
    strides: [...x.layout.strides.slice(0, -1), 0, x.layout.strides[sizes.length - 1]!],
    offset: x.layout.offset,
  };
  const zeros = square.map(() => 0);
  const place = (axis: number) => ({
    variable: undefined,
    layout: { shape: square, strides: zeros.map((z, i) => (i === axis ? 1 : z)), offset: 0 },
  });
  return [square, [{ variable: x, layout: along }, place(sizes.length - 1), place(sizes.length)]];
}

const scanOp = (type: DType, reverse: boolean): ProgramOp =>
  rowProgram(`scan${type}${reverse}`, () => {
    const row = new RowBuilder();
    const inputs = [
      { kind: "buffer", type, role: "full" },
      { kind: "index", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const [target, source] = [input(1, "int32", "full"), input(2, "int32", "full")];
    const inside = reverse ? s.le(target, source) : s.le(source, target);
    const expr = row.sum(s.select(inside, input(0, type, "full"), constant(0, type)));
    return makeProgramOp(
      "cumsum",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
  });

/** Matrix product in PyTorch's rank rules, batch axes broadcast; operands are checked and of one float dtype. */
export function matmulAny<T extends Variable>(a: T, b: T, batch: Shape): T {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape[b.shape.length - 1]!;
  // One matrix for the whole batch: the batch joins the rows.
  if (b.shape.length === 2 && a.shape.length > 2) {
    const rows = a.shape.slice(0, -1).reduce((x, y) => x * y, 1);
    return reshape(batchedMatmul(reshape(a, [rows, k]), b), [...a.shape.slice(0, -1), n]);
  }
  return batchedMatmul(expand(a, [...batch, m, k]), expand(b, [...batch, k, n]));
}

/** Positions (int32) that sort the last axis, stable, NaN largest. Without a sort anchor: by counting smaller ones. */
export function sortRows<T extends Variable>(x: T, descending: boolean): T {
  if (isHalf(x.dtype)) return sortRows(cast(x, "float32"), descending);
  const sizes = x.shape;
  const outputs = [
    { shape: sizes, dtype: x.dtype },
    { shape: sizes, dtype: "int32" as const },
  ];
  const native = anchor("sort", { type: x.dtype, descending }, sizes, [{ variable: x, layout: x.layout }], outputs);
  if (native) return native[1] as T;
  const rank = sizes.length;
  const n = sizes[rank - 1]!;
  const square = [...sizes, n];
  const { strides, offset } = x.layout;
  const own = { variable: x, layout: { shape: square, strides: [...strides, 0], offset } };
  const other = {
    variable: x,
    layout: { shape: square, strides: [...strides.slice(0, -1), 0, strides[rank - 1]!], offset },
  };
  const place = (axis: number) => ({
    variable: undefined,
    layout: { shape: square, strides: square.map((_, i) => +(i === axis)), offset: 0 },
  });
  const places = [place(rank - 1), place(rank)];
  // How many come before each element is the place it goes to; the inverse of that permutation is what sorts.
  const ranks = applyProgram(rankOp(x.dtype, descending), x, x.device, square, [own, other, ...places], [])[0]!;
  const inverse = {
    variable: ranks,
    layout: { shape: square, strides: [...contiguous(sizes).strides.slice(0, -1), 0, 1], offset: 0 },
  };
  return applyProgram(inverseOp(), x, x.device, square, [inverse, ...places], [])[0]!;
}

const rankOp = (type: DType, descending: boolean): ProgramOp =>
  rowProgram(`rank${type}${descending}`, () => {
    const row = new RowBuilder();
    const inputs = [
      { kind: "buffer", type, role: "full" },
      { kind: "buffer", type, role: "full" },
      { kind: "index", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const [a, b] = [input(0, type, "full"), input(1, type, "full")];
    const float = isFloat(type);
    const number = (e: typeof a) => (type === "bool" ? s.cast(e, "int32") : e);
    const less = (p: typeof a, q: typeof a) => {
      const plain = s.lt(number(p), number(q));
      return float ? s.or(plain, s.and(s.isNaN(q), s.not(s.isNaN(p)))) : plain;
    };
    const before = descending ? less(a, b) : less(b, a);
    const after = descending ? less(b, a) : less(a, b);
    const tie = s.and(s.not(s.or(before, after)), s.lt(input(3, "int32", "full"), input(2, "int32", "full")));
    const expr = row.sum(s.cast(s.or(before, tie), "int32"));
    return makeProgramOp(
      "sort",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
  });

const inverseOp = (): ProgramOp =>
  rowProgram("inverse", () => {
    const row = new RowBuilder();
    const inputs = [
      { kind: "buffer", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const hit = s.eq(input(0, "int32", "full"), input(1, "int32", "full"));
    const expr = row.sum(s.select(hit, input(2, "int32", "full"), 0));
    return makeProgramOp(
      "sort",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
  });
