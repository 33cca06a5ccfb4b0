// One step of an LSTM and of a GRU, as what the time loop repeats. Gates come in PyTorch's order.

import { where } from "../../functions.js";
import type { Tensor } from "../../tensor.js";

/** What a step reads: the input's part of the gates, the states, the last state's part of the gates, constants. */
export type CellStep = {
  /** [batch, gates·hidden]: `x W_ihᵀ` with its biases. */
  readonly input: Tensor;
  /** [batch, hidden] each; the first is the output. */
  readonly states: readonly Tensor[];
  /** [batch, gates·hidden]: `h W_hhᵀ`. */
  readonly projected: Tensor;
  /** What `constant` of the cell says, where there are biases. */
  readonly constant: Tensor | undefined;
};

/** A recurrent unit. */
export type Cell = {
  readonly gates: number;
  readonly states: number;
  /** How many of the gates, from the first on, take the hidden bias with the input's; the rest get it as a constant. */
  readonly merged: number;
  readonly step: (s: CellStep) => readonly Tensor[];
};

/** `c' = σ(f)c + σ(i)tanh(g)`, `h' = σ(o)tanh(c')`; gates i, f, g, o (Hochreiter & Schmidhuber 1997). */
export const lstmCell: Cell = {
  gates: 4,
  states: 2,
  merged: 4,
  step: ({ input, states: [, c], projected }) => {
    const [i, f, g, o] = input.add(projected).chunk(4, -1);
    const next = f!.sigmoid().mul(c!).add(i!.sigmoid().mul(g!.tanh()));
    return [o!.sigmoid().mul(next.tanh()), next];
  },
};

/** `n = tanh(x_n + σ(r)(h_n + b))`, `h' = n + σ(z)(h − n)`; gates r, z, n (Cho et al., arXiv 1406.1078, as in cuDNN). */
export const gruCell: Cell = {
  gates: 3,
  states: 1,
  merged: 2,
  step: ({ input, states: [h], projected, constant }) => {
    const [xr, xz, xn] = input.chunk(3, -1);
    const [hr, hz, hn] = projected.chunk(3, -1);
    const inner = constant ? hn!.add(constant) : hn!;
    const n = xn!.add(xr!.add(hr!).sigmoid().mul(inner)).tanh();
    return [n.add(xz!.add(hz!).sigmoid().mul(h!.sub(n)))];
  },
};

/** A step that leaves the states of sequences that have ended as they are, and gives zeros for them. */
export function maskedStep(cell: Cell, s: CellStep, valid: Tensor | undefined): { states: Tensor[]; output: Tensor } {
  const next = cell.step(s);
  if (!valid) return { states: [...next], output: next[0]! };
  return { states: next.map((x, k) => where(valid, x, s.states[k]!)), output: where(valid, next[0]!, 0) };
}
