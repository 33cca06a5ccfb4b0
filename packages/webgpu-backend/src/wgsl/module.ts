// Puts a shader together: bindings, parameters, helpers and the entry point. Operands that lie in one buffer share one
// binding, because WebGPU forbids to bind a buffer twice when it is written.

import { type DType, isHalf, Source, unreachable } from "@torchium/tensor/backend";
import { toWord, wgsl } from "./dialect.js";
import { type ParamLayout, parameters } from "./params.js";

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
  readonly places: Places;
  readonly layout: Pick<ParamLayout, "length">;
  readonly workgroupSize: number;
  /** Extensions of the language. */
  readonly enables?: readonly string[];
  /** Workgroup memory, constants and functions. */
  readonly declarations?: readonly string[];
  /** Statements of the entry point: `group` is the number of the work group, `t` that of the thread in it. */
  readonly body: readonly string[];
};

/**
 * The places of operands in the bindings of a shader. Numbers of 16 bits share words with their neighbours: whoever
 * writes just one of the two changes its half of the word at once, so the whole binding is one of atomics then.
 */
export class Places {
  readonly #slots: Slots;
  readonly #elements: readonly ("vec4<u32>" | "u32" | "atomic<u32>")[];
  readonly #functions = new Map<string, string>();

  /** `wide`: operands that are read and written four words at a time. `halves`: those written by the half word. */
  constructor(slots: Slots, wide: readonly boolean[] = [], halves: readonly boolean[] = []) {
    this.#slots = slots;
    // To write a component may write the whole vector, so single words are written to slots of words only.
    this.#elements = slots.written.map((_, slot) => {
      const own = slots.of.flatMap((s, operand) => (s === slot ? operand : []));
      if (own.some((operand) => halves[operand] && slots.writes[operand])) return "atomic<u32>";
      return own.some((o) => wide[o]) && own.every((o) => wide[o] || !slots.writes[o]) ? "vec4<u32>" : "u32";
    });
  }

  /** The value of element `address` of an operand, counted from the start of its buffer. */
  load(type: DType, operand: number, address: string): string {
    if (!isHalf(type)) return wgsl.load(type, this.word(operand, address));
    const slot = this.#slots.of[operand]!;
    const word = this.word(operand, "at >> 1u");
    const source = `fn half${slot}(at: u32) -> u32 { return (${word} >> ((at & 1u) << 4u)) & 0xffffu; }`;
    return `${this.#function(`half${slot}`, source)}(${address})`;
  }

  /** A statement that puts a value into element `address` of an operand. */
  store(type: DType, operand: number, address: string, value: string): string {
    const slot = this.#slots.of[operand]!;
    const isAtomic = this.#elements[slot] === "atomic<u32>";
    if (!isHalf(type))
      return isAtomic
        ? `atomicStore(&b${slot}[${address}], ${toWord(type, value)});`
        : wgsl.store(type, this.word(operand, address), value);
    if (!isAtomic) return unreachable("half of a word is written where no atomics are");
    // Nobody else changes this half, so what it holds can be taken out by the xor that puts the new bits in.
    const source = `fn setHalf${slot}(at: u32, bits: u32) {
  let shift = (at & 1u) << 4u;
  atomicXor(&b${slot}[at >> 1u], (((atomicLoad(&b${slot}[at >> 1u]) >> shift) ^ bits) & 0xffffu) << shift);
}`;
    return `${this.#function(`setHalf${slot}`, source)}(${address}, ${value});`;
  }

  /** One word of an operand; `address` counts words. In a binding of atomics it can only be read. */
  word(operand: number, address: string): string {
    const slot = this.#slots.of[operand]!;
    if (this.#elements[slot] === "vec4<u32>") return `b${slot}[(${address}) >> 2u][(${address}) & 3u]`;
    return this.#elements[slot] === "u32" ? `b${slot}[${address}]` : `atomicLoad(&b${slot}[${address}])`;
  }

  /** Four words of an operand that is read; `address` is a multiple of four. */
  vector(operand: number, address: string): string {
    if (this.#elements[this.#slots.of[operand]!] === "vec4<u32>") return this.vectorPlace(operand, address);
    return `vec4<u32>(${[0, 1, 2, 3].map((i) => this.word(operand, `${address} + ${i}u`)).join(", ")})`;
  }

  /** Four words to be written, of an operand of a shader that writes nothing but vectors. */
  vectorPlace(operand: number, address: string): string {
    return `b${this.#slots.of[operand]!}[(${address}) >> 2u]`;
  }

  /** The bits of four elements; `address` is a multiple of four. */
  four(type: DType, operand: number, address: string): string {
    if (!isHalf(type)) return this.vector(operand, address);
    const pairs = [0, 0, 1, 1].map((i) => this.word(operand, `((${address}) >> 1u) + ${i}u`));
    return `(vec4<u32>(${pairs.join(", ")}) >> vec4<u32>(0u, 16u, 0u, 16u)) & vec4<u32>(0xffffu)`;
  }

  /** A statement that puts the bits of four elements, in `name`, into an operand; `address` is a multiple of four. */
  storeFour(type: DType, operand: number, address: string, name: string): string {
    if (this.#elements[this.#slots.of[operand]!] === "vec4<u32>")
      return `${this.vectorPlace(operand, address)} = ${name};`;
    const first = isHalf(type) ? `((${address}) >> 1u)` : address;
    const words = isHalf(type)
      ? [`${name}.x | (${name}.y << 16u)`, `${name}.z | (${name}.w << 16u)`]
      : [0, 1, 2, 3].map((i) => `${name}.${"xyzw"[i]}`);
    return words.map((word, i) => this.store("uint32", operand, `${first} + ${i}u`, word)).join(" ");
  }

  /** The bindings, and the functions that were asked for. */
  declarations(): string[] {
    const bindings = this.#slots.written.map((written, slot) => {
      const access = written ? "read_write" : "read";
      return `@group(0) @binding(${slot}) var<storage, ${access}> b${slot}: array<${this.#elements[slot]}>;`;
    });
    return [...bindings, ...this.#functions.values()];
  }

  #function(name: string, source: string): string {
    this.#functions.set(name, source);
    return name;
  }
}

/** The source that a shader's expressions are written to. */
export const newSource = (): Source => new Source(wgsl);

/** The text of a shader. */
export function moduleText(parts: ModuleParts): string {
  const { source, places, layout, workgroupSize, enables = [], declarations = [], body } = parts;
  return [
    ...enables.map((name) => `enable ${name};`),
    ...places.declarations(),
    `@group(1) @binding(0) var<uniform> p: array<vec4<u32>, ${Math.ceil(layout.length / 4)}>;`,
    ...source.helpers(),
    ...declarations,
    `@compute @workgroup_size(${workgroupSize})`,
    "fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) t: u32) {",
    ...readFirst(["let group = g.y * n.x + g.x;", ...body]),
    "}",
  ].join("\n");
}

/** Statements with the parameters in them read once, before all: not every compiler takes them out of loops. */
function readFirst(body: readonly string[]): string[] {
  const names = new Map<string, string>();
  const lines = body.map((line) =>
    line.replace(parameters, (text, vector: string, component: string) => {
      const name = `p${vector}${component}`;
      names.set(name, `let ${name} = ${text};`);
      return name;
    }),
  );
  return [...names.values(), ...lines];
}
