// Which of core's anchors this backend runs itself, and what runs them: one executable for each structure.

import type { AnchorCall, Kernel } from "../../backend/backend.js";
import { isHalf } from "../../dtype.js";
import type { Blas } from "../blas/blas.js";
import { blasModule } from "../blas/products.js";
import { type GemmOptions, gemmModule, gemmWorkspaceByteLength } from "../gemm/gemm.js";
import type { Pool } from "../pool/pool.js";
import type { KernelExecutable } from "../run/kernel-work.js";
import type { CpuExecutable } from "../run/work.js";
import { AttentionExecutable } from "./attention.js";
import { GatherExecutable } from "./gather.js";
import { MatmulExecutable, type MatmulTools } from "./matmul.js";
import { PickedRowsExecutable } from "./picked-rows.js";
import { ScanExecutable } from "./scan.js";
import { ScatterExecutable } from "./scatter.js";
import { SortExecutable } from "./sort.js";

/** What anchors need of their backend. */
export type AnchorTools = {
  readonly pool: Pool;
  /** How products are computed. */
  readonly gemm: GemmOptions;
  /** A library for the products that it computes faster. */
  readonly blas: Blas | undefined;
  /** The address of memory that stays the caller's for good. */
  readonly reserve: (byteLength: number) => number;
  readonly compile: (kernel: Kernel) => KernelExecutable;
};

/** The anchors of one backend. */
export class Anchors {
  readonly #tools: AnchorTools;
  readonly #executables = new Map<string, CpuExecutable>();
  #matmulTools: MatmulTools | undefined;
  #packing: number | undefined;

  constructor(tools: AnchorTools) {
    this.#tools = tools;
  }

  /** What runs `call`; undefined where core's composition takes its place. */
  of(call: AnchorCall): CpuExecutable | undefined {
    const { pool } = this.#tools;
    // Core runs those of 16 bits in float32.
    if (isHalf(call.attributes.type)) return undefined;
    if (call.op === "matmul") return this.#matmul(call);
    if (call.epilogue) return undefined;
    switch (call.op) {
      case "gather": {
        const { type } = call.attributes;
        return this.#cached(`gather/${type}`, () => new GatherExecutable(type, pool));
      }
      case "scatterAdd": {
        const { type } = call.attributes;
        return this.#cached(`scatterAdd/${type}`, () => new ScatterExecutable(type, "zero", pool));
      }
      case "scatterInto": {
        const { type, mode } = call.attributes;
        return this.#cached(`scatterInto/${type}/${mode}`, () => new ScatterExecutable(type, mode, pool));
      }
      case "gatherDot":
      case "gatherSum":
      case "scatterOuter": {
        const { op } = call;
        return this.#cached(op, () => new PickedRowsExecutable(op, pool));
      }
      case "scan": {
        const { type, reverse } = call.attributes;
        if (type === "bool") return undefined;
        const make = () => new ScanExecutable({ type, reverse }, call.rank, pool);
        return this.#cached(`scan/${type}/${reverse}/${call.rank}`, make);
      }
      case "sort": {
        const { type, descending } = call.attributes;
        const make = () => new SortExecutable({ type, descending }, call.rank, pool);
        return this.#cached(`sort/${type}/${descending}/${call.rank}`, make);
      }
      case "attention":
      case "attentionGradient": {
        const { causal, scale } = call.attributes;
        const key = `${call.op}/${causal}/${scale}/${call.rank}`;
        return this.#cached(key, () => this.#attention(key, call));
      }
    }
  }

  // Keys say which class an executable is of.
  #cached<E extends CpuExecutable>(key: string, make: () => E): E {
    const known = this.#executables.get(key);
    if (known) return known as E;
    const executable = make();
    this.#executables.set(key, executable);
    return executable;
  }

  #matmul(call: AnchorCall & { readonly op: "matmul" }): CpuExecutable {
    const key = `matmul/${call.attributes.type}/${call.rank}/${call.epilogue?.key}`;
    return this.#cached(key, () => {
      this.#matmulTools ??= this.#makeMatmulTools();
      return new MatmulExecutable(key, call, this.#matmulTools);
    });
  }

  #makeMatmulTools(): MatmulTools {
    const { pool, gemm, blas, compile } = this.#tools;
    const module = gemmModule(gemm);
    const products = {
      float32: pool.register(module, "gemmFloat32"),
      float64: pool.register(module, "gemmFloat64"),
    };
    const calls = blas && blasModule(pool.shared);
    const library = calls && {
      float32: pool.register(calls, "gemmFloat32"),
      float64: pool.register(calls, "gemmFloat64"),
      leastMultiplyAdds: blas.leastMultiplyAdds,
    };
    return { products, library, workspace: this.#packingSpace(), compile };
  }

  #attention(key: string, call: AnchorCall & { readonly op: "attention" | "attentionGradient" }): AttentionExecutable {
    const { pool, gemm, compile } = this.#tools;
    return new AttentionExecutable(key, call, { pool, gemm, workspace: this.#packingSpace(), compile });
  }

  // Where products pack their operands, every thread in a part of its own.
  #packingSpace(): number {
    const { pool, reserve } = this.#tools;
    this.#packing ??= reserve(gemmWorkspaceByteLength * pool.threads);
    return this.#packing;
  }
}
