// A list of launches as the stream takes them: one after the other, except that launches of one stage which run the same
// kernel go together.

import type { Launch } from "@torchium/tensor/backend";
import { batched } from "./batch.js";
import type { Work } from "./executable.js";
import { KernelWork } from "./kernel-work.js";
import type { Session } from "./session.js";

/** A list of launches, made ready. */
export class Submission {
  readonly works: readonly Work[];
  readonly #launches: readonly Launch[];

  constructor(session: Session, launches: readonly Launch[], workOf: (launch: Launch) => Work) {
    this.#launches = [...launches];
    const works: Work[] = [];
    for (let from = 0, to = 0; from < launches.length; from = to) {
      while (to < launches.length && launches[to]!.stage === launches[from]!.stage) to++;
      const stage = launches.slice(from, to).map(workOf);
      // One by one, an error names its launch.
      if (session.synchronous) works.push(...stage);
      else for (const group of groupsOf(stage)) works.push(...joined(session, group));
    }
    this.works = works;
  }

  /** Whether these are the launches it was made of. */
  isOf(launches: readonly Launch[]): boolean {
    return launches.length === this.#launches.length && this.#launches.every((launch, i) => launch === launches[i]);
  }
}

const joined = (session: Session, group: readonly Work[]): readonly Work[] =>
  group.length > 1 ? batched(session, group as readonly KernelWork[]) : group;

/** Work that may run together, where the first of it stands; other work alone. */
function groupsOf(stage: readonly Work[]): Work[][] {
  const groups: Work[][] = [];
  const known = new Map<unknown, KernelWork[][]>();
  for (const work of stage) {
    if (!(work instanceof KernelWork)) {
      groups.push([work]);
      continue;
    }
    const { text, geometry } = work.run;
    const alike = known.get(text) ?? [];
    known.set(text, alike);
    const group = alike.find(([first]) => first!.run.geometry.threads === geometry.threads);
    if (group) group.push(work);
    else {
      const own = [work];
      alike.push(own);
      groups.push(own);
    }
  }
  return groups;
}
