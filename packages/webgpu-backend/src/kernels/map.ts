// Programs without rows: one thread an element, or, where operands are dense, one thread for four elements that are
// read and written as a vector. Four numbers of 16 bits are two words, which then belong to one thread.

import type { Kernel, Launch, LeafText, Scope } from "@torchium/tensor/backend";
import { Scope as NewScope, unreachable, visit } from "@torchium/tensor/backend";
import { countOf, type Dispatch, type LaunchPlan, useOf } from "../run/dispatch.js";
import { wgsl } from "../wgsl/dialect.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { denseAlongRow, fitsFours, operationsOf, vectorsOf } from "./fours.js";
import { address, coordinates, step } from "./geometry.js";
import { launchLeaf, operandValue, writtenHalves } from "./leaves.js";

const workgroupSize = 256;
/** Beyond this many operations, arithmetic decides and not memory: four times the text is not worth it. */
const maxWideOperations = 120;

/** The schedule of maps. */
export class MapSchedule {
  readonly #kernel: Kernel;
  readonly #layout: ParamLayout<"threads" | "rowThreads">;
  readonly #isWide: readonly boolean[] | undefined;
  readonly #shaders: { readonly single: Shader; readonly wide: Shader };

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const { program, rank, access } = kernel;
    this.#layout = new ParamLayout(["threads", "rowThreads"], rank, access.length, program.scalars.length);
    this.#isWide = wideOperands(kernel);
    this.#shaders = {
      single: { key: `${kernel.key}/map`, render: (slots) => this.#render(slots, undefined) },
      wide: { key: `${kernel.key}/wide`, render: (slots) => this.#render(slots, this.#isWide) },
    };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const count = countOf(sizes, label);
    if (count === 0) return { dispatches: [], scratchWords: 0 };
    const isWide = this.#isWide !== undefined && fitsFours(launch, this.#isWide);
    const perThread = isWide ? 4 : 1;
    const threads = count / perThread;
    const fields = { threads, rowThreads: sizes[sizes.length - 1]! / perThread };
    const inputs = this.#kernel.program.inputs.length;
    const dispatch: Dispatch = {
      shader: isWide ? this.#shaders.wide : this.#shaders.single,
      layout: this.#layout,
      words: this.#layout.block(
        fields,
        sizes,
        operands.map((o) => o.strides),
      ),
      uses: operands.map((_, i) => useOf(launch, i, i >= inputs)),
      groups: Math.ceil(threads / workgroupSize),
    };
    return { dispatches: [dispatch], scratchWords: 0 };
  }

  #render(slots: Slots, wide: readonly boolean[] | undefined): string {
    const { program, rank, access } = this.#kernel;
    const layout = this.#layout;
    const source = newSource();
    const places = wide ? new Places(slots, vectorsOf(program, wide)) : new Places(slots, [], writtenHalves(program));
    const axes = [...Array(rank).keys()];
    const inner = rank - 1;
    const scope = new NewScope(source, (leaf) => {
      const shared = launchLeaf(leaf, layout);
      if (shared !== undefined) return shared;
      if (leaf.kind !== "input") return unreachable(`${leaf.kind} in a map`);
      const at = address(layout, leaf.index, access[leaf.index]!, axes);
      return operandValue(program, leaf.index, at, (type) => places.load(type, leaf.index, at));
    });
    const size = (axis: number): string => wordText(axis === inner ? layout.field("rowThreads") : layout.size(axis));
    scope.push(
      `let i = group * ${workgroupSize}u + t;`,
      `if (i >= ${wordText(layout.field("threads"))}) { return; }`,
      ...coordinates("i", rank, size).map((line) => (wide ? line.replace(`let c${inner} =`, `let v =`) : line)),
    );
    if (wide) {
      scope.push(`let c${inner} = v * 4u;`);
      this.#four(scope, places, wide);
    } else {
      // An output may lie on an input, so everything is read before anything is written.
      const values = program.outputs.map(({ expr }) => scope.value(expr));
      program.outputs.forEach(({ expr }, k) => {
        const operand = program.inputs.length + k;
        const at = address(layout, operand, access[operand]!, axes);
        scope.push(places.store(expr.type, operand, at, values[k]!));
      });
    }
    return moduleText({ source, places, layout, workgroupSize, body: scope.lines });
  }

  /** Four elements: vectors are read first and written last. */
  #four(scope: Scope, places: Places, wide: readonly boolean[]): void {
    const { program, rank, access } = this.#kernel;
    const layout = this.#layout;
    const axes = [...Array(rank).keys()];
    const inner = rank - 1;
    const used = new Set<number>();
    const seen = new Set<Parameters<typeof visit>[0]>();
    for (const { expr } of program.outputs) visit(expr, seen, (e) => e.kind === "input" && used.add(e.index));
    const at = (operand: number): string => address(layout, operand, access[operand]!, axes);
    program.inputs.forEach((_, i) => {
      if (used.has(i) && access[i]![inner] !== 0) scope.push(`let a${i} = ${at(i)};`);
      if (used.has(i) && wide[i]) scope.push(`let w${i} = ${places.four(program.inputs[i]!.type, i, `a${i}`)};`);
    });
    program.outputs.forEach((_, k) => {
      scope.push(`var o${k}: vec4<u32>;`);
    });
    const varies: Parameters<Scope["inner"]>[1] = (leaf) => leaf.kind === "input" && access[leaf.index]![inner] !== 0;
    const bodies = [0, 1, 2, 3].map((j) => {
      const component = "xyzw"[j]!;
      const leafText: LeafText = (leaf) => {
        if (leaf.kind !== "input") return unreachable(`${leaf.kind} varies in a map`);
        const { index } = leaf;
        const move = step(layout, index, inner, access[index]![inner]!, `${j}u`)!;
        const moved = `a${index} + ${move}`;
        return operandValue(program, index, moved, (type) =>
          wide[index] ? wgsl.load(type, `w${index}.${component}`) : places.load(type, index, moved),
        );
      };
      const element = scope.inner(leafText, varies);
      program.outputs.forEach(({ expr }, k) => {
        element.push(wgsl.store(expr.type, `o${k}.${component}`, element.value(expr)));
      });
      return element.lines;
    });
    scope.push(...bodies.flat());
    program.outputs.forEach(({ expr }, k) => {
      const operand = program.inputs.length + k;
      scope.push(places.storeFour(expr.type, operand, at(operand), `o${k}`));
    });
  }
}

/** Which operands are dense along the row, when every output is and four elements at a time are worth it. */
function wideOperands(kernel: Kernel): boolean[] | undefined {
  const dense = denseAlongRow(kernel);
  const { inputs } = kernel.program;
  return dense.slice(inputs.length).every(Boolean) && operationsOf(kernel.program) <= maxWideOperations
    ? dense
    : undefined;
}
