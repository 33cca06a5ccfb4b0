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

/** The launches that are run: those of a recording in its place. A list without any, or one recording's, stays the same list. */
export function unrecorded(launches: readonly Launch[]): readonly Launch[] {
  if (!launches.some(({ executable }) => executable instanceof CapturedExecutable)) return launches;
  const inside = launches.map((launch) =>
    launch.executable instanceof CapturedExecutable ? unrecorded(launch.executable.launches) : [launch],
  );
  return inside.length === 1 ? inside[0]! : inside.flat();
}
