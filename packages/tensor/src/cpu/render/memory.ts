// Moving runs of elements between memory and registers, by how the run lies: dense, repeating or strided. Dense loads
// may read up to 64 bytes past the last element (every buffer has that slack); stores never write past it.

import { type DType, isHalf } from "../../dtype.js";
import { type FunctionBuilder, i16x8, i32, type Local, type Operand, type Vector, v128 } from "../wasm/assembler.js";
import { decode, encode, shiftOf, type Vectors, vectorsPerFour, type Word } from "./lanes.js";

/** A run of `fours` · 4 elements; with `remaining`, only that many of its first four exist. */
export type Run = { readonly fours: number; readonly remaining?: Word };

/** Loads neighbouring elements. */
export function loadDense(f: FunctionBuilder, type: DType, address: Word, { fours }: Run): Vectors {
  const count = fours * vectorsPerFour(type);
  const load = isHalf(type) ? (k: number) => v128.load16x4U(address, k * 8) : (k: number) => v128.load(address, k * 16);
  const raw = Array.from({ length: count }, (_, k) => f.local("v128", load(k)));
  return decode(f, type, raw);
}

/** Loads one element into every lane, as the vectors of four elements. */
export function loadRepeated(f: FunctionBuilder, type: DType, address: Operand<"i32">): Vectors {
  const value = f.local("v128", loadSplat(f, type, address));
  const [vector] = decode(f, type, [value]);
  return Array.from({ length: vectorsPerFour(type) }, () => vector!);
}

function loadSplat(f: FunctionBuilder, type: DType, address: Operand<"i32">): Vector {
  if (isHalf(type)) return v128.and(v128.load16Splat(address), f.constants.i32x4(0xffff));
  return type === "float64" ? v128.load64Splat(address) : v128.load32Splat(address);
}

/** Loads elements `stride` bytes apart. Lanes that do not exist repeat the last one that does. */
export function loadStrided(f: FunctionBuilder, type: DType, from: Word, stride: Word, run: Run): Vectors {
  const lanes = 4 / vectorsPerFour(type);
  const address = f.local("i32", from);
  const raw: Local<"v128">[] = [];
  for (let element = 0; element < run.fours * 4; element++) {
    const lane = element % lanes;
    if (element > 0) f.increment(address, stepWithin(run, stride, element));
    if (lane === 0) raw.push(f.local("v128", loadFirstLane(f, type, address)));
    else {
      const vector = raw[raw.length - 1]!;
      f.set(vector, loadLane(type, address, vector, lane as 1 | 2 | 3));
    }
  }
  return decode(f, type, raw);
}

function loadFirstLane(f: FunctionBuilder, type: DType, address: Word): Vector {
  if (isHalf(type)) return v128.load16Lane(address, f.constants.i32x4(0), 0);
  return type === "float64" ? v128.load64Zero(address) : v128.load32Zero(address);
}

function loadLane(type: DType, address: Word, vector: Local<"v128">, lane: 1 | 2 | 3): Vector {
  if (isHalf(type)) return v128.load16Lane(address, vector, (2 * lane) as 2 | 4 | 6);
  return type === "float64" ? v128.load64Lane(address, vector, 1) : v128.load32Lane(address, vector, lane);
}

function stepWithin(run: Run, stride: Word, element: number): Operand<"i32"> {
  return run.remaining ? i32.select(stride, 0, i32.gtS(run.remaining, element)) : stride;
}

/** Stores neighbouring elements. */
export function storeDense(f: FunctionBuilder, type: DType, address: Word, values: Vectors, run: Run): void {
  const whole = () => {
    values.forEach((x, k) => {
      if (isHalf(type)) f.store.v128Lane64(address, i16x8.narrowI32x4U(x, x), 0, k * 8);
      else f.store.v128(address, encode(f, type, x), k * 16);
    });
  };
  const { remaining } = run;
  if (!remaining) {
    whole();
    return;
  }
  f.if(i32.geS(remaining, 4), whole, () => {
    const step = 1 << shiftOf(type);
    storeLanes(f, type, values, remaining, (element) => [address, element * step]);
  });
}

/** Stores elements `stride` bytes apart. */
export function storeStrided(f: FunctionBuilder, type: DType, to: Word, stride: Word, values: Vectors, run: Run): void {
  const address = f.local("i32", to);
  storeLanes(f, type, values, run.remaining, (element) => {
    if (element > 0) f.increment(address, stride);
    return [address, 0];
  });
}

/** Stores the first element only. */
export function storeFirst(f: FunctionBuilder, type: DType, address: Word, values: Vectors): void {
  f.store[laneStores[shiftOf(type)]](address, encode(f, type, values[0]!), 0);
}

// The store of one lane, by log2 of the bytes it writes.
const laneStores = { 1: "v128Lane16", 2: "v128Lane32", 3: "v128Lane64" } as const;

// Element by element; with `remaining`, only that many (at least one).
function storeLanes(
  f: FunctionBuilder,
  type: DType,
  values: Vectors,
  remaining: Word | undefined,
  place: (element: number) => readonly [address: Word, offset: number],
): void {
  const lanes = 4 / vectorsPerFour(type);
  const store = laneStores[shiftOf(type)];
  // The store counts lanes of what it writes, and numbers of 16 bits lie in every other one.
  const apart = isHalf(type) ? 2 : 1;
  f.block((end) => {
    values.forEach((vector, k) => {
      const stored = f.local("v128", encode(f, type, vector));
      for (let lane = 0; lane < lanes; lane++) {
        const element = k * lanes + lane;
        if (remaining && element > 0) f.brIf(end, i32.leS(remaining, element));
        const [address, offset] = place(element);
        f.store[store](address, stored, lane * apart, offset);
      }
    });
  });
}
