// gatherDot, gatherSum and scatterOuter: dot products with rows of a table that ids pick, weighted sums of such rows, and
// weighted vectors added to them. The rows are read and written where they are: nothing the size of [rows, picks, width]
// is ever in memory. Rows of the launch are shared out, and for scatterOuter the rows of the table.

import type { AnchorCall, Launch } from "../../backend/backend.js";
import type { Pool } from "../pool/pool.js";
import { kernelParams, shareOf } from "../render/walk.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Step, Work } from "../run/work.js";
import { type FunctionBuilder, f32, f32x4, i32, type Local, ModuleBuilder, v128 } from "../wasm/assembler.js";
import { loadWords, makeBlock, wordOf } from "./block.js";
import { emitNoteFault, faultWords } from "./faults.js";
import { emitOwns } from "./owner.js";

type PickOp = Extract<AnchorCall["op"], "gatherDot" | "gatherSum" | "scatterOuter">;

// Each of the three has a table, vectors [rows, width] and factors [rows, picks], and computes one from the others.
const words = [
  "rows",
  "picks",
  "width",
  "tableRows",
  "table",
  "tableRow",
  "ids",
  "idRow",
  "idPick",
  "factors",
  "factorRow",
  "factorPick",
  "vectors",
  "vectorRow",
] as const;

/** Where each anchor has its axes and operands. */
const lay = {
  gatherDot: { axes: ["picks", "rows", "width", "tableRows"], operands: ["vectors", "table", "ids", "factors"] },
  gatherSum: { axes: ["rows", "width", "picks", "tableRows"], operands: ["factors", "table", "ids", "vectors"] },
  scatterOuter: { axes: ["tableRows", "width", "rows", "picks"], operands: ["factors", "vectors", "ids", "table"] },
} as const;

/** The kernel's module; exports `pick`. */
function pickModule(op: PickOp, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  module.function({ params: kernelParams, export: "pick" }, (f, { params, thread, threads }) => {
    const p = loadWords(f, words, params);
    const faults = f.local("i32", i32.add(params, words.length * 4));
    // Every thread of scatterOuter looks at every id.
    const share = op === "scatterOuter" ? { from: 0, to: p.rows } : shareOf(f, thread, threads, p.rows, 1);
    const byteLength = f.local("i32", i32.mul(p.width, 4));
    const [row, pick] = [f.local("i32"), f.local("i32")];
    f.for(row, share.from, share.to, 1, () => {
      const vector = f.local("i32", i32.add(p.vectors, i32.mul(row, p.vectorRow)));
      const idAt = f.local("i32", i32.add(p.ids, i32.mul(row, p.idRow)));
      const factorAt = f.local("i32", i32.add(p.factors, i32.mul(row, p.factorRow)));
      if (op === "gatherSum") clear(f, vector, byteLength);
      f.for(pick, 0, p.picks, 1, () => {
        const id = f.local("i32", i32.load(idAt));
        const there = f.local("i32", i32.add(p.table, i32.mul(id, p.tableRow)));
        f.if(
          i32.geU(id, p.tableRows),
          () => {
            emitNoteFault(f, faults, thread, row, id);
            if (op === "gatherDot") f.store.f32(factorAt, 0);
          },
          () => {
            if (op === "gatherDot") f.store.f32(factorAt, dot(f, vector, there, byteLength));
            else if (op === "gatherSum") addScaled(f, vector, there, f.local("f32", f32.load(factorAt)), byteLength);
            else {
              f.if(emitOwns(id, thread, threads), () =>
                addScaled(f, there, vector, f.local("f32", f32.load(factorAt)), byteLength),
              );
            }
          },
        );
        f.increment(idAt, p.idPick);
        f.increment(factorAt, p.factorPick);
      });
    });
  });
  return module.finish();
}

/** Runs `many` for four vectors at a time, `whole` for the others, `one` for single numbers; pointers walk along. */
function along(
  f: FunctionBuilder,
  pointers: readonly Local<"i32">[],
  byteLength: Local<"i32">,
  vectors: (count: number) => void,
  one: () => void,
): void {
  const first = pointers[0]!;
  const end = f.local("i32", i32.add(first, byteLength));
  const each = (bytes: number, run: () => void) => {
    const until = f.local("i32", i32.sub(end, bytes));
    f.while(i32.leS(first, until), () => {
      run();
      for (const pointer of pointers) f.increment(pointer, bytes);
    });
  };
  each(64, () => vectors(4));
  each(16, () => vectors(1));
  each(4, one);
}

function clear(f: FunctionBuilder, vector: Local<"i32">, byteLength: Local<"i32">): void {
  const to = f.local("i32", vector);
  const zero = f.constants.f32x4(0);
  const vectors = (count: number) => {
    for (let i = 0; i < count; i++) f.store.v128(to, zero, 16 * i);
  };
  along(f, [to], byteLength, vectors, () => f.store.f32(to, 0));
}

/** Four running sums of vectors, joined at the end: an order that depends on nothing but the width. */
function dot(f: FunctionBuilder, a: Local<"i32">, b: Local<"i32">, byteLength: Local<"i32">): Local<"f32"> {
  const [x, y] = [f.local("i32", a), f.local("i32", b)];
  const zero = f.constants.f32x4(0);
  const sums = [0, 1, 2, 3].map(() => f.local("v128", zero));
  const rest = f.local("f32", f32.const(0));
  const vectors = (count: number) => {
    for (const [i, sum] of sums.slice(0, count).entries()) {
      f.set(sum, f32x4.add(f32x4.mul(v128.load(x, 16 * i), v128.load(y, 16 * i)), sum));
    }
  };
  along(f, [x, y], byteLength, vectors, () => f.set(rest, f32.add(f32.mul(f32.load(x), f32.load(y)), rest)));
  const [s0, s1, s2, s3] = sums as [Local<"v128">, Local<"v128">, Local<"v128">, Local<"v128">];
  const sum = f.local("v128", f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  const lanes = [0, 1, 2, 3].map((lane) => f32x4.extractLane(sum, lane as 0 | 1 | 2 | 3));
  const [l0, l1, l2, l3] = lanes as [(typeof lanes)[0], (typeof lanes)[0], (typeof lanes)[0], (typeof lanes)[0]];
  return f.local("f32", f32.add(f32.add(f32.add(l0, l1), f32.add(l2, l3)), rest));
}

/** `to += factor · from`. */
function addScaled(
  f: FunctionBuilder,
  to: Local<"i32">,
  from: Local<"i32">,
  factor: Local<"f32">,
  byteLength: Local<"i32">,
): void {
  const [y, x] = [f.local("i32", to), f.local("i32", from)];
  const factors = f.local("v128", f32x4.splat(factor));
  const vectors = (count: number) => {
    const sums = Array.from({ length: count }, (_, i) =>
      f.local("v128", f32x4.add(v128.load(y, 16 * i), f32x4.mul(factors, v128.load(x, 16 * i)))),
    );
    sums.forEach((sum, i) => f.store.v128(y, sum, 16 * i));
  };
  const one = () => f.store.f32(y, f32.add(f32.load(y), f32.mul(factor, f32.load(x))));
  along(f, [y, x], byteLength, vectors, one);
}

/** One of the three, of float32. */
export class PickedRowsExecutable implements CpuExecutable {
  readonly key: string;
  readonly #op: PickOp;
  readonly #kernel: number;

  constructor(op: PickOp, pool: Pool) {
    this.key = op;
    this.#op = op;
    this.#kernel = pool.register(pickModule(op, pool.shared), "pick");
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const { axes, operands: names } = lay[this.#op];
    const size = (name: (typeof axes)[number]) => sizes[axes.findIndex((axis) => axis === name)]!;
    const operand = (name: (typeof names)[number]) => operands[names.findIndex((other) => other === name)]!;
    const stride = (name: (typeof names)[number], axis: (typeof axes)[number]) =>
      4 * operand(name).strides[axes.findIndex((other) => other === axis)]!;
    const [rows, picks, width, tableRows] = [size("rows"), size("picks"), size("width"), size("tableRows")];
    const strides = {
      tableRow: stride("table", "tableRows"),
      idRow: stride("ids", "rows"),
      idPick: stride("ids", "picks"),
      factorRow: stride("factors", "rows"),
      factorPick: stride("factors", "picks"),
      vectorRow: stride("vectors", "rows"),
    };
    const nanoseconds = launchCost(0.15, rows * picks, rows * picks * width);
    const step: Step = {
      kernel: this.#kernel,
      block: makeBlock(words, { rows, picks, width, tableRows, ...strides }, faultWords(threads)),
      addresses: names.map((name, i) => ({
        word: wordOf(words, name),
        operand: i,
        byteOffset: operands[i]!.offset * 4,
      })),
      scalars: [],
      scratch: [],
      parallel: threads > 1 && rows > 1 && nanoseconds >= parallelNanoseconds,
      nanoseconds,
      faults: { word: words.length, tableRows },
    };
    return { phases: [[step]], scratchBytes: 0 };
  }
}
