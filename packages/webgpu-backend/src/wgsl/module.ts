// Puts a shader together: bindings, parameters, helpers and the entry point. Operands that lie in one buffer share one
// binding, because WebGPU forbids to bind a buffer twice when it is written.

import { Source } from "@torchium/tensor/backend";
import { wgsl } from "./dialect.js";
import type { ParamLayout } from "./params.js";

/** How a shader sees its buffers. */
export type Slots = {
  /** The slot of each operand; undefined for operands without memory. */
  readonly of: readonly (number | undefined)[];
  /** Whether each operand is written. */
  readonly writes: readonly boolean[];
  /** Whether each slot is written. */
  readonly written: readonly boolean[];
};

/** A shader's text, one for each way its operands share buffers. */
export type Shader = {
  readonly key: string;
  readonly render: (slots: Slots) => string;
};

/** The parts that differ from shader to shader. */
export type ModuleParts = {
  readonly source: Source;
  readonly slots: Slots;
  /** Operands that are read or written four words at a time; their slots hold vectors. */
  readonly wide?: readonly boolean[];
  readonly layout: Pick<ParamLayout, "length">;
  readonly workgroupSize: number;
  /** Extensions of the language. */
  readonly enables?: readonly string[];
  /** Workgroup memory, constants and functions. */
  readonly declarations?: readonly string[];
  /** Statements of the entry point: `group` is the number of the work group, `t` that of the thread in it. */
  readonly body: readonly string[];
};

/** The places of operands in the bindings of a shader. */
export class Places {
  readonly #slots: Slots;
  readonly #wide: readonly boolean[];

  constructor(slots: Slots, wide: readonly boolean[] = []) {
    this.#slots = slots;
    // To write a component may write the whole vector, so single words are written to slots of words only.
    this.#wide = slots.written.map((_, slot) => {
      const own = slots.of.flatMap((s, operand) => (s === slot ? operand : []));
      return own.some((operand) => wide[operand]) && own.every((operand) => wide[operand] || !slots.writes[operand]);
    });
  }

  /** One word of an operand; `address` counts words from the start of its buffer. */
  word(operand: number, address: string): string {
    const slot = this.#slots.of[operand]!;
    return this.#wide[slot] ? `b${slot}[(${address}) >> 2u][(${address}) & 3u]` : `b${slot}[${address}]`;
  }

  /** Four words of an operand that is read; `address` is a multiple of four. */
  vector(operand: number, address: string): string {
    const slot = this.#slots.of[operand]!;
    if (this.#wide[slot]) return this.vectorPlace(operand, address);
    return `vec4<u32>(${[0, 1, 2, 3].map((i) => `b${slot}[${address} + ${i}u]`).join(", ")})`;
  }

  /** Four words to be written, of an operand of a shader that writes nothing but vectors. */
  vectorPlace(operand: number, address: string): string {
    return `b${this.#slots.of[operand]!}[(${address}) >> 2u]`;
  }

  /** The bindings. */
  declarations(): string[] {
    return this.#slots.written.map((written, slot) => {
      const element = this.#wide[slot] ? "vec4<u32>" : "u32";
      const access = written ? "read_write" : "read";
      return `@group(0) @binding(${slot}) var<storage, ${access}> b${slot}: array<${element}>;`;
    });
  }
}

/** The source that a shader's expressions are written to. */
export const newSource = (): Source => new Source(wgsl);

/** The text of a shader. */
export function moduleText(parts: ModuleParts): string {
  const { source, slots, wide = [], layout, workgroupSize, enables = [], declarations = [], body } = parts;
  return [
    ...enables.map((name) => `enable ${name};`),
    ...new Places(slots, wide).declarations(),
    `@group(1) @binding(0) var<uniform> p: array<vec4<u32>, ${Math.ceil(layout.length / 4)}>;`,
    ...source.helpers(),
    ...declarations,
    `@compute @workgroup_size(${workgroupSize})`,
    "fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) t: u32) {",
    "let group = g.y * n.x + g.x;",
    ...body,
    "}",
  ].join("\n");
}
