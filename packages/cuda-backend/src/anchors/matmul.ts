// matmul: by cuBLASLt where it reads the operands as they lie, else by the own kernel; an epilogue that the library
// does not compute is a map that follows.

import { byteLengthOf, type FloatType, type Launch, type LaunchOperand } from "@torchium/tensor/backend";
import { isNarrow } from "../run/choose-schedule.js";
import { addressOf, CudaExecutable, noWork, ScratchBuffer, type Work } from "../run/executable.js";
import type { KernelExecutable } from "../run/kernel-executable.js";
import type { Geometry, Session } from "../run/session.js";
import type { CublasLt } from "./cublaslt.js";
import { libraryProduct, plainProduct, type WholeProduct, wholeProduct } from "./library-product.js";
import { matmulThreads, matmulTile, renderMatmul } from "./matmul-kernel.js";

type Type = FloatType;

/** A compiled product over [batch…, M, N, K]. */
export class MatmulExecutable extends CudaExecutable {
  readonly #type: Type;
  readonly #library: CublasLt | undefined;
  readonly #epilogue: KernelExecutable | undefined;
  /** The product with its epilogue, where the library may compute both. */
  readonly #whole: WholeProduct | undefined;

  constructor(key: string, type: Type, library: CublasLt | undefined, epilogue: KernelExecutable | undefined) {
    super(key);
    this.#type = type;
    this.#library = library;
    this.#epilogue = epilogue;
    this.#whole = epilogue && wholeProduct(epilogue.kernel, type);
  }

  work(session: Session, launch: Launch): Work {
    const { sizes, operands, label } = launch;
    if (sizes.slice(0, -1).includes(0)) return noWork;
    if (!this.#epilogue) return this.#product(session, sizes, operands, label);
    const whole = this.#whole && this.#library && libraryProduct(this.#library, this.#whole, session, launch);
    if (whole) return whole;
    const axes = sizes.slice(0, -1);
    const count = axes.reduce((n, size) => n * size, 1);
    const strides = axes.map((_, axis) => axes.slice(axis + 1).reduce((n, size) => n * size, 1));
    const buffer = new ScratchBuffer(session.memory, count * byteLengthOf(this.#type));
    const result = (rank: number): LaunchOperand => ({
      binding: { buffer },
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
    const launch = { sizes, operands, label };
    const work = this.#library && libraryProduct(this.#library, plainProduct(this.#type), session, launch);
    return work ?? this.#byKernel(session, sizes, operands, label);
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
