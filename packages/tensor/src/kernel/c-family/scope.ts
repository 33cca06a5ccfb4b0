// Expressions become statements, each computed once, in the outermost scope in which it does not change: what a launch
// shares, what a row shares, what belongs to one element.

import { unreachable } from "../../errors.js";
import { type Expr, visit } from "../expr.js";
import type { Source } from "./source.js";

/** An expression that is no operation and no literal: the schedule says where its value is. */
export type Leaf = Exclude<Expr, { readonly kind: "apply" | "const" }>;

/** The text of a leaf's value where the scope's statements run. Each leaf is asked for once a scope. */
export type LeafText = (leaf: Leaf) => string;

/** A block of statements. */
export class Scope {
  /** Statements in order. Schedules add their own with `push`. */
  readonly lines: string[] = [];
  readonly #source: Source;
  readonly #leaf: LeafText;
  readonly #outer: Scope | undefined;
  readonly #varies: (leaf: Leaf) => boolean;
  readonly #names = new Map<Expr, string>();
  readonly #own = new Map<Expr, boolean>();

  /** An outermost scope: everything that is asked of it is computed in it. */
  constructor(source: Source, leaf: LeafText, outer?: Scope, varies: (leaf: Leaf) => boolean = () => true) {
    this.#source = source;
    this.#leaf = leaf;
    this.#outer = outer;
    this.#varies = varies;
  }

  /**
   * A scope inside this one, such as the body of a loop. Expressions that hold no leaf for which `varies` is true are
   * computed in this scope instead, so its statements must come before the inner ones.
   */
  inner(leaf: LeafText, varies: (leaf: Leaf) => boolean): Scope {
    return new Scope(this.#source, leaf, this, varies);
  }

  /** Adds statements. */
  push(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  /** Says which name holds the value of an expression, such as the result of a reduction. */
  define(e: Expr, name: string): void {
    this.#names.set(e, name);
  }

  /** A name or literal that holds the value of an expression; adds the statements that compute it. */
  value(e: Expr): string {
    const { dialect } = this.#source;
    if (e.kind === "const") return dialect.literal(e.value, e.type);
    const known = this.#known(e);
    if (known !== undefined) return known;
    if (this.#outer && !this.#isOwn(e)) return this.#outer.value(e);
    if (e.kind === "apply" && e.op === "detach") return this.value(e.args[0]!);
    const text =
      e.kind === "apply"
        ? this.#source.operation(
            e,
            e.args.map((a) => this.value(a)),
          )
        : this.#leaf(e);
    const name = this.#source.name("v");
    this.lines.push(dialect.constant(e.type, name, text));
    this.#names.set(e, name);
    return name;
  }

  #known(e: Expr): string | undefined {
    return this.#names.get(e) ?? (this.#outer ? this.#outer.#known(e) : undefined);
  }

  #isOwn(e: Expr): boolean {
    const known = this.#own.get(e);
    if (known !== undefined) return known;
    visit(e, new Set(this.#own.keys()), (x) => {
      if (x.kind === "apply")
        this.#own.set(
          x,
          x.args.some((a) => this.#own.get(a) ?? false),
        );
      else this.#own.set(x, x.kind !== "const" && this.#varies(x));
    });
    return this.#own.get(e) ?? unreachable("an expression that was not visited");
  }
}
