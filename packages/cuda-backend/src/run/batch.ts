// Launches of one text that do not depend on each other, as one grid: an optimizer's update of all parameters, the norms
// of all gradients.

import type { KernelText } from "../compile/kernels.js";
import { batchLayout, mostLaunches } from "../render/batch-text.js";
import type { Work } from "./executable.js";
import type { KernelRun, KernelWork } from "./kernel-work.js";
import type { Arguments } from "./params.js";
import type { Geometry, Session } from "./session.js";

/** Fewer launches are not worth a kernel of their own. */
const leastLaunches = 4;
/** Each capacity is a kernel to compile; between these, arguments are left empty. */
const capacities = [16, 64];
const nowhere = 0x7fff_ffff;

/** A batch, or the works alone where they cannot be one. */
export function batched(session: Session, works: readonly KernelWork[]): readonly Work[] {
  const { text } = works[0]!.run;
  const most = mostLaunches(text.layout.byteLength, session.mostArguments);
  if (!text.batch || works.length < leastLaunches || most < leastLaunches) return works;
  const out: Work[] = [];
  for (let from = 0; from < works.length; from += most) {
    const part = works.slice(from, from + most);
    if (part.length < leastLaunches) out.push(...part);
    else out.push(new Batch(session, part, Math.min(most, capacities.find((n) => n >= part.length) ?? most)));
  }
  return out;
}

const nameOf = (runs: readonly KernelRun[]): string => {
  const [first, ...rest] = runs.map(({ label }) => label) as [string, ...string[]];
  return rest.every((label) => label === first) ? `${runs.length} × ${first}` : `${first} and ${rest.length} more`;
};

/** One grid for several launches. */
class Batch implements Work, Arguments {
  readonly bytes: Uint8Array;
  version = 0;
  readonly #session: Session;
  readonly #parts: { readonly work: KernelWork; readonly at: number; version: number }[];
  readonly #text: KernelText;
  readonly #geometry: Geometry;
  readonly #label: string;

  constructor(session: Session, works: readonly KernelWork[], capacity: number) {
    const runs = works.map(({ run }) => run);
    const { text, geometry } = runs[0]!;
    const { paramsAt, byteLength } = batchLayout(capacity, text.layout.byteLength);
    this.#session = session;
    this.#text = text.batch!(capacity);
    this.#label = nameOf(runs);
    this.bytes = new Uint8Array(byteLength);
    this.#parts = works.map((work, i) => ({ work, at: paramsAt + i * text.layout.byteLength, version: -1 }));
    const starts = new Int32Array(this.bytes.buffer, 0, capacity).fill(nowhere);
    let blocks = 0;
    runs.forEach((run, i) => {
      starts[i] = blocks;
      blocks += run.geometry.blocks[0];
    });
    this.#geometry = { blocks: [blocks, 1, 1], threads: geometry.threads };
  }

  enqueue(): void {
    for (const part of this.#parts) {
      part.work.fill();
      const { params } = part.work.run;
      if (part.version === params.version) continue;
      part.version = params.version;
      this.bytes.set(params.bytes, part.at);
      this.version++;
    }
    this.#session.launch(this.#text, this.#geometry, this, this.#label);
  }
}
