// scan: inclusive prefix sums along the row, forwards or backwards. Each row is one thread's, summed element by element
// in order; float32 sums are kept in float64.

import type { Launch } from "../../backend/backend.js";
import { byteLengthOf, type DType } from "../../dtype.js";
import type { Pool } from "../pool/pool.js";
import { extentOf, fillBlock } from "../render/launch-block.js";
import { ParameterLayout } from "../render/parameters.js";
import type { Schedule } from "../render/render.js";
import { kernelParams, Parameters, takeShares, walkOuter } from "../render/walk.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Work } from "../run/work.js";
import { type FunctionBuilder, f32, f64, i32, type Local, ModuleBuilder } from "../wasm/assembler.js";

type ScanType = Exclude<DType, "bool">;
type Attributes = { readonly type: ScanType; readonly reverse: boolean };

/** The kernel's module for one structure; exports `scan`. */
function scanModule({ type, reverse }: Attributes, layout: ParameterLayout, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  module.function({ params: kernelParams, export: "scan" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const pointers = [0, 1].map((i) => parameters.local(layout.base(i)));
    const strides = [0, 1].map((i) => parameters.local(layout.rowStride(i)));
    const length = parameters.header("rowCount");
    const { outer } = takeShares(f, parameters, thread, threads);
    walkOuter(f, parameters, outer, pointers, () => {
      const moves = strides.map((stride) => (reverse ? f.local("i32", i32.sub(0, stride)) : stride));
      const last = f.local("i32", i32.sub(length, 1));
      const [from, to] = pointers.map((pointer, i) =>
        f.local("i32", reverse ? i32.add(pointer, i32.mul(last, strides[i]!)) : pointer),
      );
      emitRow(f, type, length, [from!, moves[0]!], [to!, moves[1]!]);
    });
  });
  return module.finish();
}

type Walk = readonly [pointer: Local<"i32">, stride: Local<"i32">];

function emitRow(f: FunctionBuilder, type: ScanType, length: Local<"i32">, from: Walk, to: Walk): void {
  const step = f.local("i32");
  const each = (body: () => void) =>
    f.for(step, 0, length, 1, () => {
      body();
      for (const [pointer, stride] of [from, to]) f.increment(pointer, stride);
    });
  if (type === "int32" || type === "uint32") {
    const sum = f.local("i32", 0);
    each(() => {
      f.increment(sum, i32.load(from[0]));
      f.store.i32(to[0], sum);
    });
    return;
  }
  const sum = f.local("f64", 0);
  each(() => {
    const x = type === "float32" ? f64.promoteF32(f32.load(from[0])) : f64.load(from[0]);
    f.set(sum, f64.add(sum, x));
    if (type === "float32") f.store.f32(to[0], f32.demoteF64(sum));
    else f.store.f64(to[0], sum);
  });
}

/** scan of one structure. */
export class ScanExecutable implements CpuExecutable {
  readonly key: string;
  readonly #bytes: number;
  readonly #schedule: Schedule;
  readonly #layout: ParameterLayout;
  readonly #kernel: number;

  constructor(attributes: Attributes, rank: number, pool: Pool) {
    this.key = `scan/${attributes.type}/${attributes.reverse}/${rank}`;
    this.#bytes = byteLengthOf(attributes.type);
    this.#schedule = { kind: "row", laneAxis: rank - 1, lanesSplit: false };
    this.#layout = new ParameterLayout(rank - 1, 2, []);
    this.#kernel = pool.register(scanModule(attributes, this.#layout, pool.shared), "scan");
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const layout = this.#layout;
    const schedule = this.#schedule;
    const strides = operands.map((o) => o.strides);
    const block = fillBlock({ schedule, layout }, [this.#bytes, this.#bytes], sizes, strides, {});
    const addresses = operands.map((o, operand) => ({
      word: layout.base(operand),
      operand,
      byteOffset: o.offset * this.#bytes,
    }));
    const { outerCount, rowCount } = extentOf(schedule, sizes);
    const nanoseconds = launchCost(1.5, outerCount, outerCount * rowCount);
    const parallel = threads > 1 && outerCount > 1 && nanoseconds >= parallelNanoseconds;
    return {
      scratchBytes: 0,
      phases: [[{ kernel: this.#kernel, block, addresses, scalars: [], scratch: [], parallel, nanoseconds }]],
    };
  }
}
