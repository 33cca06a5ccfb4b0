// matmul: by cuBLASLt where it reads the operands as they lie, else by the own kernel; an epilogue is a map that follows.

import { byteLengthOf, type FloatType, type Launch, type LaunchOperand } from "@torchium/tensor/backend";
import { isNarrow } from "../run/choose-schedule.js";
import { addressOf, CudaExecutable, noWork, ScratchBuffer, type Work } from "../run/executable.js";
import type { KernelExecutable } from "../run/kernel-executable.js";
import type { Geometry, Session } from "../run/session.js";
import type { CublasLt } from "./cublaslt.js";
import { addendsOf, libraryEpilogue } from "./epilogue.js";
import { matmulThreads, matmulTile, renderMatmul } from "./matmul-kernel.js";
import { alignmentOf, planProduct } from "./matmul-layout.js";

type Type = FloatType;

/** A compiled product over [batch…, M, N, K]. */
export class MatmulExecutable extends CudaExecutable {
  readonly #type: Type;
  readonly #cublasLt: CublasLt | undefined;
  readonly #epilogue: KernelExecutable | undefined;

  constructor(key: string, type: Type, cublasLt: CublasLt | undefined, epilogue: KernelExecutable | undefined) {
    super(key);
    this.#type = type;
    this.#cublasLt = cublasLt;
    this.#epilogue = epilogue;
  }

  work(session: Session, launch: Launch): Work {
    const { sizes, operands, label } = launch;
    if (sizes.slice(0, -1).includes(0)) return noWork;
    if (!this.#epilogue) return this.#product(session, sizes, operands, label);
    const whole = this.#byLibraryAlone(sizes, operands, label, session);
    if (whole) return whole;
    const axes = sizes.slice(0, -1);
    const count = axes.reduce((n, size) => n * size, 1);
    const strides = axes.map((_, axis) => axes.slice(axis + 1).reduce((n, size) => n * size, 1));
    const buffer = new ScratchBuffer(session.memory, count * byteLengthOf(this.#type));
    const result = (rank: number): LaunchOperand => ({
      buffer,
      byteOffset: 0,
      offset: 0,
      strides: [...strides, 0].slice(0, rank),
    });
    const product = this.#product(session, sizes, [operands[0]!, operands[1]!, result(sizes.length)], label);
    const follow = this.#epilogue.work(session, {
      ...launch,
      sizes: axes,
      operands: [result(axes.length), ...operands.slice(2)],
    });
    return {
      enqueue: () =>
        session.withScratch(buffer.byteLength, (address) => {
          buffer.address = address;
          product.enqueue();
          follow.enqueue();
        }),
    };
  }

  #product(session: Session, sizes: readonly number[], operands: readonly LaunchOperand[], label: string): Work {
    const [a, b, c] = operands as [LaunchOperand, LaunchOperand, LaunchOperand];
    return this.#byLibrary(session, sizes, [a, b, c], [], label) ?? this.#byKernel(session, sizes, operands, label);
  }

  /** The product and its epilogue in one, where that is what the library computes. */
  #byLibraryAlone(
    sizes: readonly number[],
    operands: readonly LaunchOperand[],
    label: string,
    session: Session,
  ): Work | undefined {
    const { kernel } = this.#epilogue!;
    const addends = addendsOf(kernel, this.#type);
    if (!addends) return undefined;
    const [a, b, ...others] = operands as [LaunchOperand, LaunchOperand, ...LaunchOperand[]];
    const out = others.at(-1)!;
    const d = { ...out, strides: [...out.strides, 0] };
    const added = addends.map((index) => others[index - 1]!);
    return this.#byLibrary(session, sizes, [a, b, d], added, label, out);
  }

  #byLibrary(
    session: Session,
    sizes: readonly number[],
    [a, b, c]: readonly [LaunchOperand, LaunchOperand, LaunchOperand],
    added: readonly LaunchOperand[],
    label: string,
    out: LaunchOperand = c,
  ): Work | undefined {
    const library = this.#cublasLt;
    if (!library) return undefined;
    const planned = planProduct(
      sizes,
      [a, b, c].map((o) => o.strides),
    );
    if (!planned) return undefined;
    const { product, starts } = planned;
    const unit = byteLengthOf(this.#type);
    const epilogue = added.length === 0 ? undefined : libraryEpilogue(added, product, unit);
    if (added.length > 0 && (!epilogue || starts.length > 1)) return undefined;
    const from = epilogue?.c;
    const bias = epilogue?.bias;
    const inOrder = [...(product.swapped ? [b, a] : [a, b]), from?.operand ?? c, c];
    const alignments = inOrder.map((o) => alignmentOf(o, unit, sizes.length - 3));
    const layout = from && { rows: from.rows, columns: from.columns, leading: from.leading, transposed: false };
    const plan = library.plan(this.#type, product, alignments, { c: layout, bias: bias !== undefined });
    if (!plan) return undefined;
    return {
      enqueue: () => {
        const [fromA, fromB, toC] = [addressOf(a, unit), addressOf(b, unit), addressOf(out, unit)];
        for (const [atA, atB, atC] of starts) {
          const first = fromA + atA * unit;
          const second = fromB + atB * unit;
          const factors = product.swapped ? { a: second, b: first } : { a: first, b: second };
          const terms = {
            ...(from && { c: addressOf(from.operand, unit) }),
            ...(bias && { bias: addressOf(bias, unit) }),
          };
          library.run(session, plan, { ...factors, ...terms, d: toC + atC * unit }, label);
        }
      },
    };
  }

  #byKernel(session: Session, sizes: readonly number[], operands: readonly LaunchOperand[], label: string): Work {
    const batchAxes = sizes.length - 3;
    const [m, n] = sizes.slice(batchAxes) as [number, number];
    const text = renderMatmul(this.#type, batchAxes, !isNarrow({ sizes, operands }, session.narrowLimit));
    const params = text.layout.block();
    const batches = sizes.slice(0, batchAxes).reduce((count, size) => count * size, 1);
    const [down, across] = [Math.ceil(m / matmulTile), Math.ceil(n / matmulTile)];
    params.setAll("size", sizes);
    params.set("batches", batches);
    params.set("tilesAcross", across);
    const names = ["a", "b", "c"] as const;
    names.forEach((name, i) => {
      params.setAll(`${name}Stride`, operands[i]!.strides);
    });
    const geometry: Geometry = { blocks: [down * across, Math.min(batches, 65_535), 1], threads: matmulThreads };
    const unit = byteLengthOf(this.#type);
    return {
      enqueue: () => {
        names.forEach((name, i) => {
          params.set(name, addressOf(operands[i]!, unit));
        });
        session.launch(text, geometry, params, label);
      },
    };
  }
}
