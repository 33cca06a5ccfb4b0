// Tensor: a thin handle on a graph value. Methods are one-line calls to ops; nothing is computed before a value is read.

import { type BackwardOptions, backward, freeGradient, savedBelow } from "./autograd/backward.js";
import { withGrad } from "./autograd/mode.js";
import { sameDevice } from "./autograd/program-op.js";
import { Variable, type VariableInit } from "./autograd/variable.js";
import { clone, dense } from "./autograd/views.js";
import { checkDType, type DataArray, type DType, isFloat, roundData } from "./dtype.js";
import { argumentError, TensorError } from "./errors.js";
import { Device } from "./graph/device.js";
import { leafNode, type Node } from "./graph/node.js";
import { recorder } from "./graph/recorder.js";
import * as ops from "./ops/index.js";
import type { Dims, Keepdim, Spread } from "./ops/reduce.js";
import { defaultGenerator, type Generator } from "./random.js";
import { checkAxis, contiguous, type Shape, sameShape, sizeOf } from "./shape.js";

/** Nested arrays of numbers or booleans, as `toArray` gives. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** An n-dimensional array on a device. Operations are recorded and run when a value is read or an update needs it. */
export class Tensor extends Variable {
  /** @internal */
  override make(init: VariableInit): this {
    return new Tensor(init) as this;
  }

  /** The shape, or the size of one dim. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    return dim === undefined ? this.shape : this.shape[checkAxis("size", dim, this.shape.length)]!;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get numel(): number {
    return sizeOf(this.shape);
  }

  /** Whether gradients flow to this tensor. */
  get requiresGrad(): boolean {
    return this.tracked;
  }
  set requiresGrad(on: boolean) {
    if (this.gradFn) throw new TensorError("state", "requiresGrad: only a leaf can change it; use detach()");
    if (on && !isFloat(this.dtype)) {
      throw new TensorError("dtype", `requiresGrad: only floating tensors have gradients, got ${this.dtype}`);
    }
    if (on) makeLeaf(this);
    this.tracked = on;
  }

  /** Whether the tensor was made by the user rather than by a recorded operation. */
  get isLeaf(): boolean {
    return this.gradFn === undefined;
  }

  /**
   * The gradient that backward passes have added up, for leaves that require one. Undefined for a row-sparse one: see
   * `rowGradientOf`.
   */
  get grad(): Tensor | undefined {
    if (this.gradient) this.gradient.exposed = true;
    return this.gradient as Tensor | undefined;
  }
  set grad(value: Tensor | undefined) {
    if (value !== undefined) sameDevice("grad", [this, value]);
    if (value && !sameShape(value.shape, this.shape)) throw ops.shapeMismatch("grad", this.shape, value.shape);
    if (this.gradient && this.gradient !== value) freeGradient(this.gradient);
    this.gradient = value;
    this.rowGradients = [];
  }

  /** Adds d(this)/d(leaf), times `gradient` for tensors that are no scalars, to every leaf's `grad`. */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    backward<Tensor>(this, gradient, options);
  }

  /** The same values, with no history. */
  detach(): Tensor {
    return this.make({ value: this.value, layout: this.layout, dtype: this.dtype, device: this.device });
  }

  /** The values, row-major. Runs what is pending. A bool comes as a Uint8Array of 0 and 1. */
  async data(): Promise<DataArray> {
    const whole = withGrad("data", false, () => dense<Tensor>(this));
    this.device.check();
    // Gradients that wait would, one by one and later, repeat the passes that they and this come from.
    const saved = [...(this.tracked ? savedBelow(this) : []), ...this.device.gradients];
    this.device.realize([whole.value], saved);
    const data = await this.device.read(whole.value);
    await yieldToHost();
    return data.slice() as DataArray;
  }

  /** The only element. @throws TensorError `shape` when there are more */
  async item(): Promise<number> {
    if (this.numel !== 1) throw ops.shapeMismatch("item", [1], this.shape);
    return (await this.data())[0]!;
  }

  /** The values as nested arrays; a number or boolean for a scalar. */
  async toArray(): Promise<NestedArray> {
    const data = await this.data();
    const bool = this.dtype === "bool";
    let at = 0;
    const nest = (axis: number): NestedArray => {
      if (axis === this.shape.length) return bool ? data[at++] === 1 : data[at++]!;
      return Array.from({ length: this.shape[axis]! }, () => nest(axis + 1));
    };
    return nest(0);
  }

  /** The tensor on another device, or in another dtype. */
  to(target: DType): Tensor;
  to(target: Device): Promise<Tensor>;
  to(target: DType | Device): Tensor | Promise<Tensor> {
    if (!(target instanceof Device)) return ops.cast<Tensor>(this, checkDType("to", target));
    if (target === this.device) return Promise.resolve(this);
    return this.data().then((host) => {
      const moved = fromHost(host, this.shape, this.dtype, target);
      if (this.isLeaf && this.tracked) moved.requiresGrad = true;
      return moved;
    });
  }

  /** Frees the device memory of a realized tensor now rather than at garbage collection. */
  dispose(): void {
    const { node, index } = this.value;
    const data = node.leaves?.[index] ?? node;
    if (data.op.kind !== "leaf") return;
    this.device.release(data);
    data.host = undefined;
    data.stale = "dispose()";
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Overwrites this leaf with a value of its shape. Other unread tensors that depend on the old value become stale. */
  assign(value: Tensor): this {
    assignAll([[this, value]], "assign");
    return this;
  }

  /** One-line description. Values need `await`. */
  override toString(): string {
    return `Tensor(shape=[${this.shape.join(", ")}], dtype=${this.dtype}, device=${this.device.name})`;
  }

  /** What Node prints: not the graph behind the tensor. */
  /** Text in a template; anything else is a slip: JavaScript has no operators on tensors. @throws TensorError `argument` */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    const message = "tensor: + and other operators do not work on tensors, expected methods: x.add(1), x.lt(y)";
    throw new TensorError("argument", message);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  // Arithmetic and comparison, with broadcasting; operands are tensors or numbers.
  add(other: Tensor | number): Tensor {
    return ops.add<Tensor>(this, other);
  }
  sub(other: Tensor | number): Tensor {
    return ops.sub<Tensor>(this, other);
  }
  mul(other: Tensor | number): Tensor {
    return ops.mul<Tensor>(this, other);
  }
  div(other: Tensor | number): Tensor {
    return ops.div<Tensor>(this, other);
  }
  floorDivide(other: Tensor | number): Tensor {
    return ops.floorDivide<Tensor>(this, other);
  }
  remainder(other: Tensor | number): Tensor {
    return ops.remainder<Tensor>(this, other);
  }
  pow(exponent: Tensor | number): Tensor {
    return ops.pow<Tensor>(this, exponent);
  }
  minimum(other: Tensor | number): Tensor {
    return ops.minimum<Tensor>(this, other);
  }
  maximum(other: Tensor | number): Tensor {
    return ops.maximum<Tensor>(this, other);
  }
  eq(other: Tensor | number): Tensor {
    return ops.eq<Tensor>(this, other);
  }
  ne(other: Tensor | number): Tensor {
    return ops.ne<Tensor>(this, other);
  }
  lt(other: Tensor | number): Tensor {
    return ops.lt<Tensor>(this, other);
  }
  le(other: Tensor | number): Tensor {
    return ops.le<Tensor>(this, other);
  }
  gt(other: Tensor | number): Tensor {
    return ops.gt<Tensor>(this, other);
  }
  ge(other: Tensor | number): Tensor {
    return ops.ge<Tensor>(this, other);
  }
  logicalAnd(other: Tensor | number): Tensor {
    return ops.logicalAnd<Tensor>(this, other);
  }
  logicalOr(other: Tensor | number): Tensor {
    return ops.logicalOr<Tensor>(this, other);
  }
  logicalXor(other: Tensor | number): Tensor {
    return ops.logicalXor<Tensor>(this, other);
  }
  logicalNot(): Tensor {
    return ops.logicalNot<Tensor>(this);
  }
  /** a where this is non-zero, else b. */
  where(a: Tensor | number, b: Tensor | number): Tensor {
    return ops.where<Tensor>(this, a, b);
  }
  /** `value` where the mask is non-zero, else this. */
  maskedFill(mask: Tensor, value: Tensor | number): Tensor {
    return ops.maskedFill<Tensor>(this, mask, value);
  }
  clamp(low?: number, high?: number): Tensor {
    return ops.clamp<Tensor>(this, low, high);
  }
  lerp(end: Tensor, weight: Tensor | number): Tensor {
    return ops.lerp<Tensor>(this, end, weight);
  }

  // Elementary functions and activations.
  neg(): Tensor {
    return ops.neg<Tensor>(this);
  }
  abs(): Tensor {
    return ops.abs<Tensor>(this);
  }
  sign(): Tensor {
    return ops.sign<Tensor>(this);
  }
  exp(): Tensor {
    return ops.exp<Tensor>(this);
  }
  expm1(): Tensor {
    return ops.expm1<Tensor>(this);
  }
  log(): Tensor {
    return ops.log<Tensor>(this);
  }
  log1p(): Tensor {
    return ops.log1p<Tensor>(this);
  }
  sqrt(): Tensor {
    return ops.sqrt<Tensor>(this);
  }
  rsqrt(): Tensor {
    return ops.rsqrt<Tensor>(this);
  }
  square(): Tensor {
    return ops.square<Tensor>(this);
  }
  reciprocal(): Tensor {
    return ops.reciprocal<Tensor>(this);
  }
  sin(): Tensor {
    return ops.sin<Tensor>(this);
  }
  cos(): Tensor {
    return ops.cos<Tensor>(this);
  }
  floor(): Tensor {
    return ops.floor<Tensor>(this);
  }
  ceil(): Tensor {
    return ops.ceil<Tensor>(this);
  }
  round(): Tensor {
    return ops.round<Tensor>(this);
  }
  trunc(): Tensor {
    return ops.trunc<Tensor>(this);
  }
  erf(): Tensor {
    return ops.erf<Tensor>(this);
  }
  tanh(): Tensor {
    return ops.tanh<Tensor>(this);
  }
  sigmoid(): Tensor {
    return ops.sigmoid<Tensor>(this);
  }
  relu(): Tensor {
    return ops.relu<Tensor>(this);
  }
  isnan(): Tensor {
    return ops.isnan<Tensor>(this);
  }
  isfinite(): Tensor {
    return ops.isfinite<Tensor>(this);
  }
  log2(): Tensor {
    return ops.log2<Tensor>(this);
  }
  logSigmoid(): Tensor {
    return ops.logSigmoid<Tensor>(this);
  }
  dropout(p = 0.5, generator: Generator = defaultGenerator()): Tensor {
    return ops.dropout<Tensor>(this, p, generator);
  }

  // Reductions; without dims, over everything.
  sum(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.sum<Tensor>(this, dims, keepdim);
  }
  mean(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.mean<Tensor>(this, dims, keepdim);
  }
  prod(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.prod<Tensor>(this, dims, keepdim);
  }
  amax(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.amax<Tensor>(this, dims, keepdim);
  }
  amin(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.amin<Tensor>(this, dims, keepdim);
  }
  /** The largest of all, or the largest along a dim with their positions. */
  max(): Tensor;
  max(dim: number, keepdim?: Keepdim): { readonly values: Tensor; readonly indices: Tensor };
  max(dim?: number, keepdim: Keepdim = false): Tensor | { readonly values: Tensor; readonly indices: Tensor } {
    return dim === undefined ? ops.amax<Tensor>(this) : ops.extreme<Tensor>(this, dim, keepdim, "max");
  }
  /** The smallest of all, or the smallest along a dim with their positions. */
  min(): Tensor;
  min(dim: number, keepdim?: Keepdim): { readonly values: Tensor; readonly indices: Tensor };
  min(dim?: number, keepdim: Keepdim = false): Tensor | { readonly values: Tensor; readonly indices: Tensor } {
    return dim === undefined ? ops.amin<Tensor>(this) : ops.extreme<Tensor>(this, dim, keepdim, "min");
  }
  argmax(dim?: number, keepdim: Keepdim = false): Tensor {
    return ops.argmax<Tensor>(this, dim, keepdim);
  }
  argmin(dim?: number, keepdim: Keepdim = false): Tensor {
    return ops.argmin<Tensor>(this, dim, keepdim);
  }
  logsumexp(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.logsumexp<Tensor>(this, dims, keepdim);
  }
  /** Divides by n − correction, 1 unless given. */
  var(dims?: Dims, options: Spread = false, correction = 1): Tensor {
    return ops.variance<Tensor>(this, dims, options, correction);
  }
  /** Divides by n − correction, 1 unless given. */
  std(dims?: Dims, options: Spread = false, correction = 1): Tensor {
    return ops.std<Tensor>(this, dims, options, correction);
  }
  norm(p = 2, dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.norm<Tensor>(this, p, dims, keepdim);
  }
  any(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.any<Tensor>(this, dims, keepdim);
  }
  all(dims?: Dims, keepdim: Keepdim = false): Tensor {
    return ops.all<Tensor>(this, dims, keepdim);
  }
  cumsum(dim: number): Tensor {
    return ops.cumsum<Tensor>(this, dim);
  }
  softmax(dim: number): Tensor {
    return ops.softmax<Tensor>(this, dim);
  }
  logSoftmax(dim: number): Tensor {
    return ops.logSoftmax<Tensor>(this, dim);
  }
  sort(
    dim = -1,
    options: boolean | { readonly descending?: boolean } = false,
  ): { readonly values: Tensor; readonly indices: Tensor } {
    return ops.sort<Tensor>(this, dim, options);
  }
  topk(
    k: number,
    dim = -1,
    options: boolean | { readonly largest?: boolean } = true,
  ): { readonly values: Tensor; readonly indices: Tensor } {
    return ops.topk<Tensor>(this, k, dim, options);
  }

  // Products.
  matmul(other: Tensor): Tensor {
    return ops.matmul<Tensor>(this, other);
  }
  bmm(other: Tensor): Tensor {
    return ops.bmm<Tensor>(this, other);
  }

  // Shape.
  reshape(...shape: readonly number[] | [Shape]): Tensor {
    return ops.reshape<Tensor>(this, shape.flat() as Shape);
  }
  /** Same as reshape: a view where strides allow, else a copy. */
  view(...shape: readonly number[] | [Shape]): Tensor {
    return ops.reshape<Tensor>(this, shape.flat() as Shape);
  }
  flatten(from = 0, to = -1): Tensor {
    return ops.flatten<Tensor>(this, from, to);
  }
  transpose(first: number, second: number): Tensor {
    return ops.transpose<Tensor>(this, first, second);
  }
  /** The last two axes swapped. */
  get T(): Tensor {
    return ops.transpose<Tensor>(this, -2, -1);
  }
  permute(...order: readonly number[] | [readonly number[]]): Tensor {
    return ops.permute<Tensor>(this, order.flat() as number[]);
  }
  squeeze(dims?: number | readonly number[]): Tensor {
    return ops.squeeze<Tensor>(this, dims);
  }
  unsqueeze(dim: number): Tensor {
    return ops.unsqueeze<Tensor>(this, dim);
  }
  expand(...shape: readonly number[] | [Shape]): Tensor {
    return ops.expand<Tensor>(this, shape.flat() as Shape);
  }
  slice(dim: number, start?: number, end?: number, step = 1): Tensor {
    return ops.slice<Tensor>(this, dim, start, end, step);
  }
  narrow(dim: number, start: number, length: number): Tensor {
    return ops.narrow<Tensor>(this, dim, start, length);
  }
  select(dim: number, index: number): Tensor {
    return ops.select<Tensor>(this, dim, index);
  }
  flip(dims: number | readonly number[]): Tensor {
    return ops.flip<Tensor>(this, dims);
  }
  split(sizes: number | readonly number[], dim = 0): Tensor[] {
    return ops.split<Tensor>(this, sizes, dim);
  }
  chunk(count: number, dim = 0): Tensor[] {
    return ops.chunk<Tensor>(this, count, dim);
  }
  contiguous(): Tensor {
    return dense<Tensor>(this);
  }
  /** A copy in memory of its own; `keep` it if it is to outlive an update unread. Gradients flow through. */
  clone(): Tensor {
    return clone<Tensor>(this);
  }
  pad(dim: number, before: number, after: number, value = 0): Tensor {
    return ops.pad<Tensor>(this, dim, before, after, value);
  }
  repeat(times: readonly number[]): Tensor {
    return ops.repeat<Tensor>(this, times);
  }
  roll(shift: number, dim: number): Tensor {
    return ops.roll<Tensor>(this, shift, dim);
  }
  tril(diagonal = 0): Tensor {
    return ops.tril<Tensor>(this, diagonal);
  }
  triu(diagonal = 0): Tensor {
    return ops.triu<Tensor>(this, diagonal);
  }

  // Indexing.
  gather(dim: number, ids: Tensor): Tensor {
    return ops.gather<Tensor>(this, dim, ids);
  }
  scatterAdd(dim: number, ids: Tensor, source: Tensor): Tensor {
    return ops.scatterAdd<Tensor>(this, dim, ids, source);
  }
  indexSelect(dim: number, ids: Tensor): Tensor {
    return ops.indexSelect<Tensor>(this, dim, ids);
  }
  /** A copy with `value` written from `start` on along dim. */
  sliceAssign(value: Tensor, dim: number, start: number): Tensor {
    return ops.sliceAssign<Tensor>(this, value, dim, start);
  }
  oneHot(classes: number, dtype?: DType): Tensor {
    return ops.oneHot<Tensor>(this, classes, dtype);
  }
}

let reads = 0;

/** Lets timers, signals and finalizers run now and then: a loop that only awaits settled promises never would. */
async function yieldToHost(): Promise<void> {
  if (++reads % 16 === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}

/** A leaf tensor over host data, which it takes over. */
export const fromHost = (host: DataArray, shape: Shape, dtype: DType, device: Device): Tensor =>
  new Tensor({
    value: { node: leafNode(shape, dtype, { host: roundData(dtype, host) }), index: 0 },
    layout: contiguous(shape),
    dtype,
    device,
  });

/** Runs what a tensor waits for, so that it can be a leaf: it then depends on nothing. */
export function makeLeaf(t: Tensor): void {
  const whole = withGrad("makeLeaf", false, () => dense<Tensor>(t));
  if (whole !== t) throw new TensorError("state", "requiresGrad: a view cannot become a leaf; call contiguous() first");
  t.device.realize([t.value]);
  const data = t.value.node.leaves?.[t.value.index];
  if (data) t.value = { node: data, index: 0 };
}

/** Overwrites leaves with values of their shapes, all computed from the old ones, in one submission. */
export function assignAll(pairs: readonly (readonly [Tensor, Tensor])[], op: string): void {
  if (typeof op !== "string") throw argumentError("assignAll", "op", "a name for errors", op);
  if (!Array.isArray(pairs) || !pairs.every(Array.isArray))
    throw argumentError(op, "pairs", "a list of [leaf, value]", pairs);
  const first = pairs[0];
  if (!first) return;
  for (const [target, value] of pairs) sameDevice(op, [target, value]);
  const updates = pairs.map(([target, value]) => {
    if (!sameShape(target.shape, value.shape)) throw ops.shapeMismatch(op, target.shape, value.shape);
    if (!target.isLeaf) throw new TensorError("state", `${op}: only a leaf can be overwritten`, { op });
    if (target.dtype !== value.dtype)
      throw new TensorError("dtype", `${op}: dtypes differ, got ${value.dtype}, expected ${target.dtype}`, { op });
    makeLeaf(target);
    return { target: target.value.node, value: withGrad(op, false, () => dense(value)).value };
  });
  const nodes = first[0].device.update(updates, op);
  const noted = recorder();
  pairs.forEach(([target], i) => {
    const node = nodes[i]!;
    target.value = { node, index: 0 };
    noted?.holders.set(node.storage!, target);
  });
}

/** The node that holds a realized tensor's data. */
export const dataNodeOf = (t: Tensor): Node => t.value.node.leaves?.[t.value.index] ?? t.value.node;
