// scatterAdd and scatterInto: rows are added to rows of a table, zeroed first or not, or put there. Every thread walks all
// rows in order, so sums never depend on the number of threads: scatterAdd's take some of the columns, so that each zeroes
// long stretches, those of scatterInto take the rows of the table that they own.

import type { Launch } from "../../backend/backend.js";
import { byteLengthOf } from "../../dtype.js";
import type { Pool } from "../pool/pool.js";
import { kernelParams, shareOf } from "../render/walk.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Step, Work } from "../run/work.js";
import {
  type FunctionBuilder,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  type Local,
  ModuleBuilder,
  v128,
} from "../wasm/assembler.js";
import { loadWords, makeBlock, wordOf } from "./block.js";
import { emitNoteFault, faultWords } from "./faults.js";
import { emitOwns } from "./owner.js";

const words = [
  "rows",
  "width",
  "tableRows",
  "updates",
  "updateRow",
  "updateColumn",
  "ids",
  "idStride",
  "output",
  "outputRow",
  "outputColumn",
] as const;

// Threads share out columns in whole cache lines.
const columnGrain = 16;

/** What happens to the table: zeroed and added to, added to, or overwritten. */
export type ScatterMode = "zero" | "add" | "set";

/** The kernel's module for one dtype; exports `scatter`. */
function scatterModule(type: "float32" | "float64", mode: ScatterMode, shared: boolean): Uint8Array<ArrayBuffer> {
  const bytes = byteLengthOf(type);
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  module.function({ params: kernelParams, export: "scatter" }, (f, { params, thread, threads }) => {
    const p = loadWords(f, words, params);
    const faults = f.local("i32", i32.add(params, words.length * 4));
    const share =
      mode === "zero"
        ? shareOf(f, thread, threads, p.width, columnGrain)
        : { from: f.local("i32", 0), to: f.local("i32", p.width) };
    f.if(i32.geS(share.from, share.to), () => f.return());
    const count = f.local("i32", i32.sub(share.to, share.from));
    f.increment(p.updates, i32.mul(share.from, p.updateColumn));
    f.increment(p.output, i32.mul(share.from, p.outputColumn));
    const dense = f.local("i32", i32.and(i32.eq(p.updateColumn, bytes), i32.eq(p.outputColumn, bytes)));
    const row = f.local("i32");
    const to = f.local("i32", p.output);
    if (mode === "zero") {
      const rowLength = f.local("i32", i32.mul(count, bytes));
      const isOneBlock = i32.and(i32.eq(p.outputColumn, bytes), i32.eq(p.outputRow, rowLength));
      f.if(
        isOneBlock,
        () => f.memoryFill(to, 0, i32.mul(p.tableRows, rowLength)),
        () =>
          f.for(row, 0, p.tableRows, 1, () => {
            f.if(
              i32.eq(p.outputColumn, bytes),
              () => f.memoryFill(to, 0, rowLength),
              () => eachColumn(f, count, [[to, p.outputColumn]], ([at]) => storeZero(f, type, at!)),
            );
            f.increment(to, p.outputRow);
          }),
      );
    }
    f.for(row, 0, p.rows, 1, () => {
      const id = f.local("i32", i32.load(i32.add(p.ids, i32.mul(row, p.idStride))));
      const from = f.local("i32", i32.add(p.updates, i32.mul(row, p.updateRow)));
      f.set(to, i32.add(p.output, i32.mul(id, p.outputRow)));
      const put = () =>
        f.if(
          dense,
          () => putDense(f, type, mode, to, from, count),
          () => {
            const walk = [
              [to, p.outputColumn],
              [from, p.updateColumn],
            ] as const;
            eachColumn(f, count, walk, ([at, x]) => putOne(f, type, mode, at!, x!));
          },
        );
      f.if(
        i32.geU(id, p.tableRows),
        () => emitNoteFault(f, faults, thread, row, id),
        () => {
          if (mode === "zero") put();
          else f.if(emitOwns(id, thread, threads), put);
        },
      );
    });
  });
  return module.finish();
}

type Pointer = readonly [start: Local<"i32">, stride: Local<"i32">];

// Runs `body` for `count` columns with pointers that walk along.
function eachColumn(
  f: FunctionBuilder,
  count: Local<"i32">,
  starts: readonly Pointer[],
  body: (pointers: readonly Local<"i32">[]) => void,
): void {
  const column = f.local("i32");
  const pointers = starts.map(([start]) => f.local("i32", start));
  f.for(column, 0, count, 1, () => {
    body(pointers);
    pointers.forEach((pointer, i) => f.increment(pointer, starts[i]![1]));
  });
}

function storeZero(f: FunctionBuilder, type: "float32" | "float64", to: Local<"i32">): void {
  if (type === "float64") f.store.f64(to, 0);
  else f.store.f32(to, 0);
}

function putOne(
  f: FunctionBuilder,
  type: "float32" | "float64",
  mode: ScatterMode,
  to: Local<"i32">,
  from: Local<"i32">,
): void {
  if (type === "float64") f.store.f64(to, mode === "set" ? f64.load(from) : f64.add(f64.load(to), f64.load(from)));
  else f.store.f32(to, mode === "set" ? f32.load(from) : f32.add(f32.load(to), f32.load(from)));
}

// Whole vectors, then element by element.
function putDense(
  f: FunctionBuilder,
  type: "float32" | "float64",
  mode: ScatterMode,
  row: Local<"i32">,
  update: Local<"i32">,
  count: Local<"i32">,
): void {
  const [to, from] = [f.local("i32", row), f.local("i32", update)];
  const add = type === "float64" ? f64x2.add : f32x4.add;
  const bytes = byteLengthOf(type);
  const end = f.local("i32", i32.add(to, i32.mul(count, bytes)));
  const wholeEnd = f.local("i32", i32.add(to, i32.and(i32.mul(count, bytes), -16)));
  f.while(i32.ne(to, wholeEnd), () => {
    f.store.v128(to, mode === "set" ? v128.load(from) : add(v128.load(to), v128.load(from)));
    f.increment(to, 16);
    f.increment(from, 16);
  });
  f.while(i32.ne(to, end), () => {
    putOne(f, type, mode, to, from);
    f.increment(to, bytes);
    f.increment(from, bytes);
  });
}

/** scatterAdd or scatterInto of one dtype. */
export class ScatterExecutable implements CpuExecutable {
  readonly key: string;
  readonly #bytes: number;
  readonly #zeroes: boolean;
  readonly #kernel: number;

  constructor(type: "float32" | "float64", mode: ScatterMode, pool: Pool) {
    this.key = `scatter/${type}/${mode}`;
    this.#bytes = byteLengthOf(type);
    this.#zeroes = mode === "zero";
    this.#kernel = pool.register(scatterModule(type, mode, pool.shared), "scatter");
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const [tableRows, width, rows] = [sizes[0]!, sizes[1]!, sizes[2]!];
    const [updates, ids, output] = [operands[0]!, operands[1]!, operands[2]!];
    const bytes = this.#bytes;
    const block = makeBlock(
      words,
      {
        rows,
        width,
        tableRows,
        updateRow: updates.strides[2]! * bytes,
        updateColumn: updates.strides[1]! * bytes,
        idStride: ids.strides[2]! * 4,
        outputColumn: output.strides[1]! * bytes,
        outputRow: output.strides[0]! * bytes,
      },
      faultWords(threads),
    );
    const touched = this.#zeroes ? rows + tableRows : rows;
    const nanoseconds = launchCost(bytes * 0.1, touched, touched * width);
    const step: Step = {
      kernel: this.#kernel,
      block,
      addresses: [
        { word: wordOf(words, "updates"), operand: 0, byteOffset: updates.offset * bytes },
        { word: wordOf(words, "ids"), operand: 1, byteOffset: ids.offset * 4 },
        { word: wordOf(words, "output"), operand: 2, byteOffset: output.offset * bytes },
      ],
      scalars: [],
      scratch: [],
      parallel: threads > 1 && (this.#zeroes ? width > columnGrain : rows > 1) && nanoseconds >= parallelNanoseconds,
      nanoseconds,
      faults: { word: words.length, tableRows },
    };
    return { phases: [[step]], scratchBytes: 0 };
  }
}
