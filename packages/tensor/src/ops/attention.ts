// Attention as one operation, for devices that have a kernel for it: no array of queries × keys is stored, in neither
// direction. What it means is `composedGradient` and the softmax it starts from; the gradient of the gradient is theirs.

import { asFactor, productType } from "../autograd/autocast.js";
import { cast } from "../autograd/cast.js";
import { gradEnabled } from "../autograd/mode.js";
import { record, type Variable } from "../autograd/variable.js";
import { reshape, tracks } from "../autograd/views.js";
import type { AttentionAttributes } from "../backend/backend.js";
import { isHalf } from "../dtype.js";
import type { Layout } from "../shape.js";
import { anchor } from "./anchors/anchor.js";
import { batchedMatmul, transposeLast } from "./anchors/matmul.js";
import { mul, sub } from "./arithmetic.js";
import { positions } from "./indexing.js";
import { causalSoftmaxRow, scaledSoftmaxRow } from "./masked-softmax.js";
import { sumRow } from "./rows.js";

// How values are weighed.
type FusedAttentionOptions = Omit<AttentionAttributes, "type">;

/** Queries [batch…, L, E], keys [batch…, S, E] and values [batch…, S, V]. */
type Operands<T> = readonly [query: T, key: T, value: T];

/**
 * softmax(scale · q kᵀ) v, [batch…, L, V], of operands with the same batch axes; with `causal` query i sees keys 0 to i.
 * A product: inside autocast it is computed in 16 bits. Undefined where the device has no kernel for these operands, or
 * says that it would not pay.
 */
export function fusedAttention<T extends Variable>(given: Operands<T>, options: FusedAttentionOptions): T | undefined {
  const [query, , value] = given;
  const { device } = query;
  const type = productType(query.dtype);
  const batch = query.shape.slice(0, -2);
  const fits = given.every(
    ({ shape, dtype, device: own }) =>
      productType(dtype) === type &&
      own === device &&
      shape.length === query.shape.length &&
      !shape.includes(0) &&
      batch.every((size, axis) => size === shape[axis]),
  );
  if (!fits || !(type === "float32" || isHalf(type))) return undefined;
  const attributes: AttentionAttributes = { type, ...options };
  const sizes = spaceOf(given);
  const call = { op: "attention", attributes, rank: sizes.length } as const;
  if (!device.prefers(call, sizes, tracks(given))) return undefined;
  const operands = given.map((x) => asFactor(x, type)) as unknown as Operands<T>;
  const shape = [...batch, query.shape.at(-2)!, value.shape.at(-1)!];
  const [joined, logTotal] = anchor("attention", attributes, sizes, laid(sizes, operands), [
    { shape: withHeadsInRows(shape), dtype: type },
    { shape: shape.slice(0, -1), dtype: "float32" },
  ]) as unknown as readonly [T, T];
  const y = withHeadsOutside(joined);
  if (tracks(operands)) {
    record([y], {
      name: "attention",
      inputs: operands,
      saved: [...operands, y, logTotal],
      backward: ([gradient]) =>
        gradEnabled()
          ? composedGradient(operands, logTotal, gradient as T, options)
          : fusedGradient(operands, [y, logTotal], gradient as T, attributes),
    });
  }
  return y;
}

function fusedGradient<T extends Variable>(
  operands: Operands<T>,
  [y, logTotal]: readonly [T, T],
  gradient: T,
  attributes: AttentionAttributes,
): readonly Variable[] {
  const sizes = spaceOf(operands);
  const rank = sizes.length;
  const inputs = [
    ...laid(sizes, operands),
    { variable: y, layout: over(sizes, y, [rank - 4, rank - 1]) },
    { variable: logTotal, layout: over(sizes, logTotal, [rank - 4]) },
    { variable: gradient, layout: over(sizes, gradient, [rank - 4, rank - 1]) },
  ];
  const outputs = operands.map(({ shape }) => ({ shape: withHeadsInRows(shape), dtype: attributes.type }));
  const native = anchor("attentionGradient", attributes, sizes, inputs, outputs);
  return native?.map(withHeadsOutside) ?? composedGradient(operands, logTotal, gradient, attributes);
}

/** The gradients of queries, keys and values, made of differentiable operations in float32. */
function composedGradient<T extends Variable>(
  operands: Operands<T>,
  logTotal: T,
  arriving: T,
  { causal, scale }: FusedAttentionOptions,
): readonly T[] {
  const [query, key, value, gradient] = [...operands, arriving].map((x) => cast(x, "float32")) as [T, T, T, T];
  const scores = batchedMatmul(query, transposeLast(key));
  const last = logTotal.shape.length - 1;
  const weights = causal
    ? causalSoftmaxRow([scores, positions(logTotal, last)], [scale])
    : scaledSoftmaxRow([scores], [scale]);
  const arrived = batchedMatmul(gradient, transposeLast(value));
  const mean = reshape(sumRow([mul(weights, arrived) as T]), [...logTotal.shape, 1]);
  const changes = mul(mul(weights, sub(arrived, mean)), scale) as T;
  return [
    batchedMatmul(changes, key),
    batchedMatmul(transposeLast(changes), query),
    batchedMatmul(transposeLast(weights), gradient),
  ].map((x) => cast(x, arriving.dtype));
}

// The anchors' matrices lie with their last batch axis, the heads, inside the rows: so joined heads, [batch, L, heads · V], are
// a view of them.
const withHeadsInRows = <X>(axes: readonly X[]): readonly X[] =>
  axes.length < 3 ? axes : [...axes.slice(0, -3), axes.at(-2)!, axes.at(-3)!, axes.at(-1)!];

/** What lies so, with its axes in the order of the operands'. */
function withHeadsOutside<T extends Variable>(x: T): T {
  const { value, dtype, device, layout } = x;
  const [shape, strides] = [withHeadsInRows(layout.shape), withHeadsInRows(layout.strides)];
  return x.make({ value, dtype, device, layout: { shape, strides, offset: layout.offset } }) as T;
}

// [batch…, L, S, E, V].
function spaceOf([query, , value]: Operands<Variable>): readonly number[] {
  const [queries, width] = query.shape.slice(-2) as [number, number];
  const [keys, valueWidth] = value.shape.slice(-2) as [number, number];
  return [...query.shape.slice(0, -2), queries, keys, width, valueWidth];
}

const laid = (sizes: readonly number[], [query, key, value]: Operands<Variable>) => {
  const first = sizes.length - 4;
  return [
    { variable: query, layout: over(sizes, query, [first, first + 2]) },
    { variable: key, layout: over(sizes, key, [first + 1, first + 2]) },
    { variable: value, layout: over(sizes, value, [first + 1, first + 3]) },
  ];
};

/** A variable over the space: its last axes lie along `axes`, those before are the batch's. */
function over(sizes: readonly number[], { layout }: Variable, axes: readonly number[]): Layout {
  const batch = sizes.length - 4;
  const strides = [...layout.strides.slice(0, batch), 0, 0, 0, 0];
  axes.forEach((axis, i) => {
    strides[axis] = layout.strides[batch + i]!;
  });
  return { shape: sizes, strides, offset: layout.offset };
}
