// What `compile` notes of a call of its function while that runs as usual: the submissions it made, what they read and
// wrote, and which of the numbers in them are new at each call. Two calls that noted the same can be replayed.

import type { DataArray } from "../dtype.js";
import type { Device } from "./device.js";
import type { Node, NodeOutput, Storage, Value } from "./node.js";
import type { BoundPlan } from "./schedule.js";
import type { Root } from "./signature.js";

/** Where a submission finds a leaf at replay. */
export type RecordedLeaf =
  /** An argument of the call. */
  | { readonly kind: "argument"; readonly index: number }
  /** A result of an earlier submission of the call. */
  | { readonly kind: "result"; readonly run: number; readonly root: number }
  /** Memory that was there before the call: parameters, an optimizer's state, tensors from outside. */
  | { readonly kind: "stored"; readonly node: Node; readonly storage: Storage }
  /** Data on the host that was no argument; `data` where the call made it itself. */
  | { readonly kind: "constant"; readonly node: Node; readonly data: DataArray | undefined };

/** What a submission gives, and the storage that it overwrites with that. */
export type RecordedRoot = NodeOutput & { readonly into: Storage | undefined };

/** The numbers of one node that a launch takes; `live` when they are new at each call. */
export type RecordedNumber = { readonly numbers: readonly number[]; readonly value: number; readonly live: boolean };

/** One submission. `leaves` are by slot, `numbers` in the order of the plan's scalars. */
export type RecordedRun = {
  readonly bound: BoundPlan;
  readonly roots: readonly RecordedRoot[];
  readonly leaves: ReadonlyMap<number, RecordedLeaf>;
  readonly numbers: readonly RecordedNumber[];
};

/** A leaf that updates overwrite, as the code that holds it sees it. */
export type Holder = { value: Value };

/** A source of numbers that are new at each call: gives what puts them in place, or nothing when it cannot. */
export type LiveSource = () => (() => void) | undefined;

/** Notes one call. */
export class Recorder {
  readonly runs: RecordedRun[] = [];
  readonly sources: LiveSource[] = [];
  /** By the storage that is overwritten. */
  readonly holders = new Map<Storage, Holder>();
  /** Why the call cannot be replayed. */
  obstacle: string | undefined;
  readonly #live = new Set<readonly number[]>();
  readonly #arguments: ReadonlyMap<Node, number>;
  readonly #produced = new Map<Node, { readonly run: number; readonly root: number }>();
  readonly #firstNode: number;
  /** The device that the call works on. */
  device: Device | undefined;

  /** @param firstNode nodes with this id and later ones are made by the call */
  constructor(given: readonly Node[], firstNode: number) {
    this.#arguments = new Map(given.map((node, index) => [node, index]));
    this.#firstNode = firstNode;
  }

  /** Gives up: the call runs as it is written, each time. */
  refuse(why: string): void {
    this.obstacle ??= why;
  }

  /** These numbers of nodes are new at each call: `source` says how. */
  live(numbers: readonly (readonly number[])[], source?: LiveSource): void {
    for (const list of numbers) this.#live.add(list);
    if (source) this.sources.push(source);
  }

  /** Which result of which submission a node's data is. */
  producerOf(data: Node): { readonly run: number; readonly root: number } | undefined {
    return this.#produced.get(data);
  }

  /** A submission about to run; `order` still holds its graph. */
  submission(device: Device, bound: BoundPlan, order: readonly Node[], roots: readonly Root[]): void {
    this.device ??= device;
    if (device !== this.device) this.refuse("it works on two devices");
    const leaves = new Map<number, RecordedLeaf>();
    bound.bindings.leaf.forEach((_, slot) => leaves.set(slot, this.#leaf(order[slot]!)));
    const numbers = bound.scalars.map(({ slot, index }): RecordedNumber => {
      const list = order[slot]!.scalars;
      return { numbers: list, value: list[index]!, live: this.#live.has(list) };
    });
    const recorded = roots.map(({ node, index, into }) => ({ ...node.outputs[index]!, into: into?.storage }));
    this.runs.push({ bound, roots: recorded, leaves, numbers });
  }

  /** The data of a root of the latest submission. */
  settled(root: number, data: Node): void {
    this.#produced.set(data, { run: this.runs.length - 1, root });
  }

  #leaf(node: Node): RecordedLeaf {
    const index = this.#arguments.get(node);
    if (index !== undefined) return { kind: "argument", index };
    const produced = this.#produced.get(node);
    if (produced) return { kind: "result", ...produced };
    const { storage } = node;
    if (storage) return { kind: "stored", node, storage };
    return { kind: "constant", node, data: node.id >= this.#firstNode ? node.host : undefined };
  }
}

let current: Recorder | undefined;

/** What notes the call that is running, if one is noted. */
export const recorder = (): Recorder | undefined => current;

/** Runs `fn` with a recorder. */
export function recordWith<R>(own: Recorder, fn: () => R): R {
  const around = current;
  // A call inside another is part of it.
  around?.refuse("a compiled function calls another");
  current = own;
  try {
    return fn();
  } finally {
    current = around;
  }
}

/** Whether two calls noted the same, but for what is new at each. */
export function sameRecord(a: Recorder, b: Recorder): boolean {
  return (
    a.runs.length === b.runs.length &&
    a.sources.length === b.sources.length &&
    a.runs.every((run, i) => sameRun(run, b.runs[i]!))
  );
}

function sameRun(a: RecordedRun, b: RecordedRun): boolean {
  if (a.bound !== b.bound || a.roots.length !== b.roots.length) return false;
  if (!a.roots.every((r, i) => r.into === b.roots[i]!.into)) return false;
  const sameNumbers = a.numbers.every((x, i) => {
    const y = b.numbers[i]!;
    return x.live === y.live && (x.live || Object.is(x.value, y.value));
  });
  return sameNumbers && [...a.leaves].every(([slot, leaf]) => sameLeaf(leaf, b.leaves.get(slot)!));
}

function sameLeaf(a: RecordedLeaf, b: RecordedLeaf): boolean {
  if (a.kind === "argument" && b.kind === "argument") return a.index === b.index;
  if (a.kind === "stored" && b.kind === "stored") return a.storage === b.storage;
  if (a.kind === "result" && b.kind === "result") return a.run === b.run && a.root === b.root;
  if (a.kind !== "constant" || b.kind !== "constant") return false;
  if (a.node === b.node) return true;
  const [x, y] = [a.data, b.data];
  return x !== undefined && y !== undefined && x.length === y.length && x.every((v, i) => Object.is(v, y[i]));
}
