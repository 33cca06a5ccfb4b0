// Runs a recorded call again: no operation is recorded, no graph is walked, nothing is planned. What may have changed is
// filled into the launches of the recorded plans: buffers, and the numbers that are new at each call.

import type { Binding, BufferHandle, Launch } from "../backend/backend.js";
import { byteLengthOf } from "../dtype.js";
import { sizeOf } from "../shape.js";
import { leafNode, type Node, Storage } from "./node.js";
import type { Holder, RecordedLeaf, RecordedRun, Recorder } from "./recorder.js";
import { bindResults } from "./schedule.js";

/** What a replay needs of its device. */
export type ReplayDevice = {
  readonly allocate: (byteLength: number) => BufferHandle;
  readonly free: (buffer: BufferHandle) => void;
  /** The memory of a leaf; of host data for this once, or for good. */
  readonly upload: (leaf: Node, persistent: boolean) => Storage;
  /** Launches as the device runs them best again and again, with what they bind then. */
  readonly capture: (launches: readonly Launch[]) => readonly Launch[];
  /** Submits what `capture` made of some launches. */
  readonly submit: (captured: readonly Launch[], launches: readonly Launch[]) => void;
  /** Makes a leaf with new memory known. */
  readonly adopt: (leaf: Node, storage: Storage) => void;
  /** Puts a fresh leaf in the place of one that is overwritten. */
  readonly supersede: (leaf: Node, by: string) => Node;
};

/** A result that the call gives: which root, by submission. */
export type WantedResult = { readonly run: number; readonly root: number };

/** Bindings of what is there from call to call, whose buffer an update may have exchanged: parameters and the like, many of them. */
type Stored = { readonly bindings: Binding[]; readonly storages: Storage[] };
type PassedLeaf = Exclude<RecordedLeaf, { readonly kind: "stored" }>;
type Target = { readonly holder: Holder; readonly storage: Storage; leaf: Node };
/** How a root of a submission is stored. */
type Output =
  | { readonly kind: "inPlace" | "swapped"; readonly storage: Storage; readonly byteLength: number }
  | { readonly kind: "own"; readonly byteLength: number; readonly isWanted: boolean };
type Run = {
  readonly recorded: RecordedRun;
  readonly outputs: readonly Output[];
  readonly stored: Stored;
  /** Bindings of what comes anew with each call. */
  readonly passed: readonly (readonly [binding: Binding, leaf: PassedLeaf])[];
  /** Which of the plan's scalars are new at each call. */
  readonly live: readonly number[];
  /** The plan's launches, made ready to run again when they first do. */
  captured: readonly Launch[] | undefined;
};

/** A recorded call, ready to run again. */
export class Replay {
  readonly #runs: readonly Run[];
  readonly #targets: readonly Target[];
  readonly #outside: readonly RecordedLeaf[];
  readonly #sources: Recorder["sources"];
  readonly #wanted: readonly WantedResult[];

  private constructor(
    runs: readonly Run[],
    targets: readonly Target[],
    outside: readonly RecordedLeaf[],
    record: Recorder,
    wanted: readonly WantedResult[],
  ) {
    this.#runs = runs;
    this.#targets = targets;
    this.#outside = outside;
    this.#sources = record.sources;
    this.#wanted = wanted;
  }

  /** Prepares a record; undefined when an overwritten leaf has no known holder. */
  static make(record: Recorder, wanted: readonly WantedResult[]): Replay | undefined {
    const targets: Target[] = [];
    const overwritten = new Set(record.runs.flatMap((r) => r.roots.flatMap(({ into }) => into ?? [])));
    for (const storage of overwritten) {
      const holder = record.holders.get(storage);
      if (!holder) return undefined;
      targets.push({ holder, storage, leaf: holder.value.node });
    }
    const outside: RecordedLeaf[] = [];
    const runs = record.runs.map((recorded, r): Run => {
      const { bound, roots } = recorded;
      const outputs = roots.map((root, k): Output => {
        const byteLength = sizeOf(root.shape) * byteLengthOf(root.dtype);
        if (!root.into) return { kind: "own", byteLength, isWanted: wanted.some((w) => w.run === r && w.root === k) };
        return { kind: bound.inPlace[k] ? "inPlace" : "swapped", storage: root.into, byteLength };
      });
      const stored: Stored = { bindings: [], storages: [] };
      const passed: [Binding, PassedLeaf][] = [];
      bound.bindings.leaf.forEach((binding, slot) => {
        const leaf = recorded.leaves.get(slot)!;
        // What is overwritten is looked at as a target.
        if (leaf.kind !== "stored" || !overwritten.has(leaf.storage)) outside.push(leaf);
        if (leaf.kind !== "stored") passed.push([binding, leaf]);
        else {
          stored.bindings.push(binding);
          stored.storages.push(leaf.storage);
        }
      });
      const live = recorded.numbers.flatMap((x, i) => (x.live ? [i] : []));
      return { recorded, outputs, stored, passed, live, captured: undefined };
    });
    return new Replay(runs, targets, outside, record, wanted);
  }

  /** The leaves that a replay overwrites. */
  get overwritten(): ReadonlySet<Node> {
    return new Set(this.#targets.map((t) => t.leaf));
  }

  /**
   * Runs the call on other arguments; gives the data of the wanted results. Undefined, with nothing changed, when what
   * was recorded is no longer there.
   */
  run(device: ReplayDevice, given: readonly Node[], by: string): readonly Node[] | undefined {
    for (const t of this.#targets) {
      const { node } = t.holder.value;
      if (node.storage !== t.storage) return undefined;
      t.leaf = node;
    }
    if (this.#outside.some(isGone)) return undefined;
    const commits: (() => void)[] = [];
    for (const source of this.#sources) {
      const commit = source();
      if (!commit) return undefined;
      commits.push(commit);
    }
    for (const commit of commits) commit();
    const made: Storage[][] = [];
    const passing: BufferHandle[] = [];
    for (const run of this.#runs) made.push(this.#submit(run, device, given, made, passing));
    for (const t of this.#targets) {
      // What was recorded on the old value since then must not see the new one.
      if (t.leaf.isRead) t.holder.value = { node: device.supersede(t.leaf, by), index: 0 };
    }
    for (const buffer of passing) device.free(buffer);
    return this.#wanted.map(({ run, root }) => {
      const { shape, dtype } = this.#runs[run]!.recorded.roots[root]!;
      const storage = made[run]![root]!;
      const leaf = leafNode(shape, dtype, { storage });
      device.adopt(leaf, storage);
      return leaf;
    });
  }

  #submit(
    run: Run,
    device: ReplayDevice,
    given: readonly Node[],
    made: readonly (readonly Storage[])[],
    passing: BufferHandle[],
  ): Storage[] {
    const { recorded, outputs, stored, passed, live } = run;
    const { bound, numbers } = recorded;
    const blocks = bound.memory.blockBytes.map((bytes) => device.allocate(bytes));
    const results = outputs.map((output) => {
      if (output.kind === "inPlace") return output.storage;
      const storage = new Storage(device.allocate(Math.max(output.byteLength, 4)), output.byteLength);
      if (output.kind === "own" && !output.isWanted) passing.push(storage.buffer);
      return storage;
    });
    bindResults(bound, blocks, results);
    stored.bindings.forEach((binding, i) => {
      binding.buffer = stored.storages[i]!.buffer;
    });
    for (const [binding, leaf] of passed) {
      if (leaf.kind === "result") binding.buffer = made[leaf.run]![leaf.root]!.buffer;
      else {
        const isArgument = leaf.kind === "argument";
        const node = isArgument ? given[leaf.index]! : leaf.node;
        const storage = node.storage ?? device.upload(node, !isArgument);
        if (isArgument && !node.storage) passing.push(storage.buffer);
        binding.buffer = storage.buffer;
      }
    }
    if (bound.filledBy === recorded) {
      for (const i of live) this.#fill(bound.scalars[i]!, numbers[i]!.numbers);
    } else {
      bound.scalars.forEach((s, i) => {
        this.#fill(s, numbers[i]!.numbers);
      });
      bound.filledBy = recorded;
    }
    run.captured ??= device.capture(bound.launches);
    device.submit(run.captured, bound.launches);
    for (const b of blocks) device.free(b);
    outputs.forEach((output, k) => {
      if (output.kind !== "swapped") return;
      device.free(output.storage.buffer);
      output.storage.buffer = results[k]!.buffer;
    });
    return results;
  }

  #fill({ launch, at, index }: RecordedRun["bound"]["scalars"][number], numbers: readonly number[]): void {
    launch.scalars[at] = numbers[index]!;
  }
}

/** Whether what was read from outside is no longer there. */
function isGone(leaf: RecordedLeaf): boolean {
  if (leaf.kind === "stored") return leaf.node.storage !== leaf.storage;
  return leaf.kind === "constant" && !leaf.node.storage && !leaf.node.host;
}
