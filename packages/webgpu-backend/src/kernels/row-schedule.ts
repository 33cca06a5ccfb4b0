// Programs that reduce along the row. A team of threads walks a row; a long row is cut into chunks with a team each, and
// then every pass of reductions is a dispatch that leaves one partial result a chunk, which the next dispatches join.
// Sums over rows are kept, a block of rows at a time, in scratch memory.

import {
  identityOf,
  type Kernel,
  type Launch,
  type Leaf,
  type NumberedReduce,
  reduced,
  reducePasses,
  Scope,
  type Source,
  unreachable,
} from "@torchium/tensor/backend";
import { countOf, type Dispatch, type LaunchPlan } from "../run/dispatch.js";
import { wgsl } from "../wgsl/dialect.js";
import { literal } from "../wgsl/literals.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { denseAlongRow, fitsFours, operationsOf, vectorsOf } from "./fours.js";
import { laneDispatches, laneOutputs, laneWords, partialLane } from "./lane-sums.js";
import { launchLeaf, writtenHalves } from "./leaves.js";
import { RowAddresses, rowUses } from "./row-addresses.js";
import { planRows, type RowLimits } from "./row-plan.js";
import { type Team, TeamReductions } from "./team.js";

const fieldNames = ["rows", "blocks", "turns", "chunks", "walked", "chunkLength", "lanes"] as const;
type Field = (typeof fieldNames)[number];

/** Beyond this many operations arithmetic decides, and four times the text takes long to compile. */
const maxOperationsOfFours = 48;

/** What one shader does: all of it, one pass of a cut row, or what follows the last pass. */
type Part =
  | { readonly kind: "whole" }
  | { readonly kind: "pass"; readonly pass: number }
  | { readonly kind: "outputs" };

/** The schedule of row programs. */
export class RowSchedule {
  readonly #kernel: Kernel;
  readonly #passes: readonly (readonly NumberedReduce[])[];
  readonly #layout: ParamLayout<Field>;
  readonly #shaders = new Map<string, Shader>();
  readonly #limits: RowLimits;
  readonly #dense: readonly boolean[] | undefined;

  constructor(kernel: Kernel, limits: RowLimits) {
    this.#kernel = kernel;
    this.#limits = limits;
    this.#dense = denseForFours(kernel);
    const { program, rank, access } = kernel;
    this.#passes = reducePasses(program);
    this.#layout = new ParamLayout(fieldNames, rank, access.length, program.scalars.length);
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { program } = this.#kernel;
    const { sizes, operands, label } = launch;
    countOf(sizes, label);
    const length = sizes[sizes.length - 1]!;
    const rows = countOf(sizes.slice(0, -1), label);
    if (rows === 0) return { dispatches: laneDispatches(program, launch, 0, 0), scratchWords: 0 };
    const { team, chunks, blocks } = planRows(this.#kernel, launch, this.#limits);
    const isCut = chunks > 1;
    const dense = this.#dense && length >= 4 * team.size && fitsFours(launch, this.#dense) ? this.#dense : undefined;
    const step = dense ? 4 : 1;
    const lanes = isCut ? program.reduces.length * rows * chunks : 0;
    const turns = Math.ceil(rows / blocks);
    const fields = { rows, blocks, turns, chunks, chunkLength: Math.ceil(length / chunks / step) * step, lanes };
    const scratchWords = lanes + laneWords(program, blocks, length);
    const teamsInGroup = team.groupSize / team.size;
    const parts: Part[] = isCut
      ? [...this.#passes.map((_, pass): Part => ({ kind: "pass", pass })), { kind: "outputs" }]
      : [{ kind: "whole" }];
    const onlyRows = program.outputs.every((o) => o.role === "row");
    const dispatches = parts.map((part): Dispatch => {
      // What is written once a row takes one chunk's team.
      const walked = part.kind === "outputs" && onlyRows ? 1 : chunks;
      return {
        shader: this.#shader(part, team, dense),
        layout: this.#layout,
        words: this.#layout.block(
          { ...fields, walked },
          sizes,
          operands.map((o) => o.strides),
        ),
        uses: rowUses(program, launch, scratchWords > 0),
        groups: Math.ceil((blocks * walked) / teamsInGroup),
      };
    });
    return {
      dispatches: [...dispatches, ...laneDispatches(program, launch, blocks, lanes)],
      scratchWords,
    };
  }

  #shader(part: Part, team: Team, dense: readonly boolean[] | undefined): Shader {
    const what = `${part.kind}${part.kind === "pass" ? part.pass : ""}${dense ? "/fours" : ""}`;
    const key = `${this.#kernel.key}/${team.kind}${team.size}/${what}`;
    let shader = this.#shaders.get(key);
    if (!shader) {
      shader = {
        key,
        render: (slots) => new RowText(this.#kernel, this.#passes, this.#layout, team, slots, dense).render(part),
      };
      this.#shaders.set(key, shader);
    }
    return shader;
  }
}

/** Which operands lie side by side along the row, where every output of rows does and four at a time are worth the text. */
function denseForFours(kernel: Kernel): boolean[] | undefined {
  const { program } = kernel;
  const dense = denseAlongRow(kernel);
  const areDense = program.outputs.every(({ role }, k) => role !== "full" || dense[program.inputs.length + k]);
  return areDense && operationsOf(program) <= maxOperationsOfFours ? dense : undefined;
}

/** Writes one shader of a row program. */
class RowText {
  readonly #kernel: Kernel;
  readonly #passes: readonly (readonly NumberedReduce[])[];
  readonly #layout: ParamLayout<Field>;
  readonly #team: Team;
  readonly #places: Places;
  readonly #source: Source = newSource();
  readonly #addresses: RowAddresses;
  readonly #reductions: TeamReductions;
  readonly #row: Scope;
  readonly #launch: Scope;
  /** Operands of vectors, where threads take four places of the row at a time. */
  readonly #dense: readonly boolean[] | undefined;

  constructor(
    kernel: Kernel,
    passes: readonly (readonly NumberedReduce[])[],
    layout: ParamLayout<Field>,
    team: Team,
    slots: Slots,
    dense: readonly boolean[] | undefined,
  ) {
    const { program } = kernel;
    this.#kernel = kernel;
    this.#dense = dense;
    this.#passes = passes;
    this.#layout = layout;
    this.#team = team;
    // Whole words are written by vectors; halves of them where one thread writes what belongs to a row.
    const halves = writtenHalves(program).map((isHalf, i) => isHalf && !dense?.[i]);
    this.#places = new Places(slots, dense ? vectorsOf(program, dense) : [], halves);
    this.#addresses = new RowAddresses(kernel, layout, this.#places);
    this.#reductions = new TeamReductions(this.#source, team);
    this.#launch = new Scope(
      this.#source,
      (leaf) => launchLeaf(leaf, layout) ?? unreachable(`${leaf.kind} in a launch`),
    );
    this.#row = this.#launch.inner(this.#addresses.row, (leaf) => leaf.kind === "input" || leaf.kind === "reduced");
  }

  render(part: Part): string {
    const row = this.#row;
    const [blocks, walked] = [this.#field("blocks"), this.#field("walked")];
    row.push(
      `let at = turn * ${blocks} + block;`,
      `let valid = block < ${blocks} && chunk < ${walked} && at < ${this.#field("rows")};`,
      `let row = min(at, ${this.#field("rows")} - 1u);`,
      "let stop = select(begin, end, valid);",
      ...this.#addresses.coordinates("row"),
    );
    const before = part.kind === "whole" ? 0 : part.kind === "pass" ? part.pass : this.#passes.length;
    for (const pass of this.#passes.slice(0, before)) for (const reduce of pass) this.#joinChunks(reduce);
    if (part.kind === "whole") for (const pass of this.#passes) this.#reducePass(pass, true);
    if (part.kind === "pass") this.#reducePass(this.#passes[part.pass]!, false);
    else this.#outputs();
    const { kind, size, groupSize } = this.#team;
    const length = wordText(this.#layout.size(this.#layout.rank - 1));
    const body = [
      `let team = group * ${groupSize / size}u + t / ${size}u;`,
      `let thread = t % ${size}u;`,
      ...(this.#isThread
        ? [`let block = team % ${blocks};`, `let chunk = team / ${blocks};`]
        : [`let block = team / ${walked};`, `let chunk = team % ${walked};`]),
      `let begin = min(${length}, chunk * ${this.#field("chunkLength")});`,
      `let end = min(${length}, begin + ${this.#field("chunkLength")});`,
      ...this.#launch.lines,
      `for (var turn = 0u; turn < ${this.#field("turns")}; turn++) {`,
      ...row.lines,
      "}",
    ];
    const { source, layout, places } = { source: this.#source, layout: this.#layout, places: this.#places };
    const declarations = this.#reductions.declarations();
    const enables = kind === "subgroup" ? ["subgroups"] : [];
    return moduleText({ source, places, layout, workgroupSize: groupSize, enables, declarations, body });
  }

  #field(name: Field): string {
    return wordText(this.#layout.field(name));
  }

  /** A loop of the team over its part of the row; `write` is told the component, where places go four by four. */
  #walk(write: (lane: Scope, component?: string) => void, after: readonly string[] = []): void {
    const varies = (leaf: Leaf): boolean => leaf.kind === "input" && leaf.role !== "row";
    if (!this.#dense) {
      const lane = this.#row.inner(this.#addresses.lane, varies);
      write(lane);
      this.#row.push(`for (var lane = begin + thread; lane < stop; lane += ${this.#team.size}u) {`, ...lane.lines, "}");
      return;
    }
    const vectors = new Map<number, string>();
    const places = ["x", "y", "z", "w"].flatMap((component, j) => {
      const lane = this.#row.inner((leaf) => {
        if (leaf.kind !== "input" || !this.#dense![leaf.index]) return this.#addresses.lane(leaf);
        vectors.set(leaf.index, `let four${leaf.index} = ${this.#addresses.four(leaf.index, "place")};`);
        return wgsl.load(leaf.type, `four${leaf.index}.${component}`);
      }, varies);
      write(lane, component);
      return ["{", `let lane = place + ${j}u;`, ...lane.lines, "}"];
    });
    this.#row.push(
      `for (var place = begin + thread * 4u; place < stop; place += ${4 * this.#team.size}u) {`,
      ...vectors.values(),
      ...places,
      ...after,
      "}",
    );
  }

  /** The reductions of one pass, in one walk; each is known to the row afterwards, or left as the chunk's part. */
  #reducePass(pass: readonly NumberedReduce[], whole: boolean): void {
    for (const { op, of, index } of pass)
      this.#row.push(wgsl.variable(of.type, `sum${index}`, literal(identityOf(op, of.type), of.type)));
    this.#walk((lane) => {
      for (const { op, of, index } of pass)
        lane.push(`sum${index} = ${this.#source.join(op, of.type, `sum${index}`, lane.value(of))};`);
    });
    for (const reduce of pass) {
      const { of, index } = reduce;
      this.#row.push(wgsl.constant(of.type, `r${index}`, this.#reductions.call(reduce, `sum${index}`)));
      if (whole) this.#row.define(reduced(index, of.type), `r${index}`);
      else {
        const place = this.#addresses.scratch(this.#chunkWord(index, "chunk"));
        this.#row.push(`if (valid && thread == 0u) { ${wgsl.store(of.type, place, `r${index}`)} }`);
      }
    }
  }

  /** The word of a chunk's part of a reduction of this row; neighbours are those of neighbouring threads. */
  #chunkWord(index: number, chunk: string): string {
    const [rows, chunks] = [this.#field("rows"), this.#field("chunks")];
    return this.#isThread
      ? `(${index}u * ${chunks} + ${chunk}) * ${rows} + row`
      : `(${index}u * ${rows} + row) * ${chunks} + ${chunk}`;
  }

  /** Whether neighbouring threads have neighbouring rows. */
  get #isThread(): boolean {
    return this.#team.kind === "thread";
  }

  /** Joins what the chunks of the row have left of a reduction. */
  #joinChunks(reduce: NumberedReduce): void {
    const { op, of, index } = reduce;
    const part = wgsl.load(of.type, this.#addresses.scratch(this.#chunkWord(index, "c")));
    this.#row.push(
      wgsl.variable(of.type, `sum${index}`, literal(identityOf(op, of.type), of.type)),
      `for (var c = thread; c < ${this.#field("chunks")}; c += ${this.#team.size}u) {`,
      wgsl.constant(of.type, `part${index}`, part),
      `sum${index} = ${this.#source.join(op, of.type, `sum${index}`, `part${index}`)};`,
      "}",
      wgsl.constant(of.type, `r${index}`, this.#reductions.call(reduce, `sum${index}`)),
    );
    this.#row.define(reduced(index, of.type), `r${index}`);
  }

  #outputs(): void {
    const { program } = this.#kernel;
    const addresses = this.#addresses;
    const rowStores = program.outputs.flatMap(({ expr, role }, k) =>
      role === "row" ? [addresses.store(k, this.#row.value(expr))] : [],
    );
    if (rowStores.length > 0) this.#row.push("if (valid && thread == 0u && chunk == 0u) {", ...rowStores, "}");
    if (program.outputs.every((o) => o.role === "row")) return;
    const full = [...program.outputs.keys()].filter((k) => program.outputs[k]!.role === "full");
    const storeFours = full.map((k) => addresses.storeFour(k, "place", `out${k}`));
    if (this.#dense) this.#row.push(...full.map((k) => `var out${k}: vec4<u32>;`));
    this.#walk((lane, component) => {
      // An output may lie on an input, so everything is read before anything is written.
      const values = program.outputs.map((o) => (o.role === "row" ? "" : lane.value(o.expr)));
      for (const k of full) {
        const { type } = program.outputs[k]!.expr;
        lane.push(component ? wgsl.store(type, `out${k}.${component}`, values[k]!) : addresses.store(k, values[k]!));
      }
      const length = wordText(this.#layout.size(this.#layout.rank - 1));
      laneOutputs(program).forEach(({ expr, operand }, which) => {
        const word = `${partialLane(this.#field("lanes"), which, this.#field("blocks"), "block", length)} + lane`;
        const place = addresses.scratch(word);
        const value = values[operand - program.inputs.length]!;
        lane.push(
          wgsl.variable(expr.type, `lane${which}`, value),
          `if (turn > 0u) { lane${which} = lane${which} + ${wgsl.load(expr.type, place)}; }`,
          wgsl.store(expr.type, place, `lane${which}`),
        );
      });
    }, storeFours);
  }
}
