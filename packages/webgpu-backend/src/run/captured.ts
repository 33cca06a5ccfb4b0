// A recording of launches. It is the launches: what they bind and their scalars are read at replay.

import type { Executable, Launch } from "@torchium/tensor/backend";

/** Launches to be run again by one. */
export class CapturedExecutable implements Executable {
  readonly key = "captured";
  readonly launches: readonly Launch[];

  constructor(launches: readonly Launch[]) {
    this.launches = [...launches];
  }
}
