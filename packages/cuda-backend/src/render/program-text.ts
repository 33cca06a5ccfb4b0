// What every schedule of a row program shares: the argument structure, pointers, addresses of a place, and the body that
// computes some elements. Sizes and strides are arguments, so the text depends on a program's structure alone.

import {
  arithmeticTypeOf,
  type DType,
  type Expr,
  type HalfType,
  type Kernel,
  type Leaf,
  type Program,
  Scope,
  Source,
} from "@torchium/tensor/backend";
import type { KernelText } from "../compile/kernels.js";
import { type Field, ParamsLayout } from "../run/params.js";
import { batchDeclaration, batchStart } from "./batch-text.js";
import { cudaDialect, memoryType } from "./dialect.js";

/** How many elements along the row a thread takes at a time. */
export type VectorWidth = 1 | 4;

/** What decides a kernel's text beside its program and rank. */
export type Variant = { readonly vector: VectorWidth; readonly wide: boolean };

/** A kernel's text and the arguments it takes. */
export type RenderedKernel = KernelText & {
  readonly layout: ParamsLayout;
  /** The text of one grid for up to `capacity` launches of this one, where there is such: see `batchLayout`. */
  readonly batch?: (capacity: number) => KernelText;
};

/** An operand as a text sees it. */
export type TextOperand = {
  readonly kind: "buffer" | "index";
  readonly type: DType;
  readonly role: "full" | "row" | "lane";
  /** Whether neighbours along the row lie side by side; else the row repeats one element. */
  readonly dense: boolean;
};

const scalarFields = {
  float32: "float",
  float64: "double",
  int32: "int",
  uint32: "unsigned",
  bool: "int",
} as const satisfies Record<Exclude<DType, HalfType>, Field["type"]>;

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Collects the text of one kernel. */
export class ProgramText {
  readonly program: Program;
  readonly rank: number;
  readonly variant: Variant;
  readonly operands: readonly TextOperand[];
  readonly source = new Source(cudaDialect);
  readonly layout: ParamsLayout;
  /** What all threads share. */
  readonly launch: Scope;

  constructor({ program, rank, access }: Kernel, variant: Variant, fields: readonly Field[]) {
    this.program = program;
    this.rank = rank;
    this.variant = variant;
    const dense = (i: number): boolean => access[i]![rank - 1] === 1;
    this.operands = [
      ...program.inputs.map((x, i): TextOperand => ({ ...x, dense: dense(i) })),
      ...program.outputs.map(
        ({ expr, role }, k): TextOperand => ({
          kind: "buffer",
          type: expr.type,
          role,
          dense: dense(program.inputs.length + k),
        }),
      ),
    ];
    this.layout = new ParamsLayout([...this.#operandFields(), ...this.#scalarFields(), ...fields], variant.wide);
    this.launch = new Scope(this.source, (leaf) => this.#launchLeaf(leaf));
  }

  /** The number of output `k` among the operands. */
  output(k: number): number {
    return this.program.inputs.length + k;
  }

  /** The whole kernel around the statements of its body, in which `block` is the launch's block along x. */
  finish(name: string, body: readonly string[]): RenderedKernel {
    const pack = "template <class T> struct alignas(sizeof(T) < 4 ? 4 * sizeof(T) : 16) Pack { T v[4]; };";
    const head = [this.layout.declaration(), ...(this.variant.vector > 1 ? [pack] : []), ...this.source.helpers()];
    const inner = indent([...this.#pointers(), ...this.launch.lines, ...body]);
    const text = (parameters: string, declarations: readonly string[], start: readonly string[]): KernelText => {
      const signature = `extern "C" __global__ void __launch_bounds__(256) ${name}(${parameters}) {`;
      return { name, source: [...head, ...declarations, signature, ...indent(start), ...inner, "}", ""].join("\n") };
    };
    return {
      ...text("const Params P", [], ["const unsigned block = blockIdx.x;"]),
      layout: this.layout,
      batch: (capacity) => text("const __grid_constant__ Batch B", [batchDeclaration(capacity)], batchStart(capacity)),
    };
  }

  /**
   * Statements that find where each operand lies at a place: `a0`, `a1`, … from a flat index over the first `axes` axes.
   * An `index` operand's address is its value, modulo 2³².
   */
  addresses(flat: string, axes: number): string[] {
    const lines = axes > 1 ? [`index_t rest = ${flat};`] : [];
    const place = (axis: number): string => (axes === 1 ? flat : `i${axis}`);
    for (let axis = axes - 1; axis >= 0 && axes > 1; axis--) {
      const last = axis === 0;
      lines.push(`const index_t i${axis} = ${last ? "rest" : `rest % P.size[${axis}]`};`);
      if (!last) lines.push(`rest /= P.size[${axis}];`);
    }
    this.operands.forEach(({ kind, role }, i) => {
      // A lane operand repeats over the rows.
      const count = role === "lane" && axes < this.rank ? 0 : axes;
      const steps = Array.from({ length: count }, (_, axis) => [place(axis), `P.stride${i}[${axis}]`] as const);
      if (kind === "index") {
        const terms = steps.map(([at, stride]) => `(unsigned)${at} * (unsigned)${stride}`);
        lines.push(`const unsigned a${i} = ${[`P.base${i}`, ...terms].join(" + ")};`);
      } else {
        lines.push(`const index_t a${i} = ${steps.map(([at, stride]) => `${at} * ${stride}`).join(" + ") || "0"};`);
      }
    });
    return lines;
  }

  /**
   * Statements that compute expressions for the elements from `at` on, where `at` is undefined when the addresses say all.
   * `use` gets the values of one element and gives statements; `after` follows once for all of them.
   */
  elements(scope: Scope, at: string | undefined, body: ElementBody, fill?: string): string[] {
    const wide = this.variant.vector > 1;
    const loads = new Set<number>();
    const varies = (leaf: Leaf): boolean => leaf.kind === "input" && (at === undefined || leaf.role !== "row");
    const inner = scope.inner((leaf) => this.#elementLeaf(leaf, at, loads), varies);
    // Everything is computed before anything is stored: an output may lie on an input.
    const values = body.values.map((e) => inner.value(e));
    inner.push(...body.use(values));
    if (!wide) return [...inner.lines, ...(body.stores?.map((s) => this.#store(s.output, values[s.value]!, at)) ?? [])];
    const packs = [...loads].map((i) => this.#loadPack(i, at, fill));
    const results = (body.stores ?? []).map((s) => `Pack<${memoryType(this.operands[s.output]!.type)}> w${s.output};`);
    const keep = (body.stores ?? []).map((s) =>
      cudaDialect.store(this.operands[s.output]!.type, `w${s.output}.v[k]`, values[s.value]!),
    );
    return [
      ...packs,
      ...results,
      "#pragma unroll",
      "for (int k = 0; k < 4; k++) {",
      ...indent([...inner.lines, ...keep]),
      "}",
      ...(body.stores ?? []).flatMap((s) => this.#storePack(s.output, at, fill)),
    ];
  }

  /** Where an operand's row starts: for what a row has once. */
  rowPlace(i: number): string {
    return `x${i}[a${i}]`;
  }

  /** The value of an input that a row shares. */
  rowInput(i: number): string {
    const { kind, type } = this.operands[i]!;
    return kind === "index" ? indexValue(type, `a${i}`) : cudaDialect.load(type, this.rowPlace(i));
  }

  #address(i: number, at: string | undefined): string {
    if (at === undefined) return `a${i}`;
    return this.variant.vector > 1 ? `a${i} + ${at}` : `a${i} + ${at} * P.stride${i}[${this.rank - 1}]`;
  }

  #elementLeaf(leaf: Leaf, at: string | undefined, loads: Set<number>): string {
    if (leaf.kind !== "input") return this.#launchLeaf(leaf);
    const i = leaf.index;
    const { kind, type, dense } = this.operands[i]!;
    const wide = this.variant.vector > 1;
    if (kind === "index") {
      const step = `(unsigned)P.stride${i}[${this.rank - 1}]`;
      const moved = at === undefined ? `a${i}` : `a${i} + (unsigned)${at} * ${step}`;
      return indexValue(type, wide ? `(${moved} + (unsigned)k * ${step})` : `(${moved})`);
    }
    if (!wide) return cudaDialect.load(type, `x${i}[${this.#address(i, at)}]`);
    if (!dense) return cudaDialect.load(type, `x${i}[a${i}]`);
    loads.add(i);
    return cudaDialect.load(type, `q${i}.v[k]`);
  }

  #launchLeaf(leaf: Leaf): string {
    if (leaf.kind === "scalar") return leaf.type === "bool" ? `P.s${leaf.index} != 0` : `P.s${leaf.index}`;
    return `(${cudaDialect.types[leaf.type]})(int)P.size[${this.rank - 1}]`;
  }

  /** `fill`: how many elements there are, when there may be fewer than four. */
  #loadPack(i: number, at: string | undefined, fill: string | undefined): string {
    const type = memoryType(this.operands[i]!.type);
    const from = `x${i} + ${this.#address(i, at)}`;
    if (fill === undefined) return `const Pack<${type}> q${i} = *(const Pack<${type}>*)(${from});`;
    return [
      `Pack<${type}> q${i} = {};`,
      `if (${fill} >= 4) q${i} = *(const Pack<${type}>*)(${from});`,
      `else for (int k = 0; k < ${fill}; k++) q${i}.v[k] = (${from})[k];`,
    ].join("\n  ");
  }

  #storePack(i: number, at: string | undefined, fill: string | undefined): string[] {
    const type = memoryType(this.operands[i]!.type);
    const to = `x${i} + ${this.#address(i, at)}`;
    if (fill === undefined) return [`*(Pack<${type}>*)(${to}) = w${i};`];
    return [
      `if (${fill} >= 4) *(Pack<${type}>*)(${to}) = w${i};`,
      `else for (int k = 0; k < ${fill}; k++) (${to})[k] = w${i}.v[k];`,
    ];
  }

  #store(i: number, value: string, at: string | undefined): string {
    return cudaDialect.store(this.operands[i]!.type, `x${i}[${this.#address(i, at)}]`, value);
  }

  #pointers(): string[] {
    return this.operands.flatMap(({ kind, type }, i) =>
      kind === "index" ? [] : [`${memoryType(type)}* const x${i} = (${memoryType(type)}*)P.p${i};`],
    );
  }

  #operandFields(): Field[] {
    const { rank } = this;
    return [
      ...this.operands.flatMap(({ kind }, i): Field[] =>
        kind === "buffer" ? [{ name: `p${i}`, type: "pointer" }] : [],
      ),
      { name: "size", type: "index", count: rank },
      ...this.operands.map((_, i): Field => ({ name: `stride${i}`, type: "index", count: rank })),
      ...this.operands.flatMap(({ kind }, i): Field[] =>
        kind === "index" ? [{ name: `base${i}`, type: "unsigned" }] : [],
      ),
    ];
  }

  #scalarFields(): Field[] {
    return this.program.scalars.map((type, i) => ({ name: `s${i}`, type: scalarFields[arithmeticTypeOf(type)] }));
  }
}

/** What to compute for each element. */
export type ElementBody = {
  readonly values: readonly Expr[];
  /** Statements for one element; element `k` of four where vectors are used. */
  readonly use: (values: readonly string[]) => readonly string[];
  /** Operands to store values into, by their numbers. */
  readonly stores?: readonly { readonly output: number; readonly value: number }[];
};

/** A position, which is known modulo 2³², as a value of `type`. */
const indexValue = (type: DType, at: string): string =>
  type === "uint32" ? at : type === "int32" ? `(int)${at}` : `(${cudaDialect.types[type]})(int)${at}`;
