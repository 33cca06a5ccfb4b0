// Programs that sum over the rows and reduce along none (gradients of biases): one thread a place in the row walks a
// block of rows, so that neighbours read neighbours, and keeps its sums in registers.

import type { Kernel, Launch } from "@torchium/tensor/backend";
import { Scope, unreachable } from "@torchium/tensor/backend";
import { countOf, type Dispatch, type LaunchPlan } from "../run/dispatch.js";
import { wgsl } from "../wgsl/dialect.js";
import { moduleText, newSource, Places, type Shader, type Slots } from "../wgsl/module.js";
import { ParamLayout, wordText } from "../wgsl/params.js";
import { laneDispatches, laneOutputs, laneWords, partialLane } from "./lane-sums.js";
import { launchLeaf, writtenHalves, zero } from "./leaves.js";
import { RowAddresses, rowUses } from "./row-addresses.js";

const workgroupSize = 64;
/** Threads that keep a GPU busy. */
const enoughThreads = 2 ** 16;
/** Blocks that the second stage adds up one after the other. */
const maxBlocks = 128;

/** The schedule of sums over rows. */
export class LaneSchedule {
  readonly #kernel: Kernel;
  readonly #layout: ParamLayout<"rows" | "blocks" | "tiles">;
  readonly #shader: Shader;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const { program, rank, access } = kernel;
    this.#layout = new ParamLayout(["rows", "blocks", "tiles"], rank, access.length, program.scalars.length);
    this.#shader = { key: `${kernel.key}/lanes`, render: (slots) => this.#render(slots) };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { program } = this.#kernel;
    const { sizes, operands, label } = launch;
    countOf(sizes, label);
    const length = sizes[sizes.length - 1]!;
    const rows = countOf(sizes.slice(0, -1), label);
    if (rows === 0) return { dispatches: laneDispatches(program, launch, 0, 0), scratchWords: 0 };
    const tiles = Math.max(1, Math.ceil(length / workgroupSize));
    const blocks = Math.min(rows, maxBlocks, Math.max(1, Math.ceil(enoughThreads / (tiles * workgroupSize))));
    const dispatch: Dispatch = {
      shader: this.#shader,
      layout: this.#layout,
      words: this.#layout.block(
        { rows, blocks, tiles },
        sizes,
        operands.map((o) => o.strides),
      ),
      uses: rowUses(program, launch, true),
      groups: tiles * blocks,
    };
    return {
      dispatches: [dispatch, ...laneDispatches(program, launch, blocks, 0)],
      scratchWords: laneWords(program, blocks, length),
    };
  }

  #render(slots: Slots): string {
    const { program } = this.#kernel;
    const layout = this.#layout;
    const source = newSource();
    const places = new Places(slots, [], writtenHalves(program));
    const addresses = new RowAddresses(this.#kernel, layout, places);
    const [rows, blocks, tiles] = (["rows", "blocks", "tiles"] as const).map((f) => wordText(layout.field(f)));
    const length = wordText(layout.size(layout.rank - 1));
    const lanes = laneOutputs(program);
    const scope = new Scope(source, (leaf) => launchLeaf(leaf, layout) ?? unreachable(`${leaf.kind} in a launch`));
    const row = scope.inner(addresses.row, (leaf) => leaf.kind === "input");
    scope.push(
      `let lane = (group % ${tiles}) * ${workgroupSize}u + t;`,
      `let block = group / ${tiles};`,
      `let inside = lane < ${length};`,
      `if (block >= ${blocks} || (!inside && lane != 0u)) { return; }`,
    );
    row.push(...addresses.coordinates("row"));
    const element = row.inner(addresses.lane, (leaf) => leaf.kind === "input" && leaf.role !== "row");
    const values = program.outputs.map((o) => (o.role === "row" ? row : element).value(o.expr));
    const rowStores: string[] = [];
    program.outputs.forEach(({ role }, k) => {
      if (role === "row") rowStores.push(addresses.store(k, values[k]!));
      if (role === "full") element.push(addresses.store(k, values[k]!));
    });
    lanes.forEach(({ expr, operand }, which) => {
      scope.push(wgsl.variable(expr.type, `sum${which}`, zero(expr.type)));
      element.push(`sum${which} = sum${which} + ${values[operand - program.inputs.length]};`);
    });
    const body = [
      ...scope.lines,
      `for (var row = block; row < ${rows}; row += ${blocks}) {`,
      ...row.lines,
      ...(rowStores.length > 0 ? ["if (lane == 0u) {", ...rowStores, "}"] : []),
      "if (inside) {",
      ...element.lines,
      "}",
      "}",
      "if (inside) {",
      ...lanes.map(({ expr }, which) => {
        const place = addresses.scratch(`${partialLane("0u", which, blocks!, "block", length)} + lane`);
        return wgsl.store(expr.type, place, `sum${which}`);
      }),
      "}",
    ];
    return moduleText({ source, places, layout, workgroupSize, body });
  }
}
