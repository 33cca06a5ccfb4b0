// Recorded launches, replayed as one: the first run is a plain one, which loads every kernel and tells how much scratch
// memory is needed; from the second on a graph runs them. Where the driver refuses, they stay plain.

import { TensorError } from "@torchium/tensor/backend";
import { CudaExecutable, type Work } from "./executable.js";
import type { GraphCounters, LaunchGraph } from "./launch-graph.js";
import type { Session } from "./session.js";

/** What a recording is made of. */
export type Captured = {
  readonly works: readonly Work[];
  readonly graph: LaunchGraph;
  readonly counters: GraphCounters;
  /** Runs `body`; says what in it a graph cannot hold. */
  readonly watch: (body: () => void) => string | undefined;
};

/** A recording. */
export class CapturedExecutable extends CudaExecutable {
  readonly #parts: Captured;
  #scratchBytes: number | undefined;
  #refused = false;

  constructor(parts: Captured) {
    super("captured");
    this.#parts = parts;
  }

  work(session: Session): Work {
    const { works, graph, counters, watch } = this.#parts;
    const plain = (): void => {
      for (const work of works) work.enqueue();
    };
    const refuse = (reason: string): void => {
      this.#refused = true;
      counters.refused = reason;
    };
    const measured = (): void => {
      const obstacle = watch(() => {
        this.#scratchBytes = session.measureScratch(plain);
      });
      if (obstacle !== undefined) refuse(obstacle);
      else if (session.synchronous) refuse("every launch is waited for");
    };
    const asGraph = (scratch: number): boolean => {
      try {
        graph.run(scratch, plain);
        return true;
      } catch (error) {
        if (!TensorError.is(error) || error.code === "device-lost") throw error;
        graph.close();
        refuse(error.message);
        return false;
      }
    };
    return {
      enqueue: () => {
        const bytes = this.#scratchBytes;
        if (bytes === undefined) return measured();
        if (this.#refused) return plain();
        const done = bytes === 0 ? asGraph(0) : session.withScratch(bytes, asGraph);
        if (!done) plain();
      },
    };
  }
}
