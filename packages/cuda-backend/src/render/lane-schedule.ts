// Programs with sums over rows, in two steps of a fixed order: groups of threads sum some rows each, then the sums of
// the groups are joined.

import type { Kernel } from "@torchium/tensor/backend";
import { type Field, ParamsLayout } from "../run/params.js";
import { cudaDialect } from "./dialect.js";
import { ProgramText, type RenderedKernel, type Variant } from "./program-text.js";
import { addOutputs, addPasses, findRow, rowScope, shareOut } from "./row-parts.js";

/**
 * The text of the first step. Fields: those of rows; `perGroup` (rows a group sums); for each lane output k its sums
 * `z{k}`, the elements between groups `between{k}`, and between lanes `step{k}`.
 */
export function renderLanes(kernel: Kernel, variant: Variant): RenderedKernel {
  const sums = kernel.program.outputs.flatMap((o, k) => (o.role === "lane" ? [k] : []));
  const text = new ProgramText(kernel, variant, [
    ...sums.map((k): Field => ({ name: `z${k}`, type: "pointer" })),
    ...sums.flatMap((k): Field[] => [
      { name: `between${k}`, type: "index" },
      { name: `step${k}`, type: "index" },
    ]),
    { name: "rows", type: "index" },
    { name: "length", type: "index" },
    { name: "perGroup", type: "index" },
    { name: "lanes", type: "int" },
  ]);
  const typeOf = (k: number) => kernel.program.outputs[k]!.expr.type;
  const setup = [
    ...shareOut("rows"),
    "const index_t mine = (index_t)block * groups + group;",
    "const index_t first = mine * P.perGroup;",
    ...sums.map((k) => {
      const type = cudaDialect.types[typeOf(k)];
      return `${type}* const z${k} = (${type}*)P.z${k} + mine * P.between${k};`;
    }),
  ];
  const simple = kernel.program.reduces.length === 0 && kernel.program.outputs.every((o) => o.role !== "row");
  return text.finish("lane_kernel", simple ? [...setup, ...byLane(text, sums)] : byRow(text, sums, setup));
}

/** Nothing depends on a whole row: each thread sums its lanes down the rows, in registers. */
function byLane(text: ProgramText, sums: readonly number[]): string[] {
  const { program, rank, variant } = text;
  const { vector } = variant;
  const typeOf = (k: number) => program.outputs[k]!.expr.type;
  const scope = rowScope(text);
  const part = vector > 1 ? "[k]" : "";
  const along = program.outputs.map((o, k) => ({ ...o, k }));
  const body = text.elements(scope, "l", {
    values: along.map((o) => o.expr),
    use: (values) =>
      along.flatMap(({ role, k }) =>
        role === "lane" ? [`t${k}${part} = ${text.source.join("sum", typeOf(k), `t${k}${part}`, values[k]!)};`] : [],
      ),
    stores: along.flatMap(({ role, k }) => (role === "full" ? [{ output: text.output(k), value: k }] : [])),
  });
  const zero = (k: number): string => cudaDialect.literal(0, typeOf(k));
  const declare = sums.map((k) =>
    vector > 1
      ? `${cudaDialect.types[typeOf(k)]} t${k}[4] = {${Array<string>(4).fill(zero(k)).join(", ")}};`
      : cudaDialect.variable(typeOf(k), `t${k}`, zero(k)),
  );
  const keep = sums.map((k) =>
    vector > 1
      ? `for (int k = 0; k < 4; k++) z${k}[(l + k) * P.step${k}] = t${k}[k];`
      : `z${k}[l * P.step${k}] = t${k};`,
  );
  const stride = `(index_t)gridDim.y * lanes * ${vector}`;
  return [
    "const index_t end = first + P.perGroup < P.rows ? first + P.perGroup : P.rows;",
    `for (index_t l = ((index_t)blockIdx.y * lanes + lane) * ${vector}; l < P.length; l += ${stride}) {`,
    ...declare.map((line) => `  ${line}`),
    "  for (index_t row = first; row < end; row++) {",
    ...[...text.addresses("row", rank - 1), ...scope.lines, ...body].map((line) => `    ${line}`),
    "  }",
    ...keep.map((line) => `  ${line}`),
    "}",
  ];
}

/** A row's reductions come before its sums: groups take one row after the other, and sum in memory. */
function byRow(text: ProgramText, sums: readonly number[], setup: readonly string[]): string[] {
  const { program, rank, variant } = text;
  const typeOf = (k: number) => program.outputs[k]!.expr.type;
  const scope = rowScope(text);
  const shared = addPasses(text, scope, "rows");
  const place = (k: number): string => `z${k}[${variant.vector > 1 ? "(l + k)" : "l"} * P.step${k}]`;
  addOutputs(text, scope, (k, value) => [
    `{ const ${cudaDialect.types[typeOf(k)]} sum = ${place(k)}; ${place(k)} = ${text.source.join("sum", typeOf(k), "sum", value)}; }`,
  ]);
  // Each lane is always the same thread's, so its sum needs no barrier.
  const { vector } = variant;
  const each = vector > 1 ? `for (int k = 0; k < ${vector}; k++) ` : "";
  const clear = sums.map((k) => `  ${each}${place(k)} = ${cudaDialect.literal(0, typeOf(k))};`);
  return [
    ...shared,
    ...setup,
    `for (index_t l = (index_t)lane * ${vector}; l < P.length; l += (index_t)lanes * ${vector}) {`,
    ...clear,
    "}",
    "for (index_t n = 0; n < P.perGroup; n++) {",
    "  const index_t asked = first + n;",
    ...[...findRow("asked"), ...text.addresses("row", rank - 1), ...scope.lines].map((line) => `  ${line}`),
    "}",
  ];
}

const joinLayout = (wide: boolean): ParamsLayout =>
  new ParamsLayout(
    [
      { name: "from", type: "pointer" },
      { name: "to", type: "pointer" },
      { name: "parts", type: "index" },
      { name: "length", type: "index" },
      { name: "step", type: "index" },
    ],
    wide,
  );

/** Lanes that a block of the second step joins, and threads that share each. */
export const joinShape = { lanes: 32, threads: 8 } as const;

/** The text of the second step: `to[l·step] = Σ from[part·length + l]` over `parts`. */
export function renderJoin(type: "float32" | "float64" | "int32" | "uint32", wide: boolean): RenderedKernel {
  const layout = joinLayout(wide);
  // Sums of int32 wrap around, which C promises for unsigned integers; the bits are the same.
  const word = type === "int32" ? "unsigned" : cudaDialect.types[type];
  const { lanes, threads } = joinShape;
  const source = `${layout.declaration()}
extern "C" __global__ void __launch_bounds__(${lanes * threads}) join_kernel(const Params P) {
  __shared__ ${word} shared[${lanes * threads}];
  const int lane = threadIdx.x % ${lanes}, share = threadIdx.x / ${lanes};
  const index_t l = (index_t)blockIdx.x * ${lanes} + lane;
  const ${word}* const from = (const ${word}*)P.from;
  ${word} sum = 0;
  if (l < P.length) for (index_t part = share; part < P.parts; part += ${threads}) sum = sum + from[part * P.length + l];
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (share > 0 || l >= P.length) return;
  for (int s = 1; s < ${threads}; s++) sum = sum + shared[s * ${lanes} + lane];
  ((${word}*)P.to)[l * P.step] = sum;
}
`;
  return { name: "join_kernel", source, layout };
}
