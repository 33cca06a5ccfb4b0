// Recorded launches, replayed as one. Bindings and scalars are read at each replay, so they are enqueued anew.

import type { Launch } from "@torchium/tensor/backend";
import { CudaExecutable, type Work } from "./executable.js";

/** A recording. */
export class CapturedExecutable extends CudaExecutable {
  readonly #launches: readonly Launch[];
  readonly #workOf: (launch: Launch) => Work;

  constructor(launches: readonly Launch[], workOf: (launch: Launch) => Work) {
    super("captured");
    this.#launches = [...launches];
    this.#workOf = workOf;
  }

  work(): Work {
    const works = this.#launches.map(this.#workOf);
    return {
      enqueue: () => {
        for (const work of works) work.enqueue();
      },
    };
  }
}
