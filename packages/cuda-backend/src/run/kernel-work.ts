// A launch that is one run of one kernel: what can be enqueued alone, or together with others of the same text.

import type { RenderedKernel } from "../render/program-text.js";
import type { Work } from "./executable.js";
import type { ParamsBlock } from "./params.js";
import type { Geometry, Session } from "./session.js";

/** One run of one kernel. */
export type KernelRun = {
  readonly text: RenderedKernel;
  readonly geometry: Geometry;
  readonly params: ParamsBlock;
  readonly label: string;
};

/** Work of one kernel. */
export class KernelWork implements Work {
  readonly run: KernelRun;
  /** Puts the launch's bindings and scalars into its arguments. */
  readonly fill: () => void;
  readonly #session: Session;

  constructor(session: Session, run: KernelRun, fill: () => void) {
    this.#session = session;
    this.run = run;
    this.fill = fill;
  }

  enqueue(): void {
    this.fill();
    const { text, geometry, params, label } = this.run;
    this.#session.launch(text, geometry, params, label);
  }
}
