// A list of launches made ready for replay: dispatches in order, their parameters in one array of words, and which words
// change from run to run. Kept for as long as core keeps the list.

import { byteLengthOf, type DType, type Launch, unreachable } from "@torchium/tensor/backend";
import { type Block, WebGpuBuffer } from "../memory/buffer.js";
import type { Slots } from "../wgsl/module.js";
import { type Dispatch, GpuExecutable, type LaunchPlan } from "./dispatch.js";
import { paramWindow } from "./pipelines.js";

/** A dispatch with its place among the parameters. */
export type PlacedDispatch = { readonly dispatch: Dispatch; readonly launch: Launch; readonly word: number };

/** A launch whose ids are checked, and how many rows its table has. */
export type Guard = { readonly launch: Launch; readonly tableRows: number };

const offsetAlignmentWords = 64;

/** Launches as dispatches. */
export class Submission {
  readonly #launches: readonly Launch[];
  readonly dispatches: readonly PlacedDispatch[];
  readonly guards: readonly Guard[];
  /** Words of scratch memory, shared by all dispatches: they run one after the other. */
  readonly scratchWords: number;
  /** Parameters of all dispatches. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array;

  constructor(launches: readonly Launch[]) {
    this.#launches = [...launches];
    const dispatches: PlacedDispatch[] = [];
    const guards: Guard[] = [];
    let scratchWords = 0;
    let length = 0;
    for (const launch of launches) {
      const plan = planOf(launch);
      scratchWords = Math.max(scratchWords, plan.scratchWords);
      if (plan.guards !== undefined) guards.push({ launch, tableRows: plan.guards });
      for (const dispatch of plan.dispatches) {
        dispatches.push({ dispatch, launch, word: length });
        length += Math.ceil(dispatch.words.length / offsetAlignmentWords) * offsetAlignmentWords;
      }
    }
    this.dispatches = dispatches;
    this.guards = guards;
    this.scratchWords = scratchWords;
    this.words = new Uint32Array(length);
    this.#floats = new Float32Array(this.words.buffer);
    for (const { dispatch, word } of dispatches) this.words.set(dispatch.words, word);
  }

  /** Bytes that the buffer of parameters must have: the last dispatch sees a whole window, too. */
  get paramBytes(): number {
    return this.words.byteLength + paramWindow;
  }

  /** Whether `launches` are still those that were made ready. */
  isOf(launches: readonly Launch[]): boolean {
    const own = this.#launches;
    return launches.length === own.length && launches.every((launch, i) => launch === own[i]);
  }

  /** Fills in what changes: where operands start, and scalars. `faultWord` gives the place of a guarded launch. */
  fill(faultWord: (launch: Launch) => number): void {
    const { words } = this;
    const floats = this.#floats;
    for (const { dispatch, launch, word } of this.dispatches) {
      const { layout, uses } = dispatch;
      for (let i = 0; i < uses.length; i++) {
        const use = uses[i];
        if (!use || i >= layout.operands) continue;
        let start = use.offset;
        if (use.place.kind === "operand") start += elementsBefore(launch, use.place.operand);
        else if (use.place.kind === "faults") start += faultWord(launch);
        words[word + layout.start(i)] = start;
      }
      for (let i = 0; i < layout.scalars; i++) {
        const at = word + layout.scalar(i);
        const value = launch.scalars[i]!;
        if (scalarTypes(launch, i) === "float32") floats[at] = value;
        else words[at] = value;
      }
    }
  }
}

function planOf(launch: Launch): LaunchPlan {
  const { executable } = launch;
  if (executable instanceof GpuExecutable) return executable.plan(launch);
  return unreachable(`${launch.label}: compiled by another backend`);
}

const elementsBefore = ({ executable, operands }: Launch, index: number): number => {
  const type = (executable as GpuExecutable).types[index];
  return operands[index]!.byteOffset / (type === undefined ? 4 : byteLengthOf(type));
};

const scalarTypes = ({ executable }: Launch, index: number): DType =>
  executable instanceof GpuExecutable ? executable.scalars[index]! : unreachable("compiled by another backend");

/** Blocks that hold what is no operand of a launch. */
export type ExtraBlocks = { readonly scratch: Block | undefined; readonly faults: Block | undefined };

/** Which buffers a dispatch binds, and which of its operands share one. */
export function bindingsOf(
  { dispatch, launch }: PlacedDispatch,
  extra: ExtraBlocks,
): { readonly slots: Slots; readonly blocks: readonly Block[] } {
  const blocks: Block[] = [];
  const written: boolean[] = [];
  const of = dispatch.uses.map((use) => {
    if (!use) return undefined;
    const { place } = use;
    const block = place.kind === "operand" ? blockOf(launch, place.operand) : extra[place.kind];
    if (!block) return undefined;
    const known = blocks.indexOf(block);
    const slot = known >= 0 ? known : blocks.push(block) - 1;
    written[slot] = (written[slot] ?? false) || use.written;
    return slot;
  });
  const writes = dispatch.uses.map((use) => use?.written ?? false);
  return { slots: { of, writes, written }, blocks };
}

function blockOf({ operands, label }: Launch, operand: number): Block | undefined {
  const buffer = operands[operand]!.binding?.buffer;
  if (buffer === undefined) return undefined;
  if (buffer instanceof WebGpuBuffer && !buffer.released) return buffer.block;
  return unreachable(`${label}: operand ${operand} is in a buffer of another device, or in one that was released`);
}
