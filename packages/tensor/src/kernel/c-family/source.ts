// The text of one kernel while it is written: fresh names, and the helper functions that its operations called.

import { unreachable } from "../../errors.js";
import type { Expr } from "../expr.js";
import type { ReduceOp } from "../program.js";
import { joinOf } from "../reductions.js";
import type { Dialect } from "./dialect.js";

/** An operation expression. */
type Operation = Extract<Expr, { readonly kind: "apply" }>;

/** What the scopes of one kernel share. */
export class Source {
  readonly dialect: Dialect;
  readonly #helpers = new Set<string>();
  #names = 0;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  /** A name that no other part of the kernel has. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  /** The expression of an operation whose operands are `args`. */
  operation(e: Operation, args: readonly string[]): string {
    if (e.op === "detach") return args[0]!;
    const operand = e.args[e.op === "select" ? 1 : 0]!.type;
    return this.dialect.ops[e.op](args, { result: e.type, operand }, this.#need);
  }

  /** The expression that joins two values as a reduction does. */
  join(op: ReduceOp, type: Expr["type"], a: string, b: string): string {
    return this.dialect.ops[joinOf[op]]([a, b], { result: type, operand: type }, this.#need);
  }

  /** Asks for a helper by name, for text that a schedule writes itself. */
  need(helper: string): string {
    return this.#need(helper);
  }

  /** Definitions of the helpers asked for so far, each behind those that it calls. */
  helpers(): string[] {
    return [...this.#helpers].map((name) => this.dialect.helpers[name]!.source);
  }

  readonly #need = (name: string): string => {
    if (this.#helpers.has(name)) return name;
    const helper = this.dialect.helpers[name] ?? unreachable(`the dialect has no helper ${name}`);
    for (const other of helper.needs ?? []) this.#need(other);
    this.#helpers.add(name);
    return name;
  };
}
