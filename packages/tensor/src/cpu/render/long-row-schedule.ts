// Long rows, few of them: the row is cut into chunks that threads share out. `partial` reduces chunks into scratch
// memory; `finish`, which comes after it, joins them in order and writes the outputs. Chunks do not depend on the number
// of threads, so neither do results.

import type { Kernel } from "../../backend/backend.js";
import type { Program } from "../../kernel/program.js";
import { identityOf, reducePasses } from "../../kernel/reductions.js";
import { type FunctionBuilder, i32, type Local, type ModuleBuilder, v128 } from "../wasm/assembler.js";
import { joinVectors } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { constantVector, vectorsPerFour } from "./lanes.js";
import type { ParameterLayout } from "./parameters.js";
import { RowEmitter } from "./row-emitter.js";
import { kernelParams, Parameters, shareOf, startAt, walkOuter } from "./walk.js";

/** Elements of a chunk. */
export const chunkLength = 16384;

// A chunk's result of one reduction, the same in all lanes.
const slotBytes = 16;

/** Whether a program can run in chunks: reductions that all fit in one pass, and one value a row as output. */
export const runsInChunks = (program: Program): boolean =>
  reducePasses(program).length === 1 && program.outputs.every((o) => o.role === "row");

/** Scratch bytes of one chunk. */
export const chunkBytes = (program: Program): number => program.reduces.length * slotBytes;

/** Emits `partial` and `finish`. */
export function emitLongRowSchedule(
  module: ModuleBuilder,
  kernel: Kernel,
  layout: ParameterLayout,
  doubles: DoubleMath | undefined,
): void {
  const [reductions] = reducePasses(kernel.program);
  const bytesPerChunk = chunkBytes(kernel.program);

  module.function({ params: kernelParams, export: "partial" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const emitter = new RowEmitter(f, kernel, parameters, undefined, doubles);
    const starts = emitter.operands.pointers.map((pointer) => f.local("i32", pointer));
    const length = parameters.header("rowCount");
    const chunks = chunkCount(f, length);
    const units = f.local("i32", i32.mul(parameters.header("outerCount"), chunks));
    const share = shareOf(f, thread, threads, units, 1);
    const slot = f.local("i32", i32.add(parameters.header("scratch"), i32.mul(share.from, bytesPerChunk)));
    const unit = f.local("i32");
    f.for(unit, share.from, share.to, 1, () => {
      emitter.operands.pointers.forEach((pointer, i) => f.set(pointer, starts[i]!));
      startAt(f, parameters, f.local("i32", i32.divU(unit, chunks)), emitter.operands.pointers);
      const from = f.local("i32", i32.mul(i32.remU(unit, chunks), chunkLength));
      const to = f.local("i32", i32.add(from, chunkLength));
      f.set(to, i32.select(to, length, i32.ltS(to, length)));
      emitter.row(() => {
        const results = emitter.reduce(reductions!, 0, { from, to });
        results.forEach((result, i) => f.store.v128(slot, result[0]!, i * slotBytes));
      });
      f.increment(slot, bytesPerChunk);
    });
  });

  module.function({ params: kernelParams, export: "finish" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const emitter = new RowEmitter(f, kernel, parameters, undefined, doubles);
    const chunks = chunkCount(f, parameters.header("rowCount"));
    const rows = shareOf(f, thread, threads, parameters.header("outerCount"), 1);
    const slot = f.local("i32", parameters.header("scratch"));
    f.increment(slot, i32.mul(i32.mul(rows.from, chunks), bytesPerChunk));
    walkOuter(f, parameters, rows, emitter.operands.pointers, () => {
      emitter.row(() => {
        const totals = reductions!.map((r) =>
          f.local("v128", constantVector(f, r.of.type, identityOf(r.op, r.of.type))),
        );
        const chunk = f.local("i32");
        f.for(chunk, 0, chunks, 1, () => {
          reductions!.forEach((r, i) => {
            f.set(totals[i]!, joinVectors(r.op, r.of.type)(totals[i]!, v128.load(slot, i * slotBytes)));
          });
          f.increment(slot, bytesPerChunk);
        });
        reductions!.forEach((r, i) => {
          emitter.define(r, new Array<Local<"v128">>(vectorsPerFour(r.of.type)).fill(totals[i]!));
        });
        emitter.write(1, { from: chunk, to: chunk });
      });
    });
  });
}

const chunkCount = (f: FunctionBuilder, length: Local<"i32">): Local<"i32"> =>
  f.local("i32", i32.divU(i32.add(length, chunkLength - 1), chunkLength));
