// attention and attentionGradient: which launches they make. Threads share out the matrices of the batch.

import type { AnchorCall, Launch } from "../../backend/backend.js";
import { sizeOf } from "../../shape.js";
import {
  attentionScratchBytes,
  attentionWords,
  backwardModule,
  backwardOperands,
  blockOf,
  forwardModule,
  forwardOperands,
} from "../attention/attention-module.js";
import { type GemmOptions, gemmWorkspaceByteLength } from "../gemm/gemm.js";
import type { Pool } from "../pool/pool.js";
import { fillBlock } from "../render/launch-block.js";
import { ParameterLayout } from "../render/parameters.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Work } from "../run/work.js";

type Call = AnchorCall & { readonly op: "attention" | "attentionGradient" };

/** What attention needs of its backend. */
export type AttentionTools = {
  readonly pool: Pool;
  readonly gemm: GemmOptions;
  /** Address of every thread's packing space, one after the other. */
  readonly workspace: number;
};

const axesOfMatrix = 4;
const bytes = 4;

// Nanoseconds of a multiply-add on one thread.
const perMultiplyAdd = 0.07;

const passes = {
  attention: { export: "forward", operands: forwardOperands, module: forwardModule, tiles: 1, products: 2 },
  attentionGradient: { export: "backward", operands: backwardOperands, module: backwardModule, tiles: 2, products: 5 },
} as const;

const bitsOf = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0]!;

/** attention or its gradient, of one structure. */
export class AttentionExecutable implements CpuExecutable {
  readonly key: string;
  readonly #call: Call;
  readonly #layout: ParameterLayout;
  readonly #kernel: number;
  readonly #workspace: number;

  constructor(key: string, call: Call, { pool, gemm, workspace }: AttentionTools) {
    this.key = key;
    this.#call = call;
    this.#workspace = workspace;
    const pass = passes[call.op];
    this.#layout = new ParameterLayout(call.rank - axesOfMatrix, pass.operands.length, []);
    this.#kernel = pool.register(pass.module({ ...gemm, layout: this.#layout }), pass.export);
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const layout = this.#layout;
    const { op, attributes } = this.#call;
    const pass = passes[op];
    const outer = layout.outer;
    const [queries, keys, width, valueWidth] = sizes.slice(outer) as [number, number, number, number];
    const schedule = { kind: "row", laneAxis: outer, outer, lanesSplit: false } as const;
    const strides = operands.map((o) => o.strides);
    const units = pass.operands.map(() => bytes);
    const queryBlock = blockOf(queries, keys, attributes.causal);
    const scratchBytes = attentionScratchBytes(queryBlock, keys, pass.tiles);
    const names: readonly string[] = pass.operands;
    const along = (name: string, axis: number) => {
      const i = names.indexOf(name);
      return i < 0 ? 0 : strides[i]![outer + axis]!;
    };
    const words = {
      ...{ queries, keys, width, valueWidth },
      ...{ queryRow: along("query", 0), queryColumn: along("query", 2) },
      ...{ keyRow: along("key", 1), keyColumn: along("key", 2) },
      ...{ valueRow: along("value", 1), valueColumn: along("value", 3) },
      ...{ gradientRow: along("gradient", 0), gradientColumn: along("gradient", 3) },
      ...{ scale: bitsOf(attributes.scale), causal: Number(attributes.causal), block: queryBlock },
      ...{ scratch: 0, scratchBytes, workspace: this.#workspace, workspaceBytes: gemmWorkspaceByteLength },
    } satisfies Record<(typeof attentionWords)[number], number>;
    const block = [
      ...fillBlock({ schedule, layout }, units, sizes, strides, {}),
      ...attentionWords.map((name) => words[name]),
    ];
    const wordAt = (name: (typeof attentionWords)[number]) => layout.words + attentionWords.indexOf(name);
    const batch = sizeOf(sizes.slice(0, outer));
    const multiplyAdds = (pass.products * batch * queries * keys * (width + valueWidth)) / 2;
    const nanoseconds = launchCost(perMultiplyAdd, batch, multiplyAdds);
    const parallel = threads > 1 && batch > 1 && nanoseconds >= parallelNanoseconds;
    const addresses = operands.map((o, operand) => ({
      word: layout.base(operand),
      operand,
      byteOffset: o.offset * bytes,
    }));
    return {
      scratchBytes: scratchBytes * (parallel ? threads : 1),
      phases: [
        [
          {
            ...{ kernel: this.#kernel, block, addresses, scalars: [], parallel, nanoseconds },
            scratch: [{ word: wordAt("scratch"), byteOffset: 0 }],
            threadSpace: { word: wordAt("workspace"), bytes: gemmWorkspaceByteLength },
          },
        ],
      ],
    };
  }
}
