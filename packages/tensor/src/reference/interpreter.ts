// Evaluates a row program element by element: the living definition of what a kernel computes, and the oracle of the
// tests. Generic in the number system, so that error analysis walks exactly as evaluation does.

import { unreachable } from "../errors.js";
import type { Expr } from "../kernel/expr.js";
import { type Program, variesAlongRow } from "../kernel/program.js";
import { castValue } from "../kernel/scalar-ops.js";
import type { Arithmetic } from "./arithmetic.js";
import { addressOf, forEachIndex, type OperandView } from "./iteration.js";

/**
 * Runs `program` over `sizes` (the row last, at least one axis) with operands in program order, inputs first.
 * An element is read before the outputs at its place are written, so an output may lie exactly on an input.
 */
export function interpret<V>(
  program: Program,
  sizes: readonly number[],
  operands: readonly OperandView<V>[],
  scalars: readonly number[],
  arithmetic: Arithmetic<V>,
): void {
  const rowAxis = sizes.length - 1;
  const length = sizes[rowAxis]!;
  const row: Row<V> = { lane: 0, length, starts: operands.map((o) => o.offset), reduced: [] };
  const address = (operand: number): number => row.starts[operand]! + row.lane * operands[operand]!.strides[rowAxis]!;
  const load = (operand: number): V => {
    const { kind, type } = program.inputs[operand]!;
    const at = address(operand);
    return kind === "index" ? arithmetic.exact(castValue(type, at, "int32"), type) : operands[operand]!.read(at);
  };
  const evaluator = new Evaluator(row, load, scalars, arithmetic);
  const reductions = program.reduces.map(({ op, of }) => ({ op, of, steps: evaluator.plan([of]) }));
  const results = evaluator.plan(program.outputs.map((o) => o.expr));
  const outputs = program.outputs.map(({ role, expr }, k) => {
    const sums = role === "lane" ? Array.from({ length }, () => arithmetic.reducer("sum", expr.type)) : [];
    return { role, expr, operand: program.inputs.length + k, view: operands[program.inputs.length + k]!, sums };
  });

  forEachIndex(sizes.slice(0, -1), (outer) => {
    for (let i = 0; i < operands.length; i++) row.starts[i] = addressOf(operands[i]!, outer);
    row.reduced = [];
    for (const { op, of, steps } of reductions) {
      const reducer = arithmetic.reducer(op, of.type);
      runAll(steps.perRow);
      for (row.lane = 0; row.lane < length; row.lane++) {
        runAll(steps.perLane);
        reducer.add(evaluator.value(of));
      }
      row.reduced.push(reducer.result());
    }
    row.lane = 0;
    runAll(results.perRow);
    for (const o of outputs) if (o.role === "row") o.view.write(address(o.operand), evaluator.value(o.expr));
    for (row.lane = 0; row.lane < length; row.lane++) {
      runAll(results.perLane);
      for (const o of outputs) {
        if (o.role === "full") o.view.write(address(o.operand), evaluator.value(o.expr));
        if (o.role === "lane") o.sums[row.lane]!.add(evaluator.value(o.expr));
      }
    }
  });
  for (const { view, sums } of outputs) {
    sums.forEach((sum, lane) => {
      view.write(view.offset + lane * view.strides[rowAxis]!, sum.result());
    });
  }
}

/** The row under evaluation. */
type Row<V> = {
  lane: number;
  readonly length: number;
  /** Address of each operand at the row's first element. */
  readonly starts: number[];
  /** Results of the reductions so far. */
  reduced: V[];
};

type Step = () => void;
/** What to evaluate for some expressions: once at the start of a row, and once for each of its elements. */
type Steps = { readonly perRow: readonly Step[]; readonly perLane: readonly Step[] };

function runAll(steps: readonly Step[]): void {
  for (const step of steps) step();
}

/** Turns expressions into steps. Every expression has a slot; its step fills the slot from those of its operands. */
class Evaluator<V> {
  readonly #row: Row<V>;
  readonly #load: (operand: number) => V;
  readonly #scalars: readonly number[];
  readonly #arithmetic: Arithmetic<V>;
  readonly #values: V[] = [];
  readonly #slots = new Map<Expr, number>();
  readonly #varies = new Map<Expr, boolean>();

  constructor(row: Row<V>, load: (operand: number) => V, scalars: readonly number[], arithmetic: Arithmetic<V>) {
    this.#row = row;
    this.#load = load;
    this.#scalars = scalars;
    this.#arithmetic = arithmetic;
  }

  /** The value of a planned expression, once its steps have run. */
  value(e: Expr): V {
    return this.#values[this.#slots.get(e)!]!;
  }

  /** The steps that evaluate `roots`, operands first. */
  plan(roots: readonly Expr[]): Steps {
    const perRow: Step[] = [];
    const perLane: Step[] = [];
    const seen = new Set<Expr>();
    const visit = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.kind === "apply") e.args.forEach(visit);
      (variesAlongRow(e, this.#varies) ? perLane : perRow).push(this.#step(e));
    };
    roots.forEach(visit);
    return { perRow, perLane };
  }

  #slot(e: Expr): number {
    const slot = this.#slots.get(e) ?? this.#slots.size;
    this.#slots.set(e, slot);
    return slot;
  }

  #step(e: Expr): Step {
    const compute = this.#closure(e);
    const slot = this.#slot(e);
    return () => {
      this.#values[slot] = compute();
    };
  }

  #closure(e: Expr): () => V {
    const arithmetic = this.#arithmetic;
    switch (e.kind) {
      case "const":
        return () => arithmetic.literal(e.value, e.type);
      case "scalar": {
        const value = this.#scalars[e.index] ?? unreachable(`no launch scalar ${e.index}`);
        return () => arithmetic.literal(value, e.type);
      }
      case "rowSize":
        return () => arithmetic.exact(castValue(e.type, this.#row.length, "int32"), e.type);
      case "input":
        return () => this.#load(e.index);
      case "reduced":
        return () => this.#row.reduced[e.index]!;
      case "apply": {
        const slots = e.args.map((a) => this.#slot(a));
        const operandType = e.args[e.op === "select" ? 1 : 0]!.type;
        return () =>
          arithmetic.apply(
            e.op,
            e.type,
            operandType,
            slots.map((slot) => this.#values[slot]!),
          );
      }
    }
  }
}
