// Threads that work on one row together: how many they are, and how they join what each of them found.

import { type DType, identityOf, type Reduce, type Source, unreachable } from "@torchium/tensor/backend";
import { typeName } from "../wgsl/dialect.js";
import { literal } from "../wgsl/literals.js";

/** Threads in a team. */
export type TeamSize = 1 | 32 | 256;

/** Threads in a work group of teams. */
export const groupSizeOf = (team: TeamSize): number => (team === 1 ? 64 : 256);

/** Writes the functions that join values over a team, once each. */
export class TeamReductions {
  readonly #source: Source;
  readonly #team: TeamSize;
  readonly #functions = new Map<string, string>();
  readonly #arrays = new Set<DType>();

  constructor(source: Source, team: TeamSize) {
    this.#source = source;
    this.#team = team;
  }

  /** The joined value of what all threads of the team hold in `value`; to be called by all of them. */
  call({ op, of: { type } }: Reduce, value: string): string {
    if (this.#team === 1) return value;
    const name = `${op}Over${type}`;
    if (!this.#functions.has(name)) {
      this.#arrays.add(type);
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
    const shared = `team_${type}`;
    const head = `fn ${name}(value: ${w}, t: u32) -> ${w} {\n${shared}[t] = value;\nworkgroupBarrier();`;
    const sum = (first: string, step: number, count: number): string => `var r = ${shared}[${first}];
for (var i = 1u; i < ${count}u; i++) { let next = ${shared}[${first} + i * ${step}u]; r = ${join("r", "next")}; }`;
    if (this.#team === 32)
      return `${head}\nlet first = t & 224u;\n${sum("first", 1, 32)}\nworkgroupBarrier();\nreturn r;\n}`;
    if (this.#team !== 256) return unreachable(`teams of ${this.#team}`);
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
