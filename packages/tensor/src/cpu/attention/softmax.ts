// What attention does to a row of scores in a tile: softmax on the way forth, its gradient on the way back. Rows end with
// room for a whole run of 16 elements, so that no row needs a tail of its own.

import { emitExpNonPositive } from "../math/exponential.js";
import { each, type Group } from "../math/group.js";
import { emitLog } from "../math/logarithm.js";
import { Accumulator } from "../render/accumulators.js";
import {
  type FunctionBuilder,
  type FunctionRef,
  f32,
  f32x4,
  i32,
  i32x4,
  type Local,
  type ModuleBuilder,
  type Vector,
  v128,
} from "../wasm/assembler.js";

type Word = Local<"i32">;

/** Elements of one run. */
export const run = 16;

// The least finite number: what is left out becomes this, and its exponential 0, even where all is −∞.
const lowest = -3.4028234663852886e38;

// One row: where it starts, how many of its elements count, and how many are read later (those between become 0).
type Row = { readonly at: Word; readonly seen: Word; readonly length: Word };

/**
 * The rows of a block: the tile and the bytes between its rows, the number of the block's first query, how many it has,
 * how many keys they may see, whether each sees only those up to its own number, the bits of the scale, and where
 * ln Σ e^(scale·score) of each row is.
 */
const blockParams = {
  tile: "i32",
  pitch: "i32",
  first: "i32",
  count: "i32",
  seen: "i32",
  causal: "i32",
  scale: "i32",
  logTotals: "i32",
  logTotalStep: "i32",
} as const;

/**
 * Defines the replacement of scores by e^(scale·score − largest); writes 1 / Σ, four bytes a row, and the logarithms.
 */
export function defineSoftmax(module: ModuleBuilder): FunctionRef<undefined> {
  const params = { ...blockParams, inverses: "i32" } as const;
  return module.function({ params }, (f, p) => {
    const scale = f.local("v128", i32x4.splat(p.scale));
    eachRow(f, p, (row) => {
      const [sum, top] = emitPowers(f, row, scale);
      const empty = f.local("v128", f32x4.eq(sum, f.constants.f32x4(0)));
      f.store.v128Lane32(p.inverses, v128.andnot(f32x4.div(f.constants.f32x4(1), sum), empty), 0);
      // A row that sees nothing: its powers come out as 0 again.
      const infinity = f.constants.f32x4(Number.POSITIVE_INFINITY);
      const logTotal = f32x4.add(top, emitLog(f, [sum])[0]!);
      f.store.v128Lane32(p.logTotals, v128.bitselect(infinity, logTotal, empty), 0);
      f.increment(p.inverses, 4);
      f.increment(p.logTotals, p.logTotalStep);
    });
  });
}

/** The powers of a row; gives their sum and the largest score. */
function emitPowers(f: FunctionBuilder, row: Row, scale: Local<"v128">): readonly [Local<"v128">, Local<"v128">] {
  const least = f.constants.f32x4(lowest);
  const tops = [0, 1, 2, 3].map(() => f.local("v128", least));
  eachRun(f, row, (at, unseen) => {
    const scaled = each(f, (x) => f32x4.mul(x, scale), load(f, at));
    const kept = unseen ? each(f, (x, mask) => v128.bitselect(least, x, mask), scaled, unseen) : scaled;
    store(f, at, kept);
    // A NaN that this loses comes back with the exponential.
    kept.forEach((x, i) => f.set(tops[i]!, f32x4.pmax(tops[i]!, x)));
  });
  const top = across(f, tops, f32x4.pmax);
  const total = new Accumulator(f, "sum", "float32", 4);
  eachRun(f, row, (at) => {
    const below = each(f, (x) => f32x4.sub(x, top), load(f, at));
    const powers = emitExpNonPositive(f, below);
    store(f, at, powers);
    total.add(powers);
  });
  clearRest(f, row);
  return [total.total()[0]!, top];
}

/**
 * Defines the replacement of scores by the weights p = e^(scale·score − logTotal), and of the weights' gradients, in a
 * second tile, by the scores' gradients scale · p · (gradient − Σ p · gradient).
 */
export function defineSoftmaxGradient(module: ModuleBuilder): FunctionRef<undefined> {
  const params = { ...blockParams, gradients: "i32" } as const;
  return module.function({ params }, (f, p) => {
    const scale = f.local("v128", i32x4.splat(p.scale));
    const zero = f.constants.f32x4(0);
    const distance = f.local("i32", i32.sub(p.gradients, p.tile));
    eachRow(f, p, (row) => {
      const log = f.local("v128", v128.load32Splat(p.logTotals));
      const total = new Accumulator(f, "sum", "float32", 4);
      eachRun(f, row, (at, unseen) => {
        const below = each(f, (x) => f32x4.sub(f32x4.mul(x, scale), log), load(f, at));
        const all = emitExpNonPositive(f, below);
        const powers = unseen ? each(f, (x, mask) => v128.andnot(x, mask), all, unseen) : all;
        store(f, at, powers);
        const arrived = load(f, f.local("i32", i32.add(at, distance)));
        // Beside the row's end there may be anything, a NaN as well.
        const known = unseen ? each(f, (x, mask) => v128.bitselect(zero, x, mask), arrived, unseen) : arrived;
        total.add(each(f, (x, d) => f32x4.mul(x, d), powers, known));
      });
      const mean = total.total()[0]!;
      eachRun(f, row, (at, unseen) => {
        const to = f.local("i32", i32.add(at, distance));
        const step = (x: Vector, d: Vector) => f32x4.mul(f32x4.mul(x, scale), f32x4.sub(d, mean));
        const changes = each(f, step, load(f, at), load(f, to));
        store(f, to, unseen ? each(f, (x, mask) => v128.andnot(x, mask), changes, unseen) : changes);
      });
      clearRest(f, row);
      clearRest(f, { ...row, at: f.local("i32", i32.add(row.at, distance)) });
      f.increment(p.logTotals, p.logTotalStep);
    });
  });
}

/** Defines the product of dense rows of `length` numbers with a number a row. */
export function defineScale(module: ModuleBuilder): FunctionRef<undefined> {
  const params = { rows: "i32", length: "i32", count: "i32", factors: "i32" } as const;
  return module.function({ params }, (f, { rows: at, length, count, factors }) => {
    const end = f.local("i32");
    f.while(count, () => {
      const vector = f.local("v128", v128.load32Splat(factors));
      f.set(end, i32.add(at, i32.shl(length, 2)));
      f.while(i32.geS(i32.sub(end, at), 16), () => {
        f.store.v128(at, f32x4.mul(v128.load(at), vector));
        f.increment(at, 16);
      });
      f.while(i32.ne(at, end), () => {
        f.store.f32(at, f32.mul(f32.load(at), f32.load(factors)));
        f.increment(at, 4);
      });
      f.increment(factors, 4);
      f.set(count, i32.sub(count, 1));
    });
  });
}

// Runs `body` for each row of a block.
function eachRow(
  f: FunctionBuilder,
  { tile, pitch, first, count, seen, causal }: Readonly<Record<keyof typeof blockParams, Word>>,
  body: (row: Row) => void,
): void {
  const index = f.local("i32");
  const own = f.local("i32");
  const at = f.local("i32", tile);
  f.for(index, 0, count, 1, () => {
    f.set(own, i32.add(i32.add(first, index), 1));
    f.set(own, i32.select(own, seen, i32.and(causal, i32.ltS(own, seen))));
    body({ at, seen: own, length: seen });
    f.increment(at, pitch);
  });
}

// Runs of 16 elements up to `seen`; for the last one, if it is not whole, with the lanes that lie beyond.
function eachRun(f: FunctionBuilder, { at, seen }: Row, body: (at: Word, unseen?: Group) => void): void {
  const pointer = f.local("i32", at);
  const end = f.local("i32", i32.add(at, i32.shl(i32.and(seen, -run), 2)));
  f.while(i32.ltU(pointer, end), () => {
    body(pointer);
    f.increment(pointer, 4 * run);
  });
  f.if(i32.and(seen, run - 1), () => {
    const left = f.local("v128", i32x4.splat(i32.and(seen, run - 1)));
    const unseen = [0, 4, 8, 12].map((k) =>
      f.local("v128", i32x4.geS(f.constants.i32x4(k, k + 1, k + 2, k + 3), left)),
    );
    body(pointer, unseen);
  });
}

// Zeros from the last run that was written to the run that `length` ends in.
function clearRest(f: FunctionBuilder, { at, seen, length }: Row): void {
  const wholeRuns = (n: Word) => i32.and(i32.add(n, run - 1), -run);
  const from = f.local("i32", i32.shl(wholeRuns(seen), 2));
  const to = f.local("i32", i32.shl(wholeRuns(length), 2));
  const zero = f.constants.f32x4(0);
  f.while(i32.ltS(from, to), () => {
    store(f, f.local("i32", i32.add(at, from)), [zero, zero, zero, zero]);
    f.increment(from, 4 * run);
  });
}

const load = (f: FunctionBuilder, at: Word): Group => [0, 1, 2, 3].map((k) => f.local("v128", v128.load(at, 16 * k)));

const store = (f: FunctionBuilder, at: Word, values: Group): void =>
  values.forEach((x, k) => f.store.v128(at, x, 16 * k));

// One value over the lanes of four vectors, in every lane.
function across(f: FunctionBuilder, [a, b, c, d]: Group, join: (x: Vector, y: Vector) => Vector): Local<"v128"> {
  const all = f.local("v128", join(join(a!, b!), join(c!, d!)));
  f.set(all, join(all, i32x4.shuffle(all, all, [2, 3, 0, 1])));
  f.set(all, join(all, i32x4.shuffle(all, all, [1, 0, 3, 2])));
  return all;
}
