// sort: values of a row in order and where they came from. Keys are integers that order as the values do, sorted by
// counting one byte after the other from the lowest, which keeps equal values in their order.

import type { Launch } from "../../backend/backend.js";
import { byteLengthOf, type DType } from "../../dtype.js";
import type { Pool } from "../pool/pool.js";
import { extentOf, fillBlock } from "../render/launch-block.js";
import { ParameterLayout } from "../render/parameters.js";
import type { Schedule } from "../render/render.js";
import { kernelParams, Parameters, takeShares, walkOuter } from "../render/walk.js";
import { launchCost } from "../run/cost.js";
import type { CpuExecutable, Crew, Work } from "../run/work.js";
import { type Expr, type FunctionBuilder, f32, f64, i32, i64, type Local, ModuleBuilder } from "../wasm/assembler.js";

type Attributes = { readonly type: DType; readonly descending: boolean };
type Word = Local<"i32">;

/** How keys of 32 or 64 bits are made and handled. */
type Keys = {
  readonly bytes: 4 | 8;
  /** Stores the key of the value at `from`. */
  readonly make: (f: FunctionBuilder, from: Word, to: Word) => void;
  /** The byte of the key at `at` that `shift` brings down. */
  readonly digit: (at: Word, shift: Word) => Expr<"i32">;
  readonly copy: (f: FunctionBuilder, from: Word, to: Word) => void;
};

const digits = 256;
const countBytes = digits * 4;

/** Scratch bytes of one thread for rows of `length`: counts, then keys and positions twice. */
const scratchBytes = (type: DType, length: number): number =>
  Math.ceil((countBytes + 2 * length * (keyBytes(type) + 4)) / 64) * 64;

const keyBytes = (type: DType): 4 | 8 => (type === "float64" ? 8 : 4);

function sortModule(
  { type, descending }: Attributes,
  layout: ParameterLayout,
  shared: boolean,
): Uint8Array<ArrayBuffer> {
  const keys = type === "float64" ? wideKeys(descending) : narrowKeys(type, descending);
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  module.function({ params: kernelParams, export: "sort" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const pointers = [0, 1, 2].map((i) => parameters.local(layout.base(i)));
    const strides = [0, 1, 2].map((i) => parameters.local(layout.rowStride(i)));
    const length = parameters.header("rowCount");
    const { outer } = takeShares(f, parameters, thread, threads);
    const counts = f.local("i32", i32.mul(thread, parameters.word(layout.header("scratchPitch"))));
    f.increment(counts, parameters.word(layout.header("scratch")));
    const keyLength = f.local("i32", i32.mul(length, keys.bytes));
    const first = { keys: f.local("i32", i32.add(counts, countBytes)), positions: f.local("i32") };
    const second = { keys: f.local("i32", i32.add(first.keys, keyLength)), positions: f.local("i32") };
    f.set(first.positions, i32.add(second.keys, keyLength));
    f.set(second.positions, i32.add(first.positions, i32.shl(length, 2)));
    walkOuter(f, parameters, outer, pointers, () => {
      makeKeys(f, keys, [pointers[0]!, strides[0]!], first, length);
      const shift = f.local("i32");
      // An even number of rounds: the last one ends in `first`.
      f.for(shift, 0, keys.bytes * 8, 16, () => {
        const next = f.local("i32", i32.add(shift, 8));
        sortByDigit(f, keys, counts, shift, first, second, length);
        sortByDigit(f, keys, counts, next, second, first, length);
      });
      write(f, type, pointers, strides, first.positions, length);
    });
  });
  return module.finish();
}

type Pairs = { readonly keys: Word; readonly positions: Word };

function makeKeys(
  f: FunctionBuilder,
  keys: Keys,
  [start, stride]: readonly [Word, Word],
  to: Pairs,
  length: Word,
): void {
  const [from, key, place] = [f.local("i32", start), f.local("i32", to.keys), f.local("i32", to.positions)];
  const i = f.local("i32");
  f.for(i, 0, length, 1, () => {
    keys.make(f, from, key);
    f.store.i32(place, i);
    f.increment(from, stride);
    f.increment(key, keys.bytes);
    f.increment(place, 4);
  });
}

// One stable pass: counts each digit, turns counts into places, moves.
function sortByDigit(
  f: FunctionBuilder,
  keys: Keys,
  counts: Word,
  shift: Word,
  from: Pairs,
  to: Pairs,
  length: Word,
): void {
  const slotOf = (key: Word) => i32.add(counts, i32.shl(keys.digit(key, shift), 2));
  const i = f.local("i32");
  f.memoryFill(counts, 0, countBytes);
  const counted = f.local("i32", from.keys);
  f.for(i, 0, length, 1, () => {
    const slot = f.local("i32", slotOf(counted));
    f.store.i32(slot, i32.add(i32.load(slot), 1));
    f.increment(counted, keys.bytes);
  });
  const place = f.local("i32", 0);
  const slot = f.local("i32", counts);
  f.for(i, 0, digits, 1, () => {
    const count = f.local("i32", i32.load(slot));
    f.store.i32(slot, place);
    f.increment(place, count);
    f.increment(slot, 4);
  });
  const [key, position] = [f.local("i32", from.keys), f.local("i32", from.positions)];
  f.for(i, 0, length, 1, () => {
    const own = f.local("i32", slotOf(key));
    const at = f.local("i32", i32.load(own));
    f.store.i32(own, i32.add(at, 1));
    keys.copy(f, key, f.local("i32", i32.add(to.keys, i32.mul(at, keys.bytes))));
    f.store.i32(i32.add(to.positions, i32.shl(at, 2)), i32.load(position));
    f.increment(key, keys.bytes);
    f.increment(position, 4);
  });
}

function write(
  f: FunctionBuilder,
  type: DType,
  [x, values, places]: readonly Word[],
  [xStride, valueStride, placeStride]: readonly Word[],
  sorted: Word,
  length: Word,
): void {
  const [from, value, place] = [f.local("i32", sorted), f.local("i32", values!), f.local("i32", places!)];
  const i = f.local("i32");
  f.for(i, 0, length, 1, () => {
    const position = f.local("i32", i32.load(from));
    const source = f.local("i32", i32.add(x!, i32.mul(position, xStride!)));
    if (type === "float64") f.store.i64(value, i64.load(source));
    else f.store.i32(value, i32.load(source));
    f.store.i32(place, position);
    f.increment(from, 4);
    f.increment(value, valueStride!);
    f.increment(place, placeStride!);
  });
}

const signBit = -2147483648;
const wideSignBit = -(2n ** 63n);

/** Keys of 32-bit types, as unsigned integers: all bits set for NaN, 0 and −0 alike. */
const narrowKeys = (type: DType, descending: boolean): Keys => ({
  bytes: 4,
  make: (f, from, to) => {
    const bits = f.local("i32", i32.load(from));
    const key = f.local("i32", type === "int32" ? i32.xor(bits, signBit) : bits);
    if (type === "float32") {
      const ordered = i32.xor(bits, i32.or(i32.shrS(bits, 31), signBit));
      const x = f32.load(from);
      f.set(key, i32.select(signBit, ordered, f32.eq(x, 0)));
      f.set(key, i32.select(-1, key, f32.ne(x, x)));
    }
    f.store.i32(to, descending ? i32.xor(key, -1) : key);
  },
  digit: (at, shift) => i32.and(i32.shrU(i32.load(at), shift), digits - 1),
  copy: (f, from, to) => f.store.i32(to, i32.load(from)),
});

/** The same for float64. */
const wideKeys = (descending: boolean): Keys => ({
  bytes: 8,
  make: (f, from, to) => {
    const bits = f.local("i64", i64.load(from));
    const x = f64.load(from);
    const ordered = i64.xor(bits, i64.or(i64.shrS(bits, 63n), wideSignBit));
    const key = f.local("i64", i64.select(wideSignBit, ordered, f64.eq(x, 0)));
    f.set(key, i64.select(-1n, key, f64.ne(x, x)));
    f.store.i64(to, descending ? i64.xor(key, -1n) : key);
  },
  digit: (at, shift) => i32.and(i32.wrapI64(i64.shrU(i64.load(at), i64.extendI32U(shift))), digits - 1),
  copy: (f, from, to) => f.store.i64(to, i64.load(from)),
});

/** sort of one structure. */
export class SortExecutable implements CpuExecutable {
  readonly key: string;
  readonly #type: DType;
  readonly #schedule: Schedule;
  readonly #layout: ParameterLayout;
  readonly #kernel: number;

  constructor(attributes: Attributes, rank: number, pool: Pool) {
    this.key = `sort/${attributes.type}/${attributes.descending}/${rank}`;
    this.#type = attributes.type;
    this.#schedule = { kind: "row", laneAxis: rank - 1, lanesSplit: false };
    this.#layout = new ParameterLayout(rank - 1, 3, []);
    this.#kernel = pool.register(sortModule(attributes, this.#layout, pool.shared), "sort");
  }

  plan({ sizes, operands }: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const layout = this.#layout;
    const schedule = this.#schedule;
    const bytes = byteLengthOf(this.#type);
    const units = [bytes, bytes, 4];
    const strides = operands.map((o) => o.strides);
    const { outerCount, rowCount } = extentOf(schedule, sizes);
    const scratchPitch = scratchBytes(this.#type, rowCount);
    const nanoseconds = launchCost(bytes * 3, outerCount, outerCount * (rowCount + digits));
    const parallel = threads > 1 && outerCount > 1 && nanoseconds >= parallelNanoseconds;
    const addresses = operands.map((o, i) => ({ word: layout.base(i), operand: i, byteOffset: o.offset * units[i]! }));
    const step = {
      kernel: this.#kernel,
      block: fillBlock({ schedule, layout }, units, sizes, strides, { scratchPitch }),
      addresses,
      scalars: [],
      scratch: [{ word: layout.header("scratch"), byteOffset: 0 }],
      parallel,
      nanoseconds,
    };
    return { phases: [[step]], scratchBytes: scratchPitch * (parallel ? threads : 1) };
  }
}
