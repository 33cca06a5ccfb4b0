// attention and attentionGradient: which launches they make. Threads share out the matrices of the batch.

import type { AnchorCall, Kernel, Launch, LaunchOperand } from "../../backend/backend.js";
import { contiguousStrides, sizeOf } from "../../shape.js";
import {
  type AttentionWord,
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
import type { KernelExecutable } from "../run/kernel-work.js";
import type { AddressWord, CpuExecutable, Crew, ScratchWord, Step, Work } from "../run/work.js";
import { copyKernel } from "./copy.js";

type Call = AnchorCall & { readonly op: "attention" | "attentionGradient" };

/** What attention needs of its backend. */
type AttentionTools = {
  readonly pool: Pool;
  readonly gemm: GemmOptions;
  /** Address of every thread's packing space, one after the other. */
  readonly workspace: number;
  readonly compile: (kernel: Kernel) => KernelExecutable;
};

const axesOfMatrix = 4;
const bytes = 4;

// Nanoseconds of a multiply-add on one thread.
const perMultiplyAdd = 0.07;

const passes = {
  attention: { export: "forward", operands: forwardOperands, module: forwardModule, tiles: 1, products: 2 },
  attentionGradient: { export: "backward", operands: backwardOperands, module: backwardModule, tiles: 2, products: 5 },
} as const;

// The outputs that are written dense, and their axes among the last four.
const writtenAxes: Readonly<Record<string, readonly number[]>> = {
  output: [0, 3],
  queryGradient: [0, 2],
  keyGradient: [1, 2],
  valueGradient: [1, 3],
};

const bitsOf = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0]!;

// Elements of weights, of which a step of training holds several arrays: from a quarter of a gigabyte on, memory decides.
const largeWeights = 2 ** 26;

/**
 * Whether attention is faster in one kernel. Backward that kernel computes the weights again, which a causal mask makes
 * up for on long sequences by what it leaves out; without one it only saves memory. A few queries are faster without
 * packing the keys.
 */
export function attentionPays({ attributes, rank }: Call, sizes: readonly number[], withGradient: boolean): boolean {
  const [queries, keys] = sizes.slice(rank - axesOfMatrix) as [number, number];
  if (!withGradient) return queries >= 32;
  return (attributes.causal && keys >= 256) || sizeOf(sizes.slice(0, rank - axesOfMatrix + 2)) >= largeWeights;
}

/** attention or its gradient, of one structure. */
export class AttentionExecutable implements CpuExecutable {
  readonly key: string;
  readonly #call: Call;
  readonly #layout: ParameterLayout;
  readonly #kernel: number;
  readonly #tools: AttentionTools;

  constructor(key: string, call: Call, tools: AttentionTools) {
    const { pool, gemm } = tools;
    this.key = key;
    this.#call = call;
    this.#tools = tools;
    const pass = passes[call.op];
    this.#layout = new ParameterLayout(call.rank - axesOfMatrix, pass.operands.length, []);
    this.#kernel = pool.register(pass.module({ ...gemm, layout: this.#layout }), pass.export);
  }

  plan(launch: Launch, crew: Crew): Work {
    const layout = this.#layout;
    const { op, attributes } = this.#call;
    const { sizes, operands } = launch;
    const pass = passes[op];
    const names: readonly string[] = pass.operands;
    const outer = layout.outer;
    const [queries, keys, width, valueWidth] = sizes.slice(outer) as [number, number, number, number];
    const queryBlock = blockOf(queries, keys, attributes.causal);
    const scratchBytes = attentionScratchBytes(queryBlock, keys, pass.tiles);
    const batch = sizeOf(sizes.slice(0, outer));
    const multiplyAdds = (pass.products * batch * queries * keys * (width + valueWidth)) / 2;
    const nanoseconds = launchCost(perMultiplyAdd, batch, multiplyAdds);
    const parallel = crew.threads > 1 && batch > 1 && nanoseconds >= crew.parallelNanoseconds;

    const strides = operands.map((o) => o.strides);
    const addresses: AddressWord[] = [];
    const scratch: ScratchWord[] = [{ word: this.#wordAt("scratch"), byteOffset: 0 }];
    const copies: (readonly Step[])[] = [];
    let scratchEnd = scratchBytes * (parallel ? crew.threads : 1);
    operands.forEach((o, operand) => {
      const word = layout.base(operand);
      const axes = writtenAxes[names[operand]!];
      const moved =
        axes &&
        this.#moved(
          launch,
          operand,
          axes.map((axis) => outer + axis),
          scratchEnd,
          crew,
        );
      if (!moved) {
        addresses.push({ word, operand, byteOffset: o.offset * bytes });
        return;
      }
      scratch.push({ word, byteOffset: scratchEnd });
      strides[operand] = moved.strides;
      copies.push(...moved.phases);
      scratchEnd += moved.byteLength;
    });

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
      ...{ logTotalRow: along("logTotal", 0) },
      ...{ scale: bitsOf(attributes.scale), causal: Number(attributes.causal), block: queryBlock },
      ...{ scratch: 0, scratchBytes, workspace: this.#tools.workspace, workspaceBytes: gemmWorkspaceByteLength },
    } satisfies Record<AttentionWord, number>;
    const schedule = { kind: "row", laneAxis: outer, outer, lanesSplit: false } as const;
    const units = pass.operands.map(() => bytes);
    const block = [
      ...fillBlock({ schedule, layout }, units, sizes, strides, {}),
      ...attentionWords.map((name) => words[name]),
    ];
    const threadSpace = { word: this.#wordAt("workspace"), bytes: gemmWorkspaceByteLength };
    const step: Step = {
      ...{ kernel: this.#kernel, block, addresses, scalars: [], scratch, parallel, nanoseconds, threadSpace },
    };
    return { scratchBytes: scratchEnd, phases: [[step], ...copies] };
  }

  #wordAt(name: AttentionWord): number {
    return this.#layout.words + attentionWords.indexOf(name);
  }

  /**
   * For an output over the batch and `axes` that is not dense, which is all the kernel can write: strides of a dense one
   * `byteOffset` bytes into the scratch memory, and what copies that to its place. Undefined for a dense output.
   */
  #moved(
    launch: Launch,
    operand: number,
    axes: readonly number[],
    byteOffset: number,
    crew: Crew,
  ): { readonly strides: readonly number[]; readonly phases: Work["phases"]; readonly byteLength: number } | undefined {
    const { sizes, operands } = launch;
    const target = operands[operand]!;
    const own = [...sizes.keys()].filter((axis) => axis < this.#layout.outer || axes.includes(axis));
    const shape = own.map((axis) => sizes[axis]!);
    const dense = contiguousStrides(shape);
    if (own.every((axis, i) => sizes[axis] === 1 || target.strides[axis] === dense[i])) return undefined;
    const to = own.map((axis) => target.strides[axis]!);
    const source: LaunchOperand = { binding: undefined, byteOffset: 0, strides: dense, offset: 0 };
    const copy = this.#tools.compile(copyKernel("float32", shape, dense, to));
    const { phases } = copy.plan({ ...launch, sizes: shape, operands: [source, { ...target, strides: to }] }, crew);
    const strides = sizes.map((_, axis) => dense[own.indexOf(axis)] ?? 0);
    const placed = phases.map((steps) => steps.map((step) => between(step, byteOffset, operand)));
    return { strides, phases: placed, byteLength: Math.ceil((sizeOf(shape) * bytes) / 64) * 64 + 64 };
  }
}

// A copy's step, its source so far into the scratch memory, its target an operand of the launch.
function between(step: Step, byteOffset: number, operand: number): Step {
  const source = step.addresses.filter((a) => a.operand === 0);
  return {
    ...step,
    addresses: step.addresses.filter((a) => a.operand === 1).map((a) => ({ ...a, operand })),
    scratch: source.map((a) => ({ word: a.word, byteOffset: byteOffset + a.byteOffset })),
  };
}
