// Attention and its gradient as WebAssembly: for each matrix of the batch, block of queries after block of queries, the
// scores of a block against the keys it may see stand in a tile of the thread's own, so that no array of queries × keys
// exists. The backward pass computes the scores again. A matrix of the batch is one thread's, so the order of every sum
// is fixed. (The idea is that of Dao et al., "FlashAttention", arXiv 2205.14135; a tile here holds whole rows.)

import { defineFloat32Product, type GemmOptions } from "../gemm/gemm.js";
import { gemmOffsets, gemmParamsByteLength, keeping } from "../gemm/params.js";
import type { ParameterLayout } from "../render/parameters.js";
import { kernelParams, Parameters, takeShares, walkOuter } from "../render/walk.js";
import { type FunctionBuilder, type FunctionRef, i32, type Local, ModuleBuilder } from "../wasm/assembler.js";
import { defineScale, defineSoftmax, defineSoftmaxGradient, run } from "./softmax.js";

// Elements of a tile that the second cache holds beside what is multiplied, and the fewest queries of a block: each block
// packs the keys anew.
const tileElements = 65536;
const leastQueries = 64;

/** Queries of a block. With `causal` small blocks leave out more of the keys that none of their queries sees. */
export function blockOf(queries: number, keys: number, causal: boolean): number {
  const fitting = Math.floor(tileElements / tilePitch(keys));
  const wanted = causal ? Math.min(fitting, Math.ceil(queries / 4)) : fitting;
  return Math.min(queries, Math.max(wanted, leastQueries));
}

/** Words of a launch after those of the parameter layout. Strides count elements. */
export const attentionWords = [
  "queries",
  "keys",
  "width",
  "valueWidth",
  "queryRow",
  "queryColumn",
  "keyRow",
  "keyColumn",
  "valueRow",
  "valueColumn",
  "gradientRow",
  "gradientColumn",
  "logTotalRow",
  "scale",
  "causal",
  "block",
  "scratch",
  "scratchBytes",
  "workspace",
  "workspaceBytes",
] as const;

/** A word of a launch. */
export type AttentionWord = (typeof attentionWords)[number];

type Word = Local<"i32">;

// Elements between the rows of a tile.
const tilePitch = (keys: number): number => Math.ceil(keys / run) * run;

// Of a thread's scratch memory: the parameters of its products, a number a query of the block, then the tiles.
const inversesAt = Math.ceil(gemmParamsByteLength / 64) * 64;

// Bytes of a number a query, in whole cache lines, so that the tiles begin with one.
const inverseBytes = (block: number): number => Math.ceil(block / run) * run * 4;

/** Scratch bytes of a thread, for `tiles` tiles of so many queries and keys. */
export const attentionScratchBytes = (block: number, keys: number, tiles: number): number =>
  inversesAt + inverseBytes(block) + tiles * block * tilePitch(keys) * 4 + 64;

/** Operands of the forward pass, in order. */
export const forwardOperands = ["query", "key", "value", "output", "logTotal"] as const;

/** Operands of the backward pass, in order. What was `attended` is not read: sums over the weights take its place. */
export const backwardOperands = [
  "query",
  "key",
  "value",
  "attended",
  "logTotal",
  "gradient",
  "queryGradient",
  "keyGradient",
  "valueGradient",
] as const;

/** A matrix in memory: address, and strides in elements. */
type Matrix = { readonly at: Word; readonly row: Word | number; readonly column: Word | number };

/** The parts that both passes are written with. */
class Pass {
  readonly f: FunctionBuilder;
  readonly words: Readonly<Record<AttentionWord, Word>>;
  readonly tiles: Word;
  readonly inverses: Word;
  readonly pitch: Word;
  /** The present block: its first query, how many it has, and how many keys they may see. */
  readonly first: Word;
  readonly count: Word;
  readonly seen: Word;
  readonly #product: FunctionRef<undefined>;
  readonly #params: Word;
  readonly #workspace: Word;

  constructor(f: FunctionBuilder, parameters: Parameters, product: FunctionRef<undefined>, thread: Word) {
    this.f = f;
    this.#product = product;
    const { layout } = parameters;
    const entries = attentionWords.map((name, i) => [name, parameters.local(layout.words + i)] as const);
    this.words = Object.fromEntries(entries) as Record<AttentionWord, Word>;
    const { scratch, scratchBytes, workspace, workspaceBytes, keys } = this.words;
    this.#params = f.local("i32", i32.add(scratch, i32.mul(thread, scratchBytes)));
    this.#workspace = f.local("i32", i32.add(workspace, i32.mul(thread, workspaceBytes)));
    this.inverses = f.local("i32", i32.add(this.#params, inversesAt));
    const queries = i32.and(i32.add(this.words.block, run - 1), -run);
    this.tiles = f.local("i32", i32.add(this.inverses, i32.shl(queries, 2)));
    this.pitch = f.local("i32", i32.and(i32.add(keys, run - 1), -run));
    [this.first, this.count, this.seen] = [f.local("i32"), f.local("i32"), f.local("i32")];
  }

  /** Runs `body` for each block of queries. */
  eachBlock(body: () => void): void {
    const { f, first, count, seen } = this;
    const { queries, keys, causal, block } = this.words;
    f.for(first, 0, queries, block, () => {
      f.set(count, i32.sub(queries, first));
      f.set(count, i32.select(count, block, i32.ltS(count, block)));
      f.set(seen, i32.add(first, count));
      f.set(seen, i32.select(seen, keys, i32.and(causal, i32.ltS(seen, keys))));
      body();
    });
  }

  /** What the functions on a tile's rows take first. */
  get blockArguments(): readonly Word[] {
    const { f, tiles, pitch, first, count, seen } = this;
    return [tiles, f.local("i32", i32.shl(pitch, 2)), first, count, seen, this.words.causal, this.words.scale];
  }

  /** Where the block's logarithms begin, and the bytes between them. */
  logTotals(at: Word): readonly Word[] {
    const { logTotalRow } = this.words;
    return [this.at(at, this.first, logTotalRow), this.f.local("i32", i32.shl(logTotalRow, 2))];
  }

  /** c = a · b, or c += a · b; c has neighbouring columns side by side. */
  multiply(
    a: Matrix,
    b: Matrix,
    c: { readonly at: Word; readonly row: Word },
    sizes: { readonly rows: Word; readonly columns: Word; readonly inner: Word },
    adds: 0 | 1 = 0,
  ): void {
    const { f } = this;
    const params = this.#params;
    const fields = {
      inner: sizes.inner,
      accumulate: adds,
      keeping: keeping.none,
      aRowStride: a.row,
      aColumnStride: a.column,
      bRowStride: b.row,
      bColumnStride: b.column,
      cRowStride: c.row,
    } as const;
    for (const [name, value] of Object.entries(fields)) {
      f.store.i32(params, value, gemmOffsets[name as keyof typeof fields]);
    }
    f.call(this.#product, params, a.at, b.at, c.at, sizes.rows, sizes.columns, this.#workspace);
  }

  /** The first row of the block in a matrix. */
  rowsOf(at: Word, row: Word, column: Word): Matrix {
    return { at: this.at(at, this.first, row), row, column };
  }

  /** The address `index` rows of `row` elements after `start`. */
  at(start: Word, index: Word, row: Word | number): Word {
    return this.f.local("i32", i32.add(start, i32.shl(i32.mul(index, row), 2)));
  }
}

// What a module is built with.
type AttentionModuleOptions = GemmOptions & { readonly layout: ParameterLayout };

/** The module of the forward pass; exports `forward`. Operands as `forwardOperands`, dense where they are written. */
export function forwardModule(options: AttentionModuleOptions): Uint8Array<ArrayBuffer> {
  const module = startModule(options);
  const [softmax, scaleRows] = [defineSoftmax(module), defineScale(module)];
  return definePass(module, "forward", forwardOperands, options, (pass, operands) => {
    const { f, words, tiles, pitch, count, seen, inverses } = pass;
    const { width, valueWidth } = words;
    const [query, key, value, output, logTotal] = operands as [Word, Word, Word, Word, Word];
    const scores = { at: tiles, row: pitch, column: 1 };
    pass.eachBlock(() => {
      const queries = pass.rowsOf(query, words.queryRow, words.queryColumn);
      const keys = { at: key, row: words.keyColumn, column: words.keyRow };
      pass.multiply(queries, keys, scores, { rows: count, columns: seen, inner: width });
      f.call(softmax, ...pass.blockArguments, ...pass.logTotals(logTotal), inverses);
      const to = { at: pass.at(output, pass.first, valueWidth), row: valueWidth };
      const values = { at: value, row: words.valueRow, column: words.valueColumn };
      pass.multiply(scores, values, to, { rows: count, columns: valueWidth, inner: seen });
      f.call(scaleRows, to.at, valueWidth, count, inverses);
    });
  });
}

/** The module of the backward pass; exports `backward`. Operands as `backwardOperands`, dense where they are written. */
export function backwardModule(options: AttentionModuleOptions): Uint8Array<ArrayBuffer> {
  const module = startModule(options);
  const softmaxGradient = defineSoftmaxGradient(module);
  return definePass(module, "backward", backwardOperands, options, (pass, operands) => {
    const { f, words, tiles, pitch, count, seen } = pass;
    const { width, valueWidth, keys: keyCount } = words;
    const [query, key, value, , logTotal, gradient, queryGradient, keyGradient, valueGradient] = operands as readonly [
      ...[Word, Word, Word, Word, Word],
      ...[Word, Word, Word, Word],
    ];
    const weights = { at: tiles, row: pitch, column: 1 };
    const changes = { at: pass.at(tiles, words.block, pitch), row: pitch, column: 1 };
    const turned = ({ at, row, column }: Matrix): Matrix => ({ at, row: column, column: row });
    for (const [at, row] of [
      [keyGradient, width],
      [valueGradient, valueWidth],
    ] as const) {
      f.memoryFill(at, 0, i32.shl(i32.mul(keyCount, row), 2));
    }
    pass.eachBlock(() => {
      const queries = pass.rowsOf(query, words.queryRow, words.queryColumn);
      const gradients = pass.rowsOf(gradient, words.gradientRow, words.gradientColumn);
      const keys = { at: key, row: words.keyRow, column: words.keyColumn };
      const values = { at: value, row: words.valueRow, column: words.valueColumn };
      pass.multiply(queries, turned(keys), weights, { rows: count, columns: seen, inner: width });
      pass.multiply(gradients, turned(values), changes, { rows: count, columns: seen, inner: valueWidth });
      f.call(softmaxGradient, ...pass.blockArguments, ...pass.logTotals(logTotal), changes.at);
      const ofValues = { at: valueGradient, row: valueWidth };
      pass.multiply(turned(weights), gradients, ofValues, { rows: seen, columns: valueWidth, inner: count }, 1);
      const ofKeys = { at: keyGradient, row: width };
      pass.multiply(turned(changes), queries, ofKeys, { rows: seen, columns: width, inner: count }, 1);
      const ofQueries = { at: pass.at(queryGradient, pass.first, width), row: width };
      pass.multiply(changes, keys, ofQueries, { rows: count, columns: width, inner: seen });
    });
  });
}

function startModule({ relaxedSimd, shared }: GemmOptions): ModuleBuilder {
  const module = new ModuleBuilder({ relaxedSimd });
  module.importMemory("env", "memory", { shared });
  return module;
}

// The finished module, with a function that runs `body` at every matrix of the batch that falls to its thread.
function definePass(
  module: ModuleBuilder,
  name: string,
  operands: readonly string[],
  { layout, ...options }: AttentionModuleOptions,
  body: (pass: Pass, operands: readonly Word[]) => void,
): Uint8Array<ArrayBuffer> {
  const product = defineFloat32Product(module, options);
  module.function({ params: kernelParams, export: name }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const pass = new Pass(f, parameters, product, thread);
    const pointers = operands.map((_, i) => parameters.local(layout.base(i)));
    const { outer } = takeShares(f, parameters, thread, threads);
    walkOuter(f, parameters, outer, pointers, () => body(pass, pointers));
  });
  return module.finish();
}
