// A list of launches as commands for the pool: blocks laid out one after the other, barriers only between phases that
// more than one thread takes part in. Made once for a list; a replay fills in addresses and numbers and copies.

import type { Binding, Launch } from "../../backend/backend.js";
import type { DType } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import { CpuBuffer } from "../allocator.js";
import { commandFlags } from "../pool/layout.js";
import { KeptOperands } from "./kept-operands.js";
import type { CpuExecutable, Crew, Step, Work } from "./work.js";

const wordsPerCommand = 4;

// Threads that sleep between submissions take several times as long to wake as threads that wait in one.
const wakingFactor = 6;

type ScalarPatch = { readonly word: number; readonly launch: Launch; readonly scalar: number; readonly type: DType };
type ScratchPatch = { readonly word: number; readonly byteOffset: number };

/** Where the faults that a launch's threads note are in the blocks. */
export type FaultWord = {
  readonly word: number;
  readonly threads: number;
  readonly tableRows: number;
  readonly launch: Launch;
};

/** An encoded list of launches. */
export class Submission {
  /** Four words a command; the second is the byte offset of its block until `place` makes it an address. */
  readonly commands: Int32Array;
  readonly count: number;
  readonly scratchBytes: number;
  readonly faults: readonly FaultWord[];
  readonly #launches: readonly Launch[];
  readonly #blocks: Int32Array;
  readonly #singles: Float32Array;
  readonly #doubles: Float64Array;
  readonly #offsets: Int32Array;
  readonly #bindings: readonly (Binding | undefined)[];
  /** Of the bindings' memory, the scratch memory and the blocks at the last run. */
  readonly #addresses: Float64Array;
  #scratchAt = -1;
  #address = -1;
  /** Words that hold addresses, which binding's memory each lies in, and where: columns, since they are many and stay. */
  readonly #patches: readonly Int32Array[];
  readonly #scalars: readonly ScalarPatch[];
  readonly #scratch: readonly ScratchPatch[];
  readonly #kept: KeptOperands;

  constructor(launches: readonly Launch[], crew: Crew) {
    let encoder = new Encoder(launches, crew);
    if (encoder.nanoseconds < crew.parallelNanoseconds * wakingFactor) {
      encoder = new Encoder(launches, { ...crew, threads: 1 });
    }
    this.#launches = [...launches];
    this.#blocks = encoder.blocks();
    this.#singles = new Float32Array(this.#blocks.buffer);
    this.#doubles = new Float64Array(this.#blocks.buffer);
    this.commands = Int32Array.from(encoder.commands);
    this.count = this.commands.length / wordsPerCommand;
    this.#offsets = Int32Array.from({ length: this.count }, (_, i) => encoder.commands[i * wordsPerCommand + 1]!);
    this.scratchBytes = encoder.scratchBytes;
    this.faults = encoder.faults;
    this.#bindings = [...encoder.bindings.keys()];
    this.#addresses = new Float64Array(this.#bindings.length).fill(-1);
    this.#patches = encoder.patches.map((column) => Int32Array.from(column));
    this.#scalars = encoder.scalars;
    this.#scratch = encoder.scratch;
    this.#kept = encoder.kept;
  }

  /** Whether this was made of these very launches. */
  isOf(launches: readonly Launch[]): boolean {
    return launches.length === this.#launches.length && launches.every((l, i) => l === this.#launches[i]);
  }

  /** Bytes of all blocks together. */
  get byteLength(): number {
    return this.#blocks.byteLength;
  }

  /** Fills in what this run decides, for blocks that will stand at `address`, and returns them. */
  place(address: number, scratch: number): Int32Array {
    const blocks = this.#blocks;
    const [words, at, byteOffsets] = this.#patches as [Int32Array, Int32Array, Int32Array];
    // A replay often finds all where it was.
    const addresses = this.#addresses;
    let moved = false;
    for (let i = 0; i < addresses.length; i++) {
      const buffer = this.#bindings[i]?.buffer;
      if (!(buffer instanceof CpuBuffer)) return unreachable("an operand without a buffer of this device");
      if (addresses[i] === buffer.address) continue;
      addresses[i] = buffer.address;
      moved = true;
    }
    if (moved) for (let i = 0; i < words.length; i++) blocks[words[i]!] = addresses[at[i]!]! + byteOffsets[i]!;
    for (const { word, launch, scalar, type } of this.#scalars) {
      const value = launch.scalars[scalar]!;
      if (type === "float32") this.#singles[word] = value;
      else if (type === "float64") this.#doubles[word / 2] = value;
      else blocks[word] = value;
    }
    if (scratch !== this.#scratchAt) {
      this.#scratchAt = scratch;
      for (const { word, byteOffset } of this.#scratch) blocks[word] = scratch + byteOffset;
    }
    this.#kept.place(blocks);
    if (address !== this.#address) {
      this.#address = address;
      for (let i = 0; i < this.count; i++) this.commands[i * wordsPerCommand + 1] = address + this.#offsets[i]!;
    }
    return blocks;
  }
}

/** Collects commands stage by stage. */
class Encoder {
  readonly commands: number[] = [];
  /** By number. */
  readonly bindings = new Map<Binding | undefined, number>();
  readonly patches: readonly [words: number[], at: number[], byteOffsets: number[]] = [[], [], []];
  readonly scalars: ScalarPatch[] = [];
  readonly scratch: ScratchPatch[] = [];
  readonly faults: FaultWord[] = [];
  readonly kept: KeptOperands;
  scratchBytes = 0;
  /** Estimated time of everything on one thread. */
  nanoseconds = 0;
  readonly #crew: Crew;
  readonly #parts: ArrayLike<number>[] = [];
  #words = 0;
  /** Whether the commands since the last barrier all run on the first thread. */
  #alone = true;

  constructor(launches: readonly Launch[], crew: Crew) {
    this.#crew = crew;
    this.kept = new KeptOperands(launches);
    for (let i = 0; i < launches.length; ) {
      const { stage } = launches[i]!;
      let end = i;
      while (launches[end]?.stage === stage) end++;
      this.#stage(launches.slice(i, end));
      i = end;
    }
    this.kept.finish();
  }

  // The launches of one stage: their first phases, then their second ones, and so on.
  #stage(launches: readonly Launch[]): void {
    const works = launches.map((launch) => (launch.executable as CpuExecutable).plan(launch, this.#crew));
    const scratchAt = this.#placeScratch(works);
    let phases = 0;
    for (const work of works) phases = Math.max(phases, work.phases.length);
    for (let phase = 0; phase < phases; phase++) {
      const steps = works.flatMap((work) => work.phases[phase] ?? []);
      const threadOf = this.#deal(steps);
      const alone = steps.every((step, i) => !step.parallel && threadOf(i) === 0);
      if (this.commands.length > 0 && !(alone && this.#alone)) this.#barrier();
      this.#alone = alone;
      let next = 0;
      works.forEach((work, i) => {
        for (const step of work.phases[phase] ?? []) this.#command(launches[i]!, step, scratchAt[i]!, threadOf(next++));
      });
    }
  }

  // Which thread runs each step that is not shared out: all the first one, unless together they are worth waking others;
  // then each goes to whoever has the least to do so far.
  #deal(steps: readonly Step[]): (step: number) => number {
    const { threads, parallelNanoseconds } = this.#crew;
    const single = steps.filter((step) => !step.parallel);
    const nanoseconds = single.reduce((sum, step) => sum + step.nanoseconds, 0);
    if (threads === 1 || single.length < 2 || nanoseconds < parallelNanoseconds) return () => 0;
    const load = new Array<number>(threads).fill(0);
    const dealt = steps.map((step) => {
      const least = load.indexOf(Math.min(...load));
      if (!step.parallel) load[least]! += step.nanoseconds;
      return step.parallel ? 0 : least;
    });
    return (step) => dealt[step]!;
  }

  /** All blocks, one after the other. */
  blocks(): Int32Array {
    const blocks = new Int32Array(this.#words);
    let at = 0;
    for (const part of this.#parts) {
      for (let i = 0; i < part.length; i++) blocks[at + i] = part[i]!;
      at += paddedWords(part);
    }
    return blocks;
  }

  // Launches of one stage may run at the same time, so each has scratch memory of its own.
  #placeScratch(works: readonly Work[]): readonly number[] {
    let end = 0;
    const starts = works.map(({ scratchBytes }) => {
      const start = end;
      end += Math.ceil(scratchBytes / 64) * 64;
      return start;
    });
    this.scratchBytes = Math.max(this.scratchBytes, end);
    return starts;
  }

  // The last command lets no thread go on before all have finished it.
  #barrier(): void {
    const flags = this.commands.length - wordsPerCommand + 2;
    this.commands[flags]! |= commandFlags.barrier;
  }

  #command(launch: Launch, step: Step, scratchAt: number, thread: number): void {
    const base = this.#words;
    if (step.threadSpace) this.kept.add(launch, step, base, thread);
    this.nanoseconds += step.nanoseconds;
    this.commands.push(step.kernel, base * 4, step.parallel ? commandFlags.parallel : 0, thread);
    this.#parts.push(thread > 0 && step.threadSpace ? movedBlock(step.block, step.threadSpace, thread) : step.block);
    this.#words += paddedWords(step.block);
    const [words, at, byteOffsets] = this.patches;
    for (const { word, operand, byteOffset } of step.addresses) {
      const { binding, byteOffset: start } = launch.operands[operand]!;
      const number = this.bindings.get(binding) ?? this.bindings.size;
      this.bindings.set(binding, number);
      words.push(base + word);
      at.push(number);
      byteOffsets.push(start + byteOffset);
    }
    for (const { word, scalar, type } of step.scalars) this.scalars.push({ word: base + word, launch, scalar, type });
    for (const { word, byteOffset } of step.scratch) {
      this.scratch.push({ word: base + word, byteOffset: scratchAt + byteOffset });
    }
    if (step.faults) {
      const { threads } = this.#crew;
      this.faults.push({ ...step.faults, word: base + step.faults.word, threads, launch });
    }
  }
}

function movedBlock(
  block: ArrayLike<number>,
  { word, bytes }: NonNullable<Step["threadSpace"]>,
  thread: number,
): readonly number[] {
  const moved = Array.from(block);
  moved[word]! += thread * bytes;
  return moved;
}

// Blocks start at multiples of 64 bytes, so that threads that write faults do not share cache lines.
const paddedWords = (block: ArrayLike<number>): number => Math.ceil(block.length / 16) * 16;
