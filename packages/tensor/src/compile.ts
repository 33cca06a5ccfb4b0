// Functions whose calls are recorded and run again without their JavaScript: a whole training step as a few submissions.

import { checkFunction } from "./arguments.js";
import { productType } from "./autograd/autocast.js";
import { gradEnabled, refusePromise } from "./autograd/mode.js";
import { argumentError } from "./errors.js";
import type { Device } from "./graph/device.js";
import { type Node, nextNodeId, nodesMadeBy } from "./graph/node.js";
import { type LiveSource, Recorder, recorder, recordWith, sameRecord } from "./graph/recorder.js";
import { Replay } from "./graph/replay.js";
import { defaultGenerator } from "./random.js";
import { dataNodeOf, Tensor } from "./tensor.js";

/** A compiled function. */
export type Compiled<A extends readonly unknown[], R> = ((...args: A) => R) & {
  /** Calls that ran from a record. */
  readonly replays: number;
  /** Why the latest call did not run from a record; undefined when it did. */
  readonly obstacle: string | undefined;
};

/** Kinds of calls (shapes and other arguments) whose records are kept; the oldest go first. */
const maxRecords = 64;
/** A function whose calls keep differing is not recorded any more. */
const maxAttempts = 8;

type Ready<R> = {
  readonly device: Device;
  readonly replay: Replay;
  readonly results: (data: readonly Node[]) => R;
};

/** What is known of one kind of call. */
type Entry<R> = {
  attempts: number;
  last: Recorder | undefined;
  ready: Ready<R> | undefined;
};

/**
 * A function of tensors whose calls run in one submission, and after two calls that did the same, without running
 * JavaScript: the launches of the recorded call are filled with new buffers and numbers and submitted. A training step
 * (loss, `backward`, clipping, `optimizer.step()`, `zeroGrad`) can be one such function.
 *
 * New at each call are: the data of tensor arguments, random draws on the device (dropout), an optimizer's step count and
 * options. Everything else that `fn` reads is as it was when it was recorded: batches must be arguments, not made inside.
 * Other shapes, and other values of arguments that are no tensors, are recorded anew. A call runs as it is written,
 * and `obstacle` says why, when two calls do not agree, when it leaves gradients behind, when gradients of its results
 * are still wanted, and when an operation looks at its data on the host to decide what to do. Checks of values at the
 * call (ids in range) are those of recorded calls; later ones show when a result is read.
 *
 * @throws TensorError `state` when `fn` returns a promise
 */
export function compile<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  fn: (...args: A) => R,
): Compiled<A, R> {
  checkFunction("compile", "what to compile", fn);
  const entries = new Map<string, Entry<R>>();
  const identities = new WeakMap<object, number>();
  let identityCount = 0;
  const identityOf = (x: object): number => {
    const known = identities.get(x);
    if (known !== undefined) return known;
    identities.set(x, identityCount);
    return identityCount++;
  };
  const state: { replays: number; obstacle: string | undefined } = { replays: 0, obstacle: undefined };

  const entryOf = (args: A, tensors: readonly Tensor[]): Entry<R> => {
    const ambient = `${gradEnabled()},${productType("float32")},${identityOf(defaultGenerator())}`;
    let key = ambient;
    for (const x of args) {
      if (x instanceof Tensor) {
        const { shape, strides, offset } = x.layout;
        key += `|t${x.dtype},${shape},${strides},${offset},${identityOf(x.device)},${tensors.findIndex((t) => dataNodeOf(t) === dataNodeOf(x))}`;
      } else if ((typeof x === "object" && x !== null) || typeof x === "function") key += `|o${identityOf(x)}`;
      else key += `|${typeof x}${String(x)}`;
    }
    let entry = entries.get(key);
    if (!entry) {
      if (entries.size >= maxRecords) entries.delete(entries.keys().next().value!);
      entry = { attempts: 0, last: undefined, ready: undefined };
      entries.set(key, entry);
    }
    return entry;
  };

  const call = (...args: A): R => {
    const tensors = args.filter((x) => x instanceof Tensor);
    // Arguments are data: what they are computed from is no part of the call.
    for (const x of tensors) x.device.realize([x.value]);
    const entry = entryOf(args, tensors);
    const given = tensors.map(dataNodeOf);
    if (entry.ready && !recorder()) {
      const data = entry.ready.device.replay(entry.ready.replay, given, "a compiled function");
      if (data) {
        state.replays++;
        state.obstacle = undefined;
        return entry.ready.results(data);
      }
      entry.ready = undefined;
      entry.last = undefined;
    }
    const record = new Recorder(given, nextNodeId());
    const run = (): R => {
      const result = refusePromise("compile", fn(...args));
      const list = listOf(result);
      list[0]?.device.realize(list.map((t) => t.value));
      return result;
    };
    if (entry.attempts >= maxAttempts || recorder()) return run();
    const result = recordWith(record, run);
    state.obstacle = prepare(entry, record, tensors, result);
    return result;
  };
  return Object.defineProperties(call, {
    replays: { get: () => state.replays },
    obstacle: { get: () => state.obstacle },
  }) as Compiled<A, R>;
}

/** Makes an entry ready after its second like call; says why it is not. */
function prepare<R extends Tensor | readonly Tensor[]>(
  entry: Entry<R>,
  record: Recorder,
  tensors: readonly Tensor[],
  result: R,
): string | undefined {
  const before = entry.last;
  entry.attempts++;
  entry.last = record;
  const { device } = record;
  if (!device) return "it submits nothing";
  if (device.hasWaiting) record.refuse("it leaves gradients or kept values for a later update");
  if (tensors.some((x) => record.holders.has(x.value.node.storage!))) record.refuse("it overwrites an argument");
  const wanted = listOf(result).map((t) => {
    if (t.gradFn?.backward) record.refuse("the gradient of a result may still be wanted");
    const producer = record.producerOf(dataNodeOf(t));
    if (!producer) record.refuse("a result is no value that it computes");
    return producer;
  });
  if (record.obstacle) return record.obstacle;
  if (!before || before.obstacle || !sameRecord(before, record)) {
    return entry.attempts < maxAttempts ? "no two calls in a row were alike yet" : "its calls keep differing";
  }
  const replay = Replay.make(
    record,
    wanted.flatMap((w) => w ?? []),
  );
  if (!replay) return "it overwrites what nothing holds";
  const handles = listOf(result).map(({ layout, dtype }) => ({ layout, dtype }));
  const like = listOf(result)[0]!;
  const isList = !(result instanceof Tensor);
  entry.last = undefined;
  entry.attempts = 0;
  entry.ready = {
    device,
    replay,
    results: (data) => {
      const list = data.map((node, k) => like.make({ ...handles[k]!, value: { node, index: 0 }, device }));
      return (isList ? list : list[0]!) as unknown as R;
    },
  };
  return "it has just been recorded";
}

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;

/** Operations that take numbers which are new at each step: how an optimizer's rule takes its learning rate. */
export type LiveOperations<R> = {
  /** Records them. */
  readonly record: () => R;
  /** Records the same operations again, as of now. Nothing runs; the numbers in them are what counts. */
  readonly again: () => unknown;
  /** What the numbers depend on beside the options that all share, such as a step count. */
  readonly stamp: () => number;
  /** What else a step changes, such as a step count. */
  readonly advance: () => void;
};

/**
 * Runs `record` of each. In a function that is being compiled, the numbers in what they record are taken anew from
 * `again` before each replay; those that recorded the same operations with the same numbers take them from the first.
 */
export function liveOperations<R>(all: readonly LiveOperations<R>[]): R[] {
  if (!Array.isArray(all)) throw argumentError("liveOperations", "operations", "a list", all);
  for (const one of all) checkFunction("liveOperations", "record", one?.record);
  const noted = recorder();
  if (!noted) return all.map((one) => one.record());
  const kinds = new Map<string, Kind>();
  return all.map((one) => {
    let result: R | undefined;
    const nodes = nodesMadeBy(() => {
      result = one.record();
    });
    const [ops, numbers] = [nodes.map((n) => n.op.id), nodes.map((n) => n.scalars)];
    const key = JSON.stringify([ops, numbers]);
    const kind = kinds.get(key);
    if (kind) {
      kind.members.push({ one, numbers });
      noted.live(numbers);
    } else {
      const first: Kind = { ops, members: [{ one, numbers }] };
      kinds.set(key, first);
      noted.live(numbers, sourceOf(first));
    }
    return result as R;
  });
}

type Member = { readonly one: LiveOperations<unknown>; readonly numbers: readonly (readonly number[])[] };
type Kind = { readonly ops: readonly number[]; readonly members: Member[] };

const sourceOf =
  ({ ops, members }: Kind): LiveSource =>
  () => {
    const first = members[0]!.one;
    const stamp = first.stamp();
    if (members.some(({ one }) => one.stamp() !== stamp)) return undefined;
    const fresh = nodesMadeBy(() => void first.again());
    if (fresh.length !== ops.length || fresh.some((n, i) => n.op.id !== ops[i])) return undefined;
    return () => {
      for (const { one, numbers } of members) {
        numbers.forEach((list, i) => {
          const now = fresh[i]!.scalars;
          for (let k = 0; k < now.length; k++) (list as number[])[k] = now[k]!;
        });
        one.advance();
      }
    };
  };
