// Gradient surgery: the sum of task gradients, each projected off the others it is in conflict with.
// A projected gradient is always a mix of the tasks' own, Σₖ cᵢₖ gₖ, and all its products with them follow from the
// products of the gradients among themselves. So the large arrays are read twice, whatever the number of projections,
// and the order of the tasks enters as data: another order records the same operations.

import type { Generator } from "@torchium/tensor";
import { eye, stack, type Tensor, tensor, zeros } from "@torchium/tensor";
import { permutation } from "@torchium/tensor/data";

/** One task's gradients, by parameter; undefined where it does not reach one. */
export type TaskGradients = readonly (Tensor | undefined)[];

/** For each task, the others in the order in which it meets them. */
export const drawOrders = (tasks: number, generator: Generator): number[][] =>
  Array.from({ length: tasks }, (_, task) => {
    const order = permutation(tasks - 1, generator);
    return Array.from(order, (other) => (other < task ? other : other + 1));
  });

/**
 * What each parameter's gradient becomes. Only parameters that two tasks reach take part in the surgery; the rest keep
 * the gradient of the task that reaches them.
 */
export function combineGradients(
  tasks: readonly TaskGradients[],
  orders: readonly (readonly number[])[],
  reduction: "sum" | "mean",
): (Tensor | undefined)[] {
  const count = tasks[0]!.length;
  const reached = Array.from({ length: count }, (_, p) => tasks.filter((gradients) => gradients[p]).length);
  const shared = reached.flatMap((n, p) => (n >= 2 ? [p] : []));
  const sample = shared.length > 0 ? tasks.map((gradients) => gradients[shared[0]!]).find((g) => g) : undefined;
  if (!sample) return reached.map((_, p) => tasks.map((gradients) => gradients[p]).find((g) => g));
  const shares = mixture(gram(tasks, shared, sample), orders).sum(0);
  const weights = reduction === "mean" ? shares.div(tasks.length) : shares;
  return reached.map((n, p) => {
    const parts = tasks.flatMap((gradients, k) => (gradients[p] ? [{ gradient: gradients[p], k }] : []));
    if (n < 2) return parts[0]?.gradient;
    return parts
      .map(({ gradient, k }) => gradient.mul(weights.select(0, k).to(gradient.dtype)))
      .reduce((sum, part) => sum.add(part));
  });
}

/** ⟨gᵢ, gⱼ⟩ over the shared parameters, [task, task]. */
function gram(tasks: readonly TaskGradients[], shared: readonly number[], { dtype, device }: Tensor): Tensor {
  const product = (a: TaskGradients, b: TaskGradients): Tensor => {
    const dots = shared.flatMap((p) => (a[p] && b[p] ? [a[p].mul(b[p]).sum().to(dtype)] : []));
    return dots.length > 0 ? dots.reduce((sum, dot) => sum.add(dot)) : zeros([], { dtype, device });
  };
  const upper = tasks.map((a, i) => tasks.slice(i).map((b) => product(a, b)));
  const entries = tasks.flatMap((_, i) => tasks.map((__, j) => upper[Math.min(i, j)]![Math.abs(i - j)]!));
  return stack(entries, 0).reshape(tasks.length, tasks.length);
}

/** The cᵢₖ, [task, task], after every task has met the others in its order (algorithm 1 of the paper). */
function mixture(products: Tensor, orders: readonly (readonly number[])[]): Tensor {
  const { dtype, device } = products;
  const tasks = orders.length;
  const unit = eye(tasks, { dtype, device });
  const squares = products.mul(unit).sum(0); // [task]
  const meetings = tensor(oneHotOrders(orders), { shape: [tasks - 1, tasks, tasks], dtype, device });
  let mix = unit;
  for (let round = 0; round < tasks - 1; round++) {
    const other = meetings.select(0, round); // row i marks the task that i meets
    const dot = mix.matmul(products).mul(other).sum(1, true); // [task, 1]
    const square = other.mul(squares).sum(1, true);
    const conflict = dot.lt(0).logicalAnd(square.gt(0));
    mix = mix.sub(conflict.where(dot.div(square), 0).mul(other));
  }
  return mix;
}

/** [round, task, task]: 1 where a task meets another in a round. */
function oneHotOrders(orders: readonly (readonly number[])[]): Float32Array {
  const tasks = orders.length;
  const marks = new Float32Array((tasks - 1) * tasks * tasks);
  orders.forEach((order, task) => {
    order.forEach((other, round) => {
      marks[(round * tasks + task) * tasks + other] = 1;
    });
  });
  return marks;
}
