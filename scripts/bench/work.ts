// What a peer does, wherever it runs: makes the work of a row, repeats it for a while when asked, and answers with times.
// A peer never works unasked, so that the processes take turns on the machine.
import type { Row } from "./rows.js";

/** One row's work, ready to be repeated. */
export interface Work {
  run(): void | Promise<void>;
  /** Mean size of the result's elements, to compare between peers. */
  check?(): number | Promise<number>;
  /** Does a run, and tells its nanoseconds by the device's own clock. */
  deviceTime?(): Promise<number>;
  dispose?(): void;
}

/** Work whose runs are over when the device has done what they submit. */
export const untilFinished = (work: Work, device: { finish(): Promise<void> }): Work => ({
  ...work,
  run: async () => {
    await work.run();
    await device.finish();
  },
});

/** Makes the work of a row; undefined where the peer has no such thing. */
export type Prepare = (row: Row) => Work | undefined | Promise<Work | undefined>;

/** Makes works from sizes, by the rows' `op`. */
export type Works = Readonly<Record<string, (sizes: Row["sizes"]) => Work>>;

/** What the command asks. */
export interface Request {
  readonly row: Row;
  readonly milliseconds: number;
}

/** What a peer answers: nanoseconds a run, one sample each; or why there are none. */
export interface Answer {
  readonly times?: readonly number[];
  readonly check?: number;
  /** Nanoseconds of a run by the device's own clock, where it has one. */
  readonly deviceTime?: number;
  /** The most memory the process has held since it greeted, above what it held then; where the system tells. */
  readonly peakBytes?: number;
  readonly missing?: string;
}

/** What a peer says first. */
export interface Greeting {
  readonly version: string;
  readonly threads: number;
}

/** Inputs without a random generator: sin(i + seed), the same in every language. */
export const wave = (count: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + seed));

/** Ids below `limit` that jump about. */
export const idWave = (count: number, limit: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => (i * 7919) % limit);

/** Ids below `limit` as words are distributed: id k about as often as 1/(k + 1). */
export const zipfIds = (count: number, limit: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) =>
    Math.min(limit - 1, Math.floor((limit + 1) ** ((i * 0.6180339887498949) % 1)) - 1),
  );

/** Mean of |x|, not more than the first million elements. */
export function meanSize(x: ArrayLike<number>): number {
  const count = Math.min(x.length, 1 << 20);
  let total = 0;
  for (let i = 0; i < count; i++) total += Math.abs(x[i]!);
  return total / count;
}

const sampleMilliseconds = 5;
const warmUpMilliseconds = 500;

/** A turn of the event loop, so that garbage can be finalized. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => void ("setImmediate" in globalThis ? setImmediate(resolve) : setTimeout(resolve)));

/** Runs `work` for about that long: times of samples that are each long enough for the clock. */
async function sample(work: Work, milliseconds: number, state: { turns: number }): Promise<number[]> {
  const times: number[] = [];
  const begun = performance.now();
  // Three samples at least, unless a run is so long that one has to do.
  const isOver = (): boolean => {
    const elapsed = performance.now() - begun;
    return elapsed > 10 * milliseconds || (times.length >= 3 && elapsed > milliseconds);
  };
  while (times.length === 0 || !isOver()) {
    const start = performance.now();
    for (let turn = 0; turn < state.turns; turn++) {
      const pending = work.run();
      if (pending) await pending;
    }
    const elapsed = performance.now() - start;
    times.push((elapsed * 1e6) / state.turns);
    const wanted = Math.round((state.turns * sampleMilliseconds) / Math.max(elapsed, 0.01));
    state.turns = Math.max(1, Math.min(wanted, 100_000));
    await breathe();
  }
  return times;
}

/** Answers one request after the other; `memory` is asked after the rounds that count. */
export function answerer(
  prepare: Prepare,
  memory: (row: Row) => Pick<Answer, "peakBytes"> = () => ({}),
): (request: Request) => Promise<Answer> {
  let current: { readonly name: string; readonly work: Work; readonly state: { turns: number } } | undefined;
  return async ({ row, milliseconds }) => {
    try {
      if (current?.name === row.name) {
        const times = await sample(current.work, milliseconds, current.state);
        const deviceTime = await current.work.deviceTime?.();
        return { times, ...(deviceTime !== undefined && { deviceTime }), ...memory(row) };
      }
      current?.work.dispose?.();
      current = undefined;
      const work = await prepare(row);
      if (work === undefined) return { missing: "not offered" };
      current = { name: row.name, work, state: { turns: 1 } };
      const check = await work.check?.();
      // The first round warms up: memory is taken, and the engine optimizes the code on another thread meanwhile.
      const times = await sample(work, Math.max(milliseconds, warmUpMilliseconds), current.state);
      return { times, ...(check !== undefined && { check }) };
    } catch (error) {
      current = undefined;
      return { missing: error instanceof Error ? error.message.split("\n")[0]! : String(error) };
    }
  };
}
