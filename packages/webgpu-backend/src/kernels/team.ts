// Threads that work on one row together: how many they are, and how they join what each of them found. A team is a part of
// a work group that meets at barriers, or a subgroup, which needs none.

import { type DType, identityOf, type Reduce, type Source } from "@torchium/tensor/backend";
import { typeName } from "../wgsl/dialect.js";
import { literal } from "../wgsl/literals.js";

/** Threads of a row, and of a work group of such teams. */
export type Team = {
  readonly kind: "thread" | "part" | "group" | "subgroup";
  readonly size: number;
  readonly groupSize: number;
};

/** One thread a row. */
export const singleThread: Team = { kind: "thread", size: 1, groupSize: 64 };
/** An eighth of a work group. */
export const partOfGroup: Team = { kind: "part", size: 32, groupSize: 256 };
/** A whole work group. */
export const wholeGroup: Team = { kind: "group", size: 256, groupSize: 256 };
/** A subgroup of a device whose subgroups are all of this size: a work group as large holds just one. */
export const subgroupOf = (size: number): Team => ({ kind: "subgroup", size, groupSize: size });

/** Writes the functions that join values over a team, once each. */
export class TeamReductions {
  readonly #source: Source;
  readonly #team: Team;
  readonly #functions = new Map<string, string>();
  readonly #arrays = new Set<DType>();

  constructor(source: Source, team: Team) {
    this.#source = source;
    this.#team = team;
  }

  /** The joined value of what all threads of the team hold in `value`; to be called by all of them. */
  call({ op, of: { type } }: Reduce, value: string): string {
    if (this.#team.kind === "thread") return value;
    const name = `${op}Over${type}`;
    if (!this.#functions.has(name)) {
      if (this.#team.kind !== "subgroup") this.#arrays.add(type);
      this.#functions.set(name, this.#define(name, op, type));
    }
    return `${name}(${value}, t)`;
  }

  /** Definitions for the shader. */
  declarations(): string[] {
    const arrays = [...this.#arrays].map((type) => `var<workgroup> team_${type}: array<${typeName(type)}, 256>;`);
    return [...arrays, ...this.#functions.values()];
  }

  #define(name: string, op: Reduce["op"], type: DType): string {
    const w = typeName(type);
    const join = (a: string, b: string): string => this.#source.join(op, type, a, b);
    if (this.#team.kind === "subgroup") {
      // Every thread joins with every other, pair by pair, so that all hold the same in the end.
      const steps = Array.from({ length: Math.log2(this.#team.size) }, (_, i) => 2 ** i).map(
        (mask) => `{ let next = ${shuffled(type, "r", mask)}; r = ${join("r", "next")}; }`,
      );
      return `fn ${name}(value: ${w}, t: u32) -> ${w} {\nvar r = value;\n${steps.join("\n")}\nreturn r;\n}`;
    }
    const shared = `team_${type}`;
    const head = `fn ${name}(value: ${w}, t: u32) -> ${w} {\n${shared}[t] = value;\nworkgroupBarrier();`;
    const sum = (first: string, step: number, count: number): string => `var r = ${shared}[${first}];
for (var i = 1u; i < ${count}u; i++) { let next = ${shared}[${first} + i * ${step}u]; r = ${join("r", "next")}; }`;
    if (this.#team.kind === "part")
      return `${head}\nlet first = t & 224u;\n${sum("first", 1, 32)}\nworkgroupBarrier();\nreturn r;\n}`;
    return `${head}
var part = ${literal(identityOf(op, type), type)};
if (t < 16u) { ${sum("t", 16, 16)} part = r; }
workgroupBarrier();
if (t < 16u) { ${shared}[t] = part; }
workgroupBarrier();
${sum("0u", 1, 16)}
workgroupBarrier();
return r;
}`;
  }
}

/** What a thread `mask` away in the subgroup has in a variable. A bool cannot be handed over. */
const shuffled = (type: DType, name: string, mask: number): string =>
  type === "bool" ? `subgroupShuffleXor(u32(${name}), ${mask}u) != 0u` : `subgroupShuffleXor(${name}, ${mask}u)`;
