// Matrix products as anchors: operands are checked, and of one float dtype.

import { cast } from "../../autograd/cast.js";
import { record, type Variable } from "../../autograd/variable.js";
import { expand, permute, reshape, tracks } from "../../autograd/views.js";
import { type DType, type FloatType, isHalf } from "../../dtype.js";
import * as s from "../../kernel/scalar.js";
import type { Layout, Shape } from "../../shape.js";
import { anchor, element, fallback, inFloat32, perRow } from "./anchor.js";

/** Σ_k a·b as a row program: the fallback of matmul. */
const productOp = (type: DType) =>
  perRow("matmul", type, [element(type), element(type)], (row, a, b) => row.sum(s.mul(a!, b!)));

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
