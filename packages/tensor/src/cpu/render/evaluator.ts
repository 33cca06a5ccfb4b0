// Turns the expressions of a program into values in registers, each computed at the outermost level it can be: once a
// launch, once a row, once a run of elements. A level is a frame; frames are entered from the outside in, and what
// belongs to an outer frame must be hoisted there before an inner one is entered.

import { unreachable } from "../../errors.js";
import type { Expr } from "../../kernel/expr.js";
import type { Program } from "../../kernel/program.js";
import { type FunctionBuilder, i32, type Operand } from "../wasm/assembler.js";
import type { DoubleMath } from "./double-math.js";
import { constantVector, type Vectors, vectorsPerFour, type Word } from "./lanes.js";
import type { Run } from "./memory.js";
import { isQuarterOf, QuarterRates, quartersFrom, spreadQuarters } from "./quarter-rate.js";
import { scalarEmitters } from "./scalar-emitters.js";
import { isNonPositive } from "./sign.js";

/** How a schedule sees the leaves of a program. */
export type Leaves = {
  /** The outermost level at which a leaf (all but `const` and `apply`) is known. */
  readonly levelOf: (leaf: Expr) => number;
  /** Levels below this one hold one value for all lanes. */
  readonly firstVaryingLevel: number;
  /** Reads a leaf at its level: a run of elements, or the vectors of four where all lanes are equal. */
  readonly read: (leaf: Expr, run: Run) => Vectors;
  /** The value of an `index` input at the run's first lane, where it counts lanes one by one. */
  readonly positionOf?: (input: number) => Word | undefined;
};

type Frame = {
  readonly run: Run;
  readonly values: Map<Expr, Vectors>;
  /** Values of quarter rate: the run's four, and the four after them. */
  readonly quarters: readonly [Map<Expr, Vectors>, Map<Expr, Vectors>];
};

const frameOf = (run: Run): Frame => ({ run, values: new Map(), quarters: [new Map(), new Map()] });

type Apply = Extract<Expr, { readonly kind: "apply" }>;

const one: Run = { fours: 1 };

/** Emits the values of a program's expressions into one function. */
export class Evaluator {
  readonly #f: FunctionBuilder;
  readonly #doubles: DoubleMath | undefined;
  readonly #program: Program;
  readonly #leaves: Leaves;
  readonly #quarterRates: QuarterRates;
  readonly #levels = new Map<Expr, number>();
  readonly #frames: Frame[] = [frameOf(one)];

  constructor(f: FunctionBuilder, doubles: DoubleMath | undefined, program: Program, leaves: Leaves) {
    this.#f = f;
    this.#doubles = doubles;
    this.#program = program;
    this.#leaves = leaves;
    this.#quarterRates = new QuarterRates((e) => this.#varies(e));
  }

  /** Runs `body` one level further in. Uniform levels take no run. */
  enter(run: Run | undefined, body: () => void): void {
    this.#frames.push(frameOf(run ?? one));
    body();
    this.#frames.pop();
  }

  /** Computes what the expressions need of the present level and of those outside it. */
  hoist(roots: readonly Expr[]): void {
    const seen = new Set<Expr>();
    const walk = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (this.levelOf(e) <= this.#current) this.#valueOf(e);
      else if (e.kind === "apply") for (const a of e.args) walk(a);
    };
    for (const e of roots) walk(e);
  }

  /** Records the value of a reduction (or of any expression) at the present level. */
  define(e: Expr, value: Vectors): void {
    this.#frames[this.#current]!.values.set(e, value);
  }

  /** An expression over the present frame's run. */
  value(e: Expr): Vectors {
    return this.#spread(this.#valueOf(e), e);
  }

  /** The outermost level at which an expression is known. */
  levelOf(e: Expr): number {
    const known = this.#levels.get(e);
    if (known !== undefined) return known;
    let level = 0;
    if (e.kind === "apply") for (const a of e.args) level = Math.max(level, this.levelOf(a));
    else if (e.kind !== "const") level = this.#leaves.levelOf(e);
    this.#levels.set(e, level);
    return level;
  }

  get #current(): number {
    return this.#frames.length - 1;
  }

  #valueOf(e: Expr): Vectors {
    const level = this.levelOf(e);
    const frame = this.#frames[level];
    const known = frame?.values.get(e);
    if (known) return known;
    // What was not hoisted.
    if (!frame || (level !== this.#current && e.kind !== "const"))
      return unreachable(`${e.kind} of level ${level} at level ${this.#current}`);
    const value = this.#compute(e, frame);
    frame.values.set(e, value);
    return value;
  }

  #compute(e: Expr, frame: Frame): Vectors {
    if (e.kind === "const") return repeat([constantVector(this.#f, e.type, e.value)], vectorsPerFour(e.type));
    if (e.kind !== "apply") return this.#leaves.read(e, frame.run);
    const quarters = this.#fromQuarters(e, frame);
    return quarters ?? this.#apply(e, (a) => this.value(a));
  }

  #apply(e: Apply, value: (e: Expr) => Vectors): Vectors {
    return scalarEmitters[e.op]({
      f: this.#f,
      doubles: this.#doubles,
      args: e.args.map(value),
      exprs: e.args,
      uniform: e.args.map((a) => !this.#varies(a)),
      isNonPositive: (a) => isNonPositive(a, this.#program),
      operand: e.args[e.op === "select" ? 1 : 0]!.type,
      type: e.type,
    });
  }

  // An expression of quarter rate, where the run is long enough for that to save work.
  #fromQuarters(e: Apply, { run, quarters }: Frame): Vectors | undefined {
    if (run.fours !== 4 || !this.#varies(e)) return undefined;
    const input = this.#quarterRates.positionOf(e);
    const position = input === undefined ? undefined : this.#leaves.positionOf?.(input);
    if (!position) return undefined;
    const own = this.#quarterValue(e, quarters[0], i32.shrU(position, 2));
    const next = () => this.#quarterValue(e, quarters[1], i32.add(i32.shrU(position, 2), 4))[0]!;
    return spreadQuarters(this.#f, position, own[0]!, next);
  }

  // Four quarters of an expression in one vector. Both sets are emitted under one condition throughout the run, so what
  // one place computes another may use.
  #quarterValue(e: Expr, known: Map<Expr, Vectors>, first: Operand<"i32">): Vectors {
    if (e.kind !== "apply" || !this.#varies(e)) return this.#valueOf(e);
    let value = known.get(e);
    if (!value) {
      value = isQuarterOf(e)
        ? quartersFrom(this.#f, first)
        : this.#apply(e, (a) => this.#quarterValue(a, known, first));
      known.set(e, value);
    }
    return value;
  }

  #varies(e: Expr): boolean {
    return this.levelOf(e) >= this.#leaves.firstVaryingLevel;
  }

  // A value that all lanes share, repeated over the run.
  #spread(value: Vectors, e: Expr): Vectors {
    const length = this.#frames[this.#current]!.run.fours * vectorsPerFour(e.type);
    return value.length === length ? value : repeat(value, length);
  }
}

const repeat = (values: Vectors, length: number): Vectors =>
  Array.from({ length }, (_, k) => values[k % values.length]!);
