// The one stream on which everything runs in order, and promises for points on it. Nothing here waits for the GPU with
// the event loop stopped, except `wait`.

import type { TensorError } from "@torchium/tensor/backend";
import type { Gpu } from "./gpu.js";
import { results } from "./result-codes.js";

const nonBlocking = 1;
const withoutTiming = 2;
/** Milliseconds of asking at every turn of the event loop; after that a timer asks, and the processor rests. */
const eagerMilliseconds = 20;

/** Something to do when the GPU has reached a point. */
type Waiting = {
  readonly event: number;
  readonly since: number;
  readonly done: () => void;
  readonly failed: (error: TensorError) => void;
};

/** A stream that never synchronizes with others. */
export class Stream {
  readonly handle: number;
  readonly #gpu: Gpu;
  readonly #events: number[] = [];
  /** In the order of the stream. */
  readonly #waiting: Waiting[] = [];
  #polling = false;
  #failure: TensorError | undefined;

  constructor(gpu: Gpu) {
    const { driver } = gpu;
    this.#gpu = gpu;
    driver.check(driver.functions.cuStreamCreate(driver.out.bytes, nonBlocking), "make a stream");
    this.handle = driver.out.word;
  }

  /** Marks the end of the work so far; pass it to `reached`, then give it back with `recycle`. */
  mark(): number {
    const { driver } = this.#gpu;
    let event = this.#events.pop();
    if (event === undefined) {
      driver.check(driver.functions.cuEventCreate(driver.out.bytes, withoutTiming), "make an event");
      event = driver.out.word;
    }
    driver.check(driver.functions.cuEventRecord(event, this.handle), "record an event");
    return event;
  }

  /** Whether the GPU has passed a mark. @throws TensorError `device-lost` */
  reached(event: number): boolean {
    const { driver } = this.#gpu;
    const code = driver.functions.cuEventQuery(event);
    if (code === results.notReady) return false;
    driver.check(code, "wait for the GPU");
    return true;
  }

  /** Takes a mark back for reuse. */
  recycle(event: number): void {
    this.#events.push(event);
  }

  /** Resolves when all work so far is done, with the event loop running. Rejects when the device is lost. */
  passed(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#waiting.push({ event: this.mark(), since: performance.now(), done: resolve, failed: reject });
      this.#poll();
    });
  }

  /** Milliseconds that the GPU takes for what `enqueue` puts on the stream. */
  async time(enqueue: () => void): Promise<number> {
    const { driver } = this.#gpu;
    const marks = [0, 0].map(() => {
      driver.check(driver.functions.cuEventCreate(driver.out.bytes, 0), "make an event");
      return driver.out.word;
    }) as [number, number];
    driver.check(driver.functions.cuEventRecord(marks[0], this.handle), "record an event");
    enqueue();
    driver.check(driver.functions.cuEventRecord(marks[1], this.handle), "record an event");
    await this.passed();
    driver.check(driver.functions.cuEventElapsedTime(driver.out.bytes, ...marks), "measure time");
    const milliseconds = driver.out.float;
    for (const mark of marks) driver.functions.cuEventDestroy_v2(mark);
    return milliseconds;
  }

  /** Waits until all work so far is done; stops the event loop. */
  wait(): void {
    const { driver } = this.#gpu;
    driver.check(driver.functions.cuStreamSynchronize(this.handle), "wait for the GPU");
  }

  /** Rejects whatever waits, now and later: the device is gone. */
  fail(error: TensorError): void {
    this.#failure ??= error;
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }

  /** Frees the stream and its events. */
  close(): void {
    const { functions } = this.#gpu.driver;
    functions.cuStreamDestroy_v2(this.handle);
    for (const event of this.#events) functions.cuEventDestroy_v2(event);
  }

  #poll(): void {
    if (this.#polling || this.#waiting.length === 0) return;
    this.#polling = true;
    const rest = performance.now() - this.#waiting[0]!.since > eagerMilliseconds;
    const ask = (): void => {
      this.#polling = false;
      this.#collect();
      this.#poll();
    };
    if (rest) setTimeout(ask, 1);
    else setImmediate(ask);
  }

  #collect(): void {
    try {
      this.#gpu.enter();
      while (this.#waiting.length > 0 && this.reached(this.#waiting[0]!.event)) {
        const { event, done } = this.#waiting.shift()!;
        this.recycle(event);
        done();
      }
    } catch (error) {
      this.fail(error as TensorError);
    }
  }
}
