// A Device: a backend with its plans, kernels and memory rules. Everything lazy ends here, in `realize`.

import type { AnchorCall, Backend, Launch, LaunchError, MemoryInfo } from "../backend/backend.js";
import { byteLengthOf, type DataArray, type DType, fromDeviceBytes, toDeviceBytes } from "../dtype.js";
import { TensorError, unreachable } from "../errors.js";
import { sizeOf } from "../shape.js";
import { copyOf } from "./copy-program.js";
import { Kernels } from "./kernel-cache.js";
import { leafNode, type Node, Storage, type Value } from "./node.js";
import { PlanCache } from "./plan-cache.js";
import { recorder } from "./recorder.js";
import type { Replay, ReplayDevice } from "./replay.js";
import { bindResults } from "./schedule.js";
import { GraphWalk, type Root } from "./signature.js";
import { rootAbove, staleError } from "./stale.js";
import { type GradientHolder, Waiting } from "./waiting.js";

/** How often the device had to do more than replay. */
export type DeviceCounters = {
  /** Structures planned from scratch. */
  readonly plansBuilt: number;
  /** Known structures bound to new sizes. */
  readonly plansBound: number;
  /** Kernels and anchors compiled. */
  readonly kernelsCompiled: number;
  readonly launches: number;
  readonly realizations: number;
};

/** Values up to this size move to the host when they are read, so that reading frees device memory. */
const smallBytes = 4096;
/** Pending chains longer than this are run, so that a loop that never reads cannot grow without bound. */
export const maxDepth = 3000;

/** An open device. Made by `createCpuDevice` and its like; passed to tensors or set as the default. */
export class Device {
  readonly backend: Backend;
  readonly #kernels: Kernels;
  readonly #plans: PlanCache;
  readonly #walk = new GraphWalk();
  readonly #waiting = new Waiting();
  #evictable: Node[] = [];
  #disposed = false;
  #lost: TensorError | undefined;
  #launches = 0;
  #realizations = 0;
  readonly #registry = new FinalizationRegistry<Storage>((storage) => this.#free(storage));
  readonly #scopes: Set<Node>[] = [];

  /**
   * @param options `fusion: false` runs every operation as a launch of its own: slower, for finding faults.
   * @throws TensorError `unsupported` when the backend speaks another version of the interface.
   */
  constructor(backend: Backend, options: { readonly fusion?: boolean } = {}) {
    if (backend.interfaceVersion !== 1) {
      throw new TensorError(
        "unsupported",
        `Device: backend ${(backend as Backend).name} has the wrong interface version, got ${(backend as Backend).interfaceVersion}, expected 1`,
      );
    }
    this.backend = backend;
    const fusion = options.fusion ?? true;
    this.#kernels = new Kernels(backend, fusion);
    this.#plans = new PlanCache(this.#kernels, backend, fusion);
    backend.lost.then(
      (error) => {
        this.#lost = error;
      },
      () => {},
    );
  }

  /** `cpu`, `cuda`, `webgpu`, or a third party's name. */
  get name(): string {
    return this.backend.name;
  }

  /** One line for people: the name, and what the backend says of hardware and libraries in use. */
  get info(): string {
    const { name, info } = this.backend;
    return info === undefined ? name : `${name}: ${info}`;
  }

  get counters(): DeviceCounters {
    return {
      plansBuilt: this.#plans.built,
      plansBound: this.#plans.bound,
      kernelsCompiled: this.#kernels.compiled,
      launches: this.#launches,
      realizations: this.#realizations,
    };
  }

  /** Bytes live, at their peak, held and allowed. */
  memory(): MemoryInfo {
    return this.backend.memory();
  }

  /** Resolves when everything submitted has run. */
  async finish(): Promise<void> {
    this.check();
    await this.backend.finish();
  }

  /** Frees everything the device holds. Its tensors can no longer be read. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#plans.clear();
    this.backend.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws TensorError `disposed` or `device-lost` when the device can do no more work. */
  check(): void {
    if (this.#disposed) throw new TensorError("disposed", `${this.name}: the device has been disposed`);
    if (this.#lost) throw this.#lost;
  }

  /** @throws TensorError `dtype` when the backend has no such element type. */
  checkDType(dtype: DType): void {
    const { dtypes } = this.backend.capabilities;
    if (dtypes.has(dtype)) return;
    const expected = [...dtypes].join(", ");
    throw new TensorError("dtype", `${this.name}: no such dtype on this device, got ${dtype}, expected ${expected}`, {
      got: dtype,
      expected: [...dtypes],
    });
  }

  /** Whether the backend runs this anchor itself; asked once for each structure. */
  supports(call: AnchorCall): boolean {
    this.check();
    return this.#kernels.anchor(call) !== undefined;
  }

  /** Whether the backend runs this anchor itself and is faster that way at `sizes`, its gradient included if asked. */
  prefers(call: AnchorCall, sizes: readonly number[], withGradient: boolean): boolean {
    return this.supports(call) && (this.backend.pays?.(call, sizes, withGradient) ?? true);
  }

  /** Remembers a value that must stay readable after the next update. */
  keep(value: Value): void {
    this.#waiting.keep(value);
  }

  /** Remembers a leaf with a gradient: an update of other leaves computes the gradient first, so that it stays usable. */
  watch(leaf: GradientHolder): void {
    this.#waiting.watch(leaf);
  }

  /** Gradients that the next update is to use. */
  get gradients(): readonly Value[] {
    return this.#waiting.gradients;
  }

  /** Runs what is needed to have `values` in memory. `saved` are stored too, until the next update. */
  realize(values: readonly Value[], saved: readonly Value[] = []): void {
    const roots: Root[] = [];
    const seen = new Set<string>();
    const push = (v: Value): void => {
      const key = `${v.node.id},${v.index}`;
      if (v.node.op.kind === "leaf" || v.node.leaves?.[v.index] || v.node.storage || seen.has(key)) return;
      seen.add(key);
      roots.push({ node: v.node, index: v.index });
    };
    for (const v of values) push(v);
    const own = roots.length;
    // A value that is in memory already may outlive what it was computed from: a kept loss, read after the step.
    if (own > 0) for (const v of saved) push(v);
    if (own === 0) {
      for (const v of values) v.node.evictable = false;
      return;
    }
    this.#run(roots);
    roots.forEach((r, k) => {
      if (k >= own) this.#evictable.push(r.node.leaves?.[r.index] ?? r.node);
      else settled(r.node);
    });
  }

  /**
   * Overwrites leaves with new values, all at once: every value is computed from the old ones. Kept values are computed
   * first; whatever else depends on an overwritten leaf can no longer be read.
   * @returns the leaf node that now holds each target's storage.
   */
  update(updates: readonly { readonly target: Node; readonly value: Value }[], op: string): Node[] {
    const roots: Root[] = [];
    for (const { node, index } of this.#waiting.take(new Set(updates.map((u) => u.target)))) {
      // Read since then, or stored for a backward pass: it is there already, and stays.
      if (node.op.kind === "leaf" || node.leaves?.[index]) continue;
      if (node.storage) node.evictable = false;
      else roots.push({ node, index });
    }
    const kept = roots.length;
    const taken = new Set(roots.map((r) => `${r.node.id},${r.index}`));
    for (const { target, value } of updates) {
      const storage = this.#upload(target, true);
      // Each updated storage needs a computed result of its own.
      const own = value.node.op.kind !== "leaf" && !value.node.storage && !value.node.leaves?.[value.index];
      const { node, index } = own && !taken.has(`${value.node.id},${value.index}`) ? value : copyOf(value);
      taken.add(`${node.id},${index}`);
      roots.push({ node, index, into: { storage, target } });
    }
    this.#run(roots);
    for (const r of roots.slice(0, kept)) settled(r.node);
    const out = updates.map(({ target }) => this.#supersede(target, op));
    this.evict(op);
    return out;
  }

  /** Drops what was stored only for a backward pass. */
  evict(op: string): void {
    for (const n of this.#evictable) {
      if (!n.storage || (n.op.kind !== "leaf" && !n.evictable)) continue;
      this.release(n);
      if (n.op.kind === "leaf") n.stale = op;
    }
    this.#evictable = [];
  }

  /** Frees the memory of a value at once. */
  release(node: Node): void {
    const { storage } = node;
    if (!storage) return;
    node.storage = undefined;
    this.#registry.unregister(node);
    this.#free(storage);
  }

  #free(storage: Storage): void {
    if (!this.#disposed) this.backend.release(storage.buffer);
  }

  /** Starts collecting what is realized, for `scope`. */
  openScope(): void {
    this.#scopes.push(new Set());
  }

  /** Frees what was realized since `openScope`, except `survivors`, which pass to the scope around. */
  closeScope(survivors: ReadonlySet<Node>): void {
    const mine = this.#scopes.pop() ?? new Set<Node>();
    const around = this.#scopes[this.#scopes.length - 1];
    for (const n of mine) {
      if (survivors.has(n)) around?.add(n);
      else if (n.storage) {
        this.release(n);
        n.stale = "scope";
      }
    }
  }

  /** The device memory of a leaf, uploading host data for good. */
  #upload(leaf: Node, persistent: boolean): Storage {
    if (leaf.storage) return leaf.storage;
    if (leaf.stale !== undefined) throw staleError(leaf);
    const bytes = toDeviceBytes(leaf.host ?? unreachable("a leaf without data"), leaf.outputs[0]!.dtype);
    const buffer = this.backend.allocate(Math.max(bytes.byteLength, 4));
    this.backend.write(buffer, bytes);
    const storage = new Storage(buffer, bytes.byteLength);
    if (persistent) {
      leaf.storage = storage;
      leaf.host = undefined;
      this.#registry.register(leaf, storage, leaf);
    }
    return storage;
  }

  /** Reads a realized value back, dense and row-major. */
  async read(value: Value): Promise<DataArray> {
    this.check();
    const node = value.node.leaves?.[value.index] ?? value.node;
    if (node.host) return node.host;
    if (!node.storage && node.stale !== undefined) throw staleError(node);
    const storage = node.storage ?? unreachable("reading a value that was not realized");
    const { dtype, shape } = node.outputs[0]!;
    const byteLength = sizeOf(shape) * byteLengthOf(dtype);
    const bytes = this.backend.readSync
      ? this.backend.readSync(storage.buffer, 0, byteLength)
      : await this.backend.read(storage.buffer, 0, byteLength);
    const errors = await this.backend.checkErrors();
    if (errors.length > 0) throw launchError(errors);
    const data = fromDeviceBytes(dtype, bytes);
    if (byteLength <= smallBytes && node.op.kind === "leaf" && node.storage === storage && !node.pinned) {
      node.host = data;
      this.release(node);
    }
    return data;
  }

  #run(roots: readonly Root[]): void {
    this.check();
    this.#realizations++;
    const walk = this.#walk;
    if (!walk.walk(roots)) return;
    const { order } = walk;
    for (const n of order) if (n.stale !== undefined) throw staleError(n, rootAbove(n, roots));
    const bound = this.#plans.bind(walk, roots);
    const noted = recorder();
    noted?.submission(this, bound, order, roots);
    const transient: Storage[] = [];
    const blocks = bound.memory.blockBytes.map((bytes) => this.backend.allocate(bytes));
    const results = roots.map((r, k) => {
      if (r.into && bound.inPlace[k]) return r.into.storage;
      const { shape, dtype } = r.node.outputs[r.index]!;
      const byteLength = sizeOf(shape) * byteLengthOf(dtype);
      return new Storage(this.backend.allocate(Math.max(byteLength, 4)), byteLength);
    });
    bindResults(bound, blocks, results);
    bound.bindings.leaf.forEach((binding, slot) => {
      const leaf = order[slot]!;
      const persistent = leaf.storage !== undefined || leaf.uses++ > 0;
      const storage = this.#upload(leaf, persistent);
      if (!persistent) transient.push(storage);
      binding.buffer = storage.buffer;
    });
    for (const s of bound.scalars) s.launch.scalars[s.at] = order[s.slot]!.scalars[s.index]!;
    bound.filledBy = undefined;
    this.#submit(bound.launches, bound.launches);
    for (const s of transient) this.backend.release(s.buffer);
    for (const b of blocks) this.backend.release(b);
    roots.forEach((r, k) => {
      const data = this.#settle(r, results[k]!, bound.inPlace[k]!);
      if (data) noted?.settled(k, data);
    });
  }

  /** Submits launches, or what the backend has captured of them. */
  #submit(submitted: readonly Launch[], launches: readonly Launch[]): void {
    this.backend.submit(submitted);
    this.#launches += launches.length;
  }

  /** Whether something waits for the next update: values to keep, or gradients that may be used after it. */
  get hasWaiting(): boolean {
    return this.#waiting.any;
  }

  /** Runs a recorded call again, as an update named `op`; undefined when that is no longer possible. */
  replay(record: Replay, given: readonly Node[], op: string): readonly Node[] | undefined {
    this.check();
    if (this.hasWaiting) this.realize(this.#waiting.take(record.overwritten));
    const data = record.run(this.#replaying, given, op);
    if (!data) return undefined;
    this.#realizations++;
    this.evict(op);
    return data;
  }

  readonly #replaying: ReplayDevice = {
    allocate: (byteLength) => this.backend.allocate(byteLength),
    free: (buffer) => this.backend.release(buffer),
    upload: (leaf, persistent) => this.#upload(leaf, persistent),
    capture: (launches) => {
      const executable = this.backend.capture?.(launches);
      if (!executable) return launches;
      return [{ executable, sizes: [], operands: [], scalars: [], stage: 0, label: "a compiled function" }];
    },
    submit: (captured, launches) => this.#submit(captured, launches),
    adopt: (leaf, storage) => {
      this.#registry.register(leaf, storage, leaf);
      this.#scopes[this.#scopes.length - 1]?.add(leaf);
    },
    supersede: (leaf, by) => this.#supersede(leaf, by),
  };

  /** A fresh leaf over the storage of one that is overwritten; what depends on the old one is stale. */
  #supersede(target: Node, op: string): Node {
    const storage = target.storage!;
    const next = leafNode(target.outputs[0]!.shape, target.outputs[0]!.dtype, { storage });
    next.pinned = true;
    target.storage = undefined;
    target.host = undefined;
    target.stale = op;
    this.#registry.unregister(target);
    this.#registry.register(next, storage, next);
    return next;
  }

  /** Stores a result; gives the node that holds it, unless it went into an existing storage. */
  #settle(root: Root, result: Storage, inPlace: boolean): Node | undefined {
    if (root.into) {
      if (inPlace) return undefined;
      this.backend.release(root.into.storage.buffer);
      root.into.storage.buffer = result.buffer;
      return undefined;
    }
    const { node, index } = root;
    if (node.outputs.length > 1) {
      const { shape, dtype } = node.outputs[index]!;
      const leaf = leafNode(shape, dtype, { storage: result, origin: node.op.label });
      node.leaves ??= new Array<Node | undefined>(node.outputs.length).fill(undefined);
      node.leaves[index] = leaf;
      this.#registry.register(leaf, result, leaf);
      this.#scopes[this.#scopes.length - 1]?.add(leaf);
      return leaf;
    }
    node.storage = result;
    node.evictable = true;
    this.#registry.register(node, result, node);
    this.#scopes[this.#scopes.length - 1]?.add(node);
    return node;
  }
}

/** A realized node with one output holds data from now on. */
function settled(node: Node): void {
  if (node.outputs.length === 1 && node.op.kind !== "leaf") node.becomeLeaf();
}

function launchError(errors: readonly LaunchError[]): TensorError {
  return new TensorError(errors[0]!.code, errors.map((e) => e.message).join("; "), { errors });
}
