// Attention and its gradient as single operations: which shaders run, over how many work groups. No array of queries × keys
// is stored; the gradient computes the scores again, once by queries and once by keys, so that nothing is added by two.

import type { AttentionAttributes, Launch } from "@torchium/tensor/backend";
import { countOf, type Dispatch, GpuExecutable, type LaunchPlan, scratchUse, useOf } from "../run/dispatch.js";
import type { Shader } from "../wgsl/module.js";
import { ParamLayout } from "../wgsl/params.js";
import {
  type AttentionPass,
  factors,
  gradients,
  logTotal,
  means,
  output,
  passes,
  queryAxis,
} from "./attention-passes.js";
import { type AttentionLayout, AttentionText, tileSide } from "./attention-text.js";
import { isVectorAlong } from "./vectors.js";

/** Batch, heads, and the four axes of matrices. */
const usualRank = 6;

type LaunchShape = Pick<Launch, "sizes" | "operands" | "label">;

/** `attention` and `attentionGradient` over [batch…, L, S, E, V]. */
export class AttentionExecutable extends GpuExecutable {
  readonly #attributes: AttentionAttributes;
  readonly #isGradient: boolean;
  /** Axes of the batch that are put before those of a launch, so that one shader serves any few. */
  readonly #padding: readonly number[];
  readonly #layout: AttentionLayout;
  readonly #shaders = new Map<string, Shader>();

  constructor(key: string, attributes: AttentionAttributes, isGradient: boolean, rank: number) {
    super(key);
    this.#attributes = attributes;
    this.#isGradient = isGradient;
    this.#padding = new Array(Math.max(0, usualRank - rank)).fill(1);
    const operands = isGradient ? means + 1 : logTotal + 1;
    const fields = ["rowTiles", "parts", "groups", "scale"] as const;
    this.#layout = new ParamLayout(fields, this.#padding.length + rank, operands, 0);
  }

  plan(launch: LaunchShape): LaunchPlan {
    const { sizes, label } = launch;
    const inner = sizes.slice(-4);
    const batch = countOf(sizes.slice(0, -4), label);
    if (countOf([batch, Math.max(...inner)], label) === 0) return { dispatches: [], scratchWords: 0 };
    const dispatch = (
      pass: AttentionPass,
      most: number,
      read: readonly number[],
      written: readonly number[],
    ): Dispatch =>
      this.#dispatch(pass, launch, batch, most, [
        ...launch.operands.map((_, i) =>
          read.includes(i) || written.includes(i) ? useOf(launch, i, written.includes(i)) : undefined,
        ),
        ...(this.#isGradient ? [scratchUse] : []),
      ]);
    if (!this.#isGradient) {
      const forward = dispatch(passes.forward, 4, [0, 1, 2], [output.operand, logTotal]);
      return { dispatches: [forward], scratchWords: 0 };
    }
    // With scratch memory each binds eight buffers, which every device has.
    const inputs = [0, 1, 2, logTotal, 5];
    const byQueries = dispatch(passes.queries, 4, [...inputs, output.operand], [gradients.query]);
    const byKeys = dispatch(passes.keys, 2, inputs, [gradients.key, gradients.value]);
    return { dispatches: [byQueries, byKeys], scratchWords: batch * inner[queryAxis]! };
  }

  /** A pass whose work groups take up to `most` tiles of its sums' columns. */
  #dispatch(
    pass: AttentionPass,
    { sizes, operands }: LaunchShape,
    batch: number,
    most: number,
    uses: Dispatch["uses"],
  ): Dispatch {
    const { causal, scale } = this.#attributes;
    const first = sizes.length - 4;
    const needed = Math.max(...pass.sums.map(({ depth }) => Math.ceil(sizes[first + depth]! / tileSide)));
    // A power of two, as every number of tiles is a shader of its own.
    const tiles = Math.min(most, 2 ** Math.ceil(Math.log2(needed)));
    const parts = Math.ceil(needed / tiles);
    const rowTiles = Math.ceil(sizes[first + pass.rows]! / tileSide);
    const groups = countOf([batch, rowTiles, parts], "attention");
    const isWide = factors.every(({ operand, depth }) => {
      const use = uses[operand];
      return (
        !use || use.written || (sizes[first + depth]! % 4 === 0 && isVectorAlong(operands[operand]!, first + depth))
      );
    });
    const key = [pass.name, this.#layout.rank, causal, tiles, isWide].join("/");
    let shader = this.#shaders.get(key);
    if (!shader) {
      const vectors = operands.map((_, i) => isWide && !uses[i]?.written && factors.some((f) => f.operand === i));
      const render: Shader["render"] = (slots) =>
        new AttentionText(pass, this.#layout, { causal, tiles, vectors }, slots).render();
      shader = { key: `attention/${key}`, render };
      this.#shaders.set(key, shader);
    }
    const fields = { rowTiles, parts, groups, scale: new Uint32Array(Float32Array.of(scale).buffer)[0]! };
    const words = this.#layout.block(
      fields,
      [...this.#padding, ...sizes],
      operands.map((o) => [...this.#padding, ...o.strides]),
    );
    return { shader, layout: this.#layout, words, uses, groups };
  }
}
