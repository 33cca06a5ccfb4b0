// Parts of the schedules that walk rows: a row's reductions, shared by the threads that work on it.

import {
  type Expr,
  identityOf,
  type Leaf,
  type NumberedReduce,
  reduced,
  reducePasses,
  type Scope,
} from "@torchium/tensor/backend";
import { cudaDialect } from "./dialect.js";
import type { ProgramText } from "./program-text.js";

/**
 * How threads share rows. `rows`: neighbouring threads take neighbouring elements of a row; `columns`: they take
 * neighbouring rows, for rows whose elements lie far apart.
 */
export type Walk = "rows" | "columns";

/** Which row and which of the row's threads a thread is: `group`, `groups`, `lane`, `lanes`. */
export function shareOut(walk: Walk): string[] {
  const place =
    walk === "rows"
      ? ["const int group = threadIdx.x / lanes;", "const int lane = threadIdx.x % lanes;"]
      : ["const int group = threadIdx.x % groups;", "const int lane = threadIdx.x / groups;"];
  return ["const int lanes = P.lanes;", "const int groups = blockDim.x / lanes;", ...place];
}

/** Statements that find a row: threads without one walk along, so that all meet at barriers, over no elements. */
export const findRow = (asked: string): string[] => [
  `const bool active = ${asked} < P.rows;`,
  `const index_t row = active ? ${asked} : 0;`,
  "const index_t length = active ? P.length : 0;",
];

/** The elements of its row that a block's threads walk: all of them, or the part from `first` to `end`. */
export type Span = "row" | "part";

/** The loop over a thread's elements of the row, or of the part of it. */
function laneLoop(text: ProgramText, span: Span, body: readonly string[]): string[] {
  const { vector } = text.variant;
  const [start, step] = vector > 1 ? [`(index_t)lane * ${vector}`, `(index_t)lanes * ${vector}`] : ["lane", "lanes"];
  const [from, to] = span === "row" ? [start, "length"] : [`first + ${start}`, "end"];
  return [`for (index_t l = ${from}; l < ${to}; l += ${step}) {`, ...body.map((line) => `  ${line}`), "}"];
}

/** The scope of what a row shares. Reductions are defined in it by `addPasses`. */
export const rowScope = (text: ProgramText): Scope =>
  text.launch.inner(
    (leaf) => (leaf.kind === "input" ? text.rowInput(leaf.index) : ""),
    (leaf: Leaf) => leaf.kind === "input" || leaf.kind === "reduced",
  );

/** Adds a row's reductions to its scope. Gives the declarations of shared memory that they need. */
export const addPasses = (text: ProgramText, scope: Scope, walk: Walk): string[] =>
  reducePasses(text.program).flatMap((pass) => addPass(text, scope, walk, pass, "row"));

/** The same for the reductions of one pass, over a whole row or a part of it. */
export function addPass(
  text: ProgramText,
  scope: Scope,
  walk: Walk,
  pass: readonly NumberedReduce[],
  span: Span,
): string[] {
  startPass(scope, pass);
  const body = text.elements(scope, "l", {
    values: pass.map((r) => r.of),
    use: (values) => pass.map((r, k) => joinInto(text, r, values[k]!)),
  });
  scope.push(...laneLoop(text, span, body));
  return joinThreads(text, scope, walk, pass);
}

/** Adds reductions whose parts lie in memory already: part `p` of row `row` at `w{index}[row · parts + p]`. */
export function addJoinedPass(text: ProgramText, scope: Scope, walk: Walk, pass: readonly NumberedReduce[]): string[] {
  startPass(scope, pass);
  scope.push(
    "if (active) for (int p = lane; p < P.parts; p += lanes) {",
    ...pass.map((r) => `  ${joinInto(text, r, `w${r.index}[row * P.parts + p]`)}`),
    "}",
  );
  return joinThreads(text, scope, walk, pass);
}

function startPass(scope: Scope, pass: readonly NumberedReduce[]): void {
  for (const { op, of, index } of pass)
    scope.push(cudaDialect.variable(of.type, `r${index}`, cudaDialect.literal(identityOf(op, of.type), of.type)));
}

const joinInto = (text: ProgramText, r: NumberedReduce, value: string): string =>
  `r${r.index} = ${text.source.join(r.op, r.of.type, `r${r.index}`, value)};`;

/** Joins what the threads of a row have, so that each of them has the whole. */
function joinThreads(text: ProgramText, scope: Scope, walk: Walk, pass: readonly NumberedReduce[]): string[] {
  const slots = walk === "rows" ? 32 : 256;
  scope.push(...(walk === "rows" ? joinInRows(text, pass) : joinInColumns(text, pass)));
  for (const { of, index } of pass) scope.define(reduced(index, of.type) as Expr, `r${index}`);
  return pass.map((r) => `__shared__ ${cudaDialect.types[r.of.type]} shared${r.index}[${slots}];`);
}

/** Neighbouring threads: shuffles within a warp, then shared memory. Every thread gets the same bits. */
function joinInRows(text: ProgramText, pass: readonly NumberedReduce[]): string[] {
  const type = (r: NumberedReduce): string => cudaDialect.types[r.of.type];
  const join = (r: NumberedReduce): string => joinInto(text, r, "other");
  return [
    "for (int d = (lanes < 32 ? lanes : 32) / 2; d > 0; d /= 2) {",
    ...pass.map((r) => `  { const ${type(r)} other = __shfl_xor_sync(0xffffffffu, r${r.index}, d); ${join(r)} }`),
    "}",
    "if (lanes > 32) {",
    `  if (threadIdx.x % 32 == 0) { ${pass.map((r) => `shared${r.index}[threadIdx.x / 32] = r${r.index};`).join(" ")} }`,
    "  __syncthreads();",
    "  const int first = threadIdx.x / lanes * (lanes / 32);",
    ...pass.map((r) => `  r${r.index} = shared${r.index}[first];`),
    "  for (int w = 1; w < lanes / 32; w++) {",
    ...pass.map((r) => `    { const ${type(r)} other = shared${r.index}[first + w]; ${join(r)} }`),
    "  }",
    "  __syncthreads();",
    "}",
  ];
}

/** Threads of one row lie `groups` apart: a tree in shared memory. */
function joinInColumns(text: ProgramText, pass: readonly NumberedReduce[]): string[] {
  const type = (r: NumberedReduce): string => cudaDialect.types[r.of.type];
  const join = (r: NumberedReduce): string =>
    `shared${r.index}[threadIdx.x] = ${text.source.join(r.op, r.of.type, "mine", "other")};`;
  const step = (r: NumberedReduce): string =>
    `    { const ${type(r)} mine = shared${r.index}[threadIdx.x], other = shared${r.index}[threadIdx.x + d * groups]; ${join(r)} }`;
  return [
    ...pass.map((r) => `shared${r.index}[threadIdx.x] = r${r.index};`),
    "__syncthreads();",
    "for (int d = lanes / 2; d > 0; d /= 2) {",
    "  if (lane < d) {",
    ...pass.map(step),
    "  }",
    "  __syncthreads();",
    "}",
    ...pass.map((r) => `r${r.index} = shared${r.index}[group];`),
    "__syncthreads();",
  ];
}

/**
 * Adds the outputs of a row: elements by all of its threads, row values by the first, of the first part. `sumLanes` gives
 * statements for the outputs that are summed over the rows.
 */
export function addOutputs(
  text: ProgramText,
  scope: Scope,
  sumLanes: (output: number, value: string) => readonly string[],
  span: Span = "row",
): void {
  const { program } = text;
  const numbered = program.outputs.map((o, k) => ({ ...o, k }));
  const along = numbered.filter((o) => o.role !== "row");
  const full = along.flatMap((o, value) => (o.role === "full" ? [{ output: text.output(o.k), value }] : []));
  const body = text.elements(scope, "l", {
    values: along.map((o) => o.expr),
    use: (values) => along.flatMap((o, value) => (o.role === "lane" ? sumLanes(o.k, values[value]!) : [])),
    stores: full,
  });
  const rows = numbered.filter((o) => o.role === "row");
  const values = rows.map((o) => scope.value(o.expr));
  if (along.length > 0) scope.push(...laneLoop(text, span, body));
  if (rows.length === 0) return;
  const stores = rows.map((o, i) => cudaDialect.store(o.expr.type, text.rowPlace(text.output(o.k)), values[i]!));
  const one = span === "row" ? "active && lane == 0" : "active && lane == 0 && part == 0";
  scope.push(`if (${one}) {`, ...stores.map((line) => `  ${line}`), "}");
}
