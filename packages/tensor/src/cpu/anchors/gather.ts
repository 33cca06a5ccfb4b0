// gather: rows of a table by id. Ids outside the table give rows of zeros and a fault. Threads share out the rows.

import type { Launch } from "../../backend/backend.js";
import { byteLengthOf, type DType } from "../../dtype.js";
import type { Pool } from "../pool/pool.js";
import { kernelParams, shareOf } from "../render/walk.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Step, Work } from "../run/work.js";
import { type FunctionBuilder, i32, i64, type Local, ModuleBuilder, v128 } from "../wasm/assembler.js";
import { loadWords, makeBlock, wordOf } from "./block.js";
import { emitNoteFault, faultWords } from "./faults.js";

const words = [
  "rows",
  "width",
  "tableRows",
  "table",
  "tableRow",
  "tableColumn",
  "ids",
  "idStride",
  "output",
  "outputRow",
  "outputColumn",
] as const;

/** The kernel's module for elements of `bytes` bytes; exports `gather`. */
function gatherModule(bytes: 4 | 8, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  module.function({ params: kernelParams, export: "gather" }, (f, { params, thread, threads }) => {
    const p = loadWords(f, words, params);
    const faults = f.local("i32", i32.add(params, words.length * 4));
    const share = shareOf(f, thread, threads, p.rows, 1);
    const dense = f.local("i32", i32.and(i32.eq(p.tableColumn, bytes), i32.eq(p.outputColumn, bytes)));
    const row = f.local("i32");
    const column = f.local("i32");
    const byteLength = f.local("i32", i32.mul(p.width, bytes));
    f.for(row, share.from, share.to, 1, () => {
      const id = f.local("i32", i32.load(i32.add(p.ids, i32.mul(row, p.idStride))));
      const to = f.local("i32", i32.add(p.output, i32.mul(row, p.outputRow)));
      const from = f.local("i32", i32.add(p.table, i32.mul(id, p.tableRow)));
      const eachColumn = (move: () => void) =>
        f.for(column, 0, p.width, 1, () => {
          move();
          f.increment(to, p.outputColumn);
          f.increment(from, p.tableColumn);
        });
      const copyOne = () => (bytes === 8 ? f.store.i64(to, i64.load(from)) : f.store.i32(to, i32.load(from)));
      const clearOne = () => (bytes === 8 ? f.store.i64(to, 0n) : f.store.i32(to, 0));
      f.if(
        i32.geU(id, p.tableRows),
        () => {
          emitNoteFault(f, faults, thread, row, id);
          eachColumn(clearOne);
        },
        () =>
          f.if(
            dense,
            () => copyDense(f, to, from, byteLength),
            () => eachColumn(copyOne),
          ),
      );
    });
  });
  return module.finish();
}

// Rows are too short for `memory.copy`, which costs as much as some hundred bytes. Whole vectors, then words.
function copyDense(f: FunctionBuilder, to: Local<"i32">, from: Local<"i32">, byteLength: Local<"i32">): void {
  const end = f.local("i32", i32.add(to, byteLength));
  for (const vectors of [4, 1]) {
    const bytes = 16 * vectors;
    f.while(i32.geS(i32.sub(end, to), bytes), () => {
      const values = Array.from({ length: vectors }, (_, i) => f.local("v128", v128.load(from, 16 * i)));
      values.forEach((value, i) => f.store.v128(to, value, 16 * i));
      f.increment(to, bytes);
      f.increment(from, bytes);
    });
  }
  f.while(i32.ne(to, end), () => {
    f.store.i32(to, i32.load(from));
    f.increment(to, 4);
    f.increment(from, 4);
  });
}

/** gather of one dtype. */
export class GatherExecutable implements CpuExecutable {
  readonly key: string;
  readonly #bytes: number;
  readonly #kernel: number;

  constructor(type: DType, pool: Pool) {
    this.key = `gather/${type}`;
    this.#bytes = byteLengthOf(type);
    this.#kernel = pool.register(gatherModule(type === "float64" ? 8 : 4, pool.shared), "gather");
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const [rows, width, tableRows] = [sizes[0]!, sizes[1]!, sizes[2]!];
    const [table, ids, output] = [operands[0]!, operands[1]!, operands[2]!];
    const bytes = this.#bytes;
    const block = makeBlock(
      words,
      {
        rows,
        width,
        tableRows,
        tableColumn: table.strides[1]! * bytes,
        tableRow: table.strides[2]! * bytes,
        idStride: ids.strides[0]! * 4,
        outputRow: output.strides[0]! * bytes,
        outputColumn: output.strides[1]! * bytes,
      },
      faultWords(threads),
    );
    const nanoseconds = launchCost(bytes * 0.1, rows, rows * width);
    const step: Step = {
      kernel: this.#kernel,
      block,
      addresses: [
        { word: wordOf(words, "table"), operand: 0, byteOffset: table.offset * bytes },
        { word: wordOf(words, "ids"), operand: 1, byteOffset: ids.offset * 4 },
        { word: wordOf(words, "output"), operand: 2, byteOffset: output.offset * bytes },
      ],
      scalars: [],
      scratch: [],
      parallel: threads > 1 && rows > 1 && nanoseconds >= parallelNanoseconds,
      nanoseconds,
      faults: { word: words.length, tableRows },
    };
    return { phases: [[step]], scratchBytes: 0 };
  }
}
