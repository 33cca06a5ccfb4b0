// What becomes of a product's sums: the map behind it, and the way to memory, by single elements or by vectors of four.

import {
  type AnchorCall,
  type DType,
  type FloatType,
  isHalf,
  Scope,
  type Source,
  unreachable,
} from "@torchium/tensor/backend";
import { address } from "../kernels/geometry.js";
import { launchLeaf, operandValue } from "../kernels/leaves.js";
import { wgsl } from "../wgsl/dialect.js";
import { halfCasts } from "../wgsl/halves.js";
import type { Places } from "../wgsl/module.js";
import type { ParamLayout } from "../wgsl/params.js";

/** A product of numbers of `type`, with the map behind it. */
export type Product = Pick<AnchorCall, "rank" | "epilogue"> & { readonly type: FloatType };

/** The first operand of a launch that is written: those of the epilogue, or the product's own. */
export const writtenFrom = (epilogue: AnchorCall["epilogue"]): number =>
  epilogue ? 1 + epilogue.program.inputs.length : 2;

/** Types of what is written. */
export const resultTypes = ({ type, epilogue }: Pick<Product, "type" | "epilogue">): DType[] =>
  epilogue ? epilogue.program.outputs.map(({ expr }) => expr.type) : [type];

/** Where the text goes. */
type Target = { readonly source: Source; readonly layout: ParamLayout; readonly places: Places };

/** A thread's block: vectors `sum0` … row after row, from place `m0`, `n0` of the matrix on, which is `m` times `n`. */
type Block = {
  readonly threadRows: number;
  readonly quads: number;
  readonly m: string;
  readonly n: string;
  readonly byFours: boolean;
};

/** Statements that take a block of sums to where they go. */
export function finish(product: Product, target: Target, { threadRows, quads, m, n, byFours }: Block): string[] {
  const { rank, epilogue } = product;
  const { places } = target;
  const [row, column] = [`c${rank - 3}`, `c${rank - 2}`];
  const count = threadRows * quads;
  const outputs = resultTypes(product).map((type, o) => ({
    type,
    operand: writtenFrom(epilogue) + o,
    name: `out${o}`,
  }));
  const values = resultValues(product, target);
  const at = (operand: number): string => addressOf(product, target.layout, operand);
  const single = (): string[] => [
    "let sum = sums[i / 4u][i % 4u];",
    ...values.lines,
    ...outputs.map(({ type, operand }, o) => places.store(type, operand, at(operand), values.names[o]!)),
  ];
  const four = (): string[] => [
    ...outputs.map(({ name }) => `var ${name}: vec4<u32>;`),
    ...["x", "y", "z", "w"].flatMap((component, j) => [
      "{",
      `let ${column} = first + ${j}u;`,
      `let sum = sums[i].${component};`,
      ...values.lines,
      ...outputs.map(({ type, name }, o) => wgsl.store(type, `${name}.${component}`, values.names[o]!)),
      "}",
    ]),
    `let ${column} = first;`,
    ...outputs.map(({ type, operand, name }) => places.storeFour(type, operand, at(operand), name)),
  ];
  const [perRow, step] = byFours ? [quads, 4] : [4 * quads, 1];
  return [
    // A loop, because the text of an epilogue may be long; sums leave their registers only here.
    `var sums = array<vec4<f32>, ${count}>(${[...Array(count).keys()].map((i) => `sum${i}`).join(", ")});`,
    `for (var i = 0u; i < ${threadRows * perRow}u; i++) {`,
    `let ${row} = m0 + i / ${perRow}u;`,
    `let ${byFours ? "first" : column} = n0 + (i % ${perRow}u) * ${step}u;`,
    `if (${row} < ${m} && ${byFours ? "first" : column} < ${n}) {`,
    ...(byFours ? four() : single()),
    "}",
    "}",
  ];
}

/** The address of an operand of the epilogue, or of the product's result, at coordinates `c0` … */
function addressOf({ rank, epilogue }: Product, layout: ParamLayout, operand: number): string {
  const axes = [...Array(rank - 1).keys()];
  return address(layout, operand, epilogue?.access[operand - 1] ?? new Array(rank).fill(2), axes);
}

/** Statements that compute what is written from `sum`, and the names of the values. */
function resultValues(product: Product, { source, layout, places }: Target): { lines: string[]; names: string[] } {
  const { type, epilogue } = product;
  const result = wgsl.constant(type, "result", isHalf(type) ? `${source.need(halfCasts[type].narrow)}(sum)` : "sum");
  if (!epilogue) return { lines: [result], names: ["result"] };
  const { program } = epilogue;
  const scope = new Scope(source, (leaf) => {
    const shared = leaf.kind === "rowSize" ? undefined : launchLeaf(leaf, layout);
    if (shared !== undefined) return shared;
    if (leaf.kind !== "input") return unreachable(`${leaf.kind} in an epilogue`);
    if (leaf.index === 0) return "result";
    const place = addressOf(product, layout, leaf.index + 1);
    return operandValue(program, leaf.index, place, (of) => places.load(of, leaf.index + 1, place));
  });
  const names = program.outputs.map(({ expr }) => scope.value(expr));
  return { lines: [result, ...scope.lines], names };
}
