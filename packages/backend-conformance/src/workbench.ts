// Runs trials on a backend: puts operands into guarded storage, launches, and compares every byte that comes back.
// Around inputs lies NaN, so that reading too far shows; around outputs a pattern, so that writing too far shows.

import {
  type Backend,
  type BufferHandle,
  byteLengthOf,
  type DType,
  halfFloats,
  isFloat,
  isHalf,
  type Launch,
} from "@torchium/tensor/backend";
import { forEachIndex } from "@torchium/tensor/reference";
import type { Bounded } from "./error-bounds.js";
import { ConformanceFailure, check, NotOffered } from "./failure.js";
import { safety, ulpOf } from "./tolerances.js";
import type { Expected, Trial, TrialOperand } from "./trial.js";

const inputGuard = 0xff;
const outputGuard = 0xa5;
const guardBytes = 64;
/** Launches in one submission: enough to overlap, few enough for small memories. */
const batchSize = 24;

/** The array that shows device memory of a dtype. A bool takes four bytes; numbers of 16 bits show as their bits. */
const deviceArrays = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Int32Array,
} as const satisfies Record<DType, unknown>;

/** Device bytes of numbers. */
export function bytesOf(type: DType, values: readonly number[]): Uint8Array {
  const elements = isHalf(type) ? values.map(halfFloats[type].bitsOf) : values;
  return new Uint8Array(deviceArrays[type].from(elements).buffer);
}

/** Numbers in device bytes. */
export function numbersIn(type: DType, bytes: Uint8Array): number[] {
  const elements = [...new deviceArrays[type](bytes.slice().buffer)];
  return isHalf(type) ? elements.map(halfFloats[type].numberOf) : elements;
}

/** Numbers as elements of a dtype hold them. */
export const heldAs = (type: DType, values: readonly number[]): number[] => numbersIn(type, bytesOf(type, values));

/** Storage of one operand on the device and what was put there. */
type Placed = { readonly buffer: BufferHandle; readonly start: number; readonly before: Uint8Array };

/** How many elements were compared, and how many could not be because anything is right there. */
export type Tally = { compared: number; undecided: number };

/** A backend with what cases need around it. */
export class Workbench {
  readonly backend: Backend;
  /** Of all trials so far. */
  readonly tally: Tally = { compared: 0, undecided: 0 };
  #placements = 0;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** @throws NotOffered when the backend has no such dtype. */
  need(...types: readonly DType[]): void {
    for (const type of types) if (!this.backend.capabilities.dtypes.has(type)) throw new NotOffered(`dtype ${type}`);
  }

  /** The given dtypes that the backend has. */
  offered(types: readonly DType[]): readonly DType[] {
    return types.filter((type) => this.backend.capabilities.dtypes.has(type));
  }

  /** Runs trials, many to a submission, and compares. @throws ConformanceFailure for the first that is wrong */
  async check(trials: readonly Trial[]): Promise<void> {
    for (let from = 0; from < trials.length; from += batchSize) await this.#batch(trials.slice(from, from + batchSize));
  }

  async #batch(trials: readonly Trial[]): Promise<void> {
    const prepared = trials.map((trial) => {
      const executable = trial.compile(this.backend);
      if (!executable) throw new NotOffered(trial.label);
      const places = this.#place(trial);
      const operands = trial.operands.map(({ strides, offset }, i) => {
        const at = places[i];
        return { binding: at && { buffer: at.buffer }, byteOffset: at?.start ?? 0, strides, offset };
      });
      const launch: Launch = {
        executable,
        sizes: trial.sizes,
        operands,
        scalars: [...trial.scalars],
        stage: 0,
        label: trial.label,
      };
      return { trial, places, launch };
    });
    try {
      this.backend.submit(prepared.map((p) => p.launch));
      for (const { trial, places } of prepared) {
        const after = await Promise.all(places.map((at) => at && this.backend.read(at.buffer)));
        this.#judge(trial, places, after);
      }
    } finally {
      for (const { places } of prepared)
        for (const buffer of new Set(places.map((at) => at?.buffer))) if (buffer) this.backend.release(buffer);
    }
  }

  /** Puts every operand into a buffer of its own, somewhere behind its start. */
  #place({ operands }: Trial): readonly (Placed | undefined)[] {
    const places: (Placed | undefined)[] = [];
    for (const operand of operands) {
      if (operand.index) places.push(undefined);
      else if (operand.over !== undefined) places.push(places[operand.over]);
      else places.push(this.#store(operand));
    }
    return places;
  }

  #store({ type, extent, values }: TrialOperand): Placed {
    const start = (this.#placements++ % 3) * this.backend.capabilities.bindingAlignment;
    const before = new Uint8Array(start + extent * byteLengthOf(type) + guardBytes).fill(
      values ? inputGuard : outputGuard,
    );
    if (values) before.set(bytesOf(type, values), start);
    const buffer = this.backend.allocate(before.byteLength);
    this.backend.write(buffer, before);
    return { buffer, start, before };
  }

  #judge(trial: Trial, places: readonly (Placed | undefined)[], after: readonly (Uint8Array | undefined)[]): void {
    const { operands } = trial;
    const inputs = operands.map(({ type, values }) => (values ? heldAs(type, values) : []));
    const expected = trial.expect((operand, address) => inputs[operand]![address]!);
    const firstOutput = operands.length - expected.length;
    const written = new Set(operands.slice(firstOutput).map((o, k) => o.over ?? firstOutput + k));
    const problems = new Problems();
    operands.forEach((_, i) => {
      const at = places[i];
      if (!at) return;
      if (i >= firstOutput) this.#compare(trial, i, expected[i - firstOutput]!, at, after[i]!, problems);
      else if (!written.has(i) && !at.before.every((byte, b) => byte === after[i]![b]))
        problems.add(() => `input ${i} has been changed`);
    });
    if (problems.count > 0)
      throw new ConformanceFailure(
        [`${trial.label}: ${problems.count} wrong`, ...problems.shown, trial.describe()].join("\n"),
      );
  }

  /** Looks for what is wrong with the storage of one output. */
  #compare(trial: Trial, i: number, expected: Expected, at: Placed, after: Uint8Array, problems: Problems): void {
    const { type } = trial.operands[i]!;
    const size = byteLengthOf(type);
    const got = numbersIn(type, after.subarray(at.start, at.start + trial.operands[i]!.extent * size));
    const untouched = new Uint8Array(after.subarray(0, at.before.length));
    for (const [address, bound] of expected) {
      untouched.set(
        at.before.subarray(at.start + address * size, at.start + (address + 1) * size),
        at.start + address * size,
      );
      if (bound.error === Number.POSITIVE_INFINITY) this.tally.undecided++;
      else this.tally.compared++;
      if (!accepts(type, got[address]!, bound)) {
        problems.add(
          () =>
            `output operand ${i} at ${indexOf(trial, i, address)}: got ${got[address]}, expected ${showBound(bound)}`,
        );
      }
    }
    const wild = untouched.findIndex((byte, b) => byte !== at.before[b]);
    if (wild >= 0)
      problems.add(() => `output operand ${i}: byte ${wild - at.start} has been written, which is no element of it`);
  }
}

/** Counts what is wrong and describes the first few. */
class Problems {
  count = 0;
  readonly shown: string[] = [];

  add(describe: () => string): void {
    if (this.count++ < 4) this.shown.push(describe());
  }
}

const showBound = ({ value, error }: Bounded): string => (error === 0 ? `${value}` : `${value} ± ${safety * error}`);

/** The index of an address in an operand's layout, or the address where there is none. */
function indexOf({ sizes, operands }: Trial, i: number, address: number): string {
  const { strides, offset } = operands[i]!;
  let found: string | undefined;
  if (strides.length !== sizes.length) return `element ${address}`;
  forEachIndex(sizes, (index) => {
    found ??=
      offset + index.reduce((sum, n, axis) => sum + n * strides[axis]!, 0) === address
        ? `[${index.join(", ")}]`
        : undefined;
  });
  return found ?? `element ${address}`;
}

/** Whether a device may give `got` where `bound` is expected. The sign of a zero is free. */
export function accepts(type: DType, got: number, { value, error }: Bounded): boolean {
  if (type === "bool" && got !== 0 && got !== 1) return false;
  if (error === Number.POSITIVE_INFINITY) return true;
  if (Number.isNaN(value)) return Number.isNaN(got);
  if (error === 0 || !isFloat(type)) return got === value || Math.abs(got - value) <= error;
  return Math.abs(got - value) <= safety * error + ulpOf(type, value) / 2;
}

/** Every element of `got` is that of `expected`. */
export function checkNumbers(got: readonly number[], expected: readonly number[], what: string): void {
  const same = got.length === expected.length && got.every((v, i) => Object.is(v, expected[i]) || v === expected[i]);
  check(same, () => `${what}: got [${got.slice(0, 16).join(", ")}], expected [${expected.slice(0, 16).join(", ")}]`);
}
