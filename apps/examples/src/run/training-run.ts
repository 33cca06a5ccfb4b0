// One training run as the loop sees it: its folder on disk, its display, and the wish to stop.
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { TensorError } from "@torchium/tensor";
import type { Terminal } from "../cli/terminal.js";
import type { Fact } from "../example.js";
import { CheckpointFolder, noProgress, type Progress } from "./checkpoint-folder.js";
import { type Configuration, checkFacts, holdsRun, writeConfiguration } from "./configuration.js";
import { renderCurve } from "./curve.js";
import { fileError, writeFileAtomic } from "./files.js";
import { MetricsLog } from "./metrics.js";
import { ProgressDisplay } from "./progress-display.js";
import type { SignalSource, StopSignalName } from "./stop-signal.js";

/** What a run is made of. */
export interface TrainingRunParts {
  readonly folder: string;
  /** The folder as a person would type it. */
  readonly place: string;
  /** What stands over the curve. */
  readonly title: string;
  /** With the facts of the run's beginning when it is resumed, without any when it is new. */
  readonly configuration: Configuration;
  readonly resumed: boolean;
  readonly terminal: Terminal;
  readonly signals: SignalSource;
  /** Milliseconds since any moment. */
  readonly clock: () => number;
  /** Stops after this many steps, or at the end of the recipe. */
  readonly stopAfter: number | undefined;
}

/** Thrown out of training when a signal asked for it and the checkpoint is saved. */
export class TrainingInterrupted extends Error {
  readonly signal: StopSignalName;
  /** Steps done and saved. */
  readonly step: number;

  constructor(signal: StopSignalName, step: number) {
    super(`training was stopped by ${signal} after step ${step}`);
    this.name = "TrainingInterrupted";
    this.signal = signal;
    this.step = step;
  }
}

/** A run folder in use: `configuration.json`, `metrics.jsonl`, `curve.svg`, `checkpoint/`. */
export class TrainingRun {
  readonly folder: string;
  readonly display: ProgressDisplay;
  readonly signals: SignalSource;
  readonly clock: () => number;
  readonly stopAfter: number | undefined;
  readonly metrics: MetricsLog;
  readonly checkpoint: CheckpointFolder;
  readonly #place: string;
  readonly #title: string;
  readonly #resumed: boolean;
  readonly #configuration: Configuration;
  #facts: Readonly<Record<string, Fact>> = {};

  constructor(parts: TrainingRunParts) {
    this.folder = parts.folder;
    this.display = new ProgressDisplay(parts.terminal, parts.clock);
    this.signals = parts.signals;
    this.clock = parts.clock;
    this.stopAfter = parts.stopAfter;
    this.metrics = new MetricsLog(join(parts.folder, "metrics.jsonl"));
    this.checkpoint = new CheckpointFolder(join(parts.folder, "checkpoint"));
    this.#place = parts.place;
    this.#title = parts.title;
    this.#resumed = parts.resumed;
    this.#configuration = parts.configuration;
  }

  /** Adds facts, to be stored or compared when training begins. */
  describe(facts: Readonly<Record<string, Fact>>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /**
   * Makes the folder ready, shows where it is, and says how far the run already is. Nothing is written before this: a run
   * whose data cannot be read leaves no folder behind, and names none.
   * @throws TensorError `argument` when a resumed run has other facts, or a new one would overwrite another run.
   */
  async begin(): Promise<Progress> {
    if (this.#resumed) checkFacts(this.#configuration.facts, this.#facts);
    else await rejectOccupied(this.folder);
    await mkdir(this.folder, { recursive: true }).catch((error: unknown) => {
      throw fileError("run folder", this.folder, error);
    });
    await writeConfiguration(this.folder, { ...this.#configuration, facts: this.#facts });
    this.display.note(`run folder: ${this.#place}${this.#resumed ? " (resumed)" : ""}`);
    const progress = (await this.checkpoint.progress()) ?? noProgress;
    await this.metrics.truncateAfter(progress.step, progress.evaluatedAt);
    return progress;
  }

  /** Saves the checkpoint, and draws the curve up to it. */
  async save(progress: Progress, fill: (folder: string) => Promise<void>): Promise<void> {
    await this.checkpoint.save(progress, fill);
    const curve = renderCurve(this.#title, this.metrics.records);
    await writeFileAtomic(join(this.folder, "curve.svg"), curve);
  }
}

/**
 * Refuses a folder that holds a run already, and a path that is a file.
 * @throws TensorError `argument`.
 */
export async function rejectOccupied(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found && !found.isDirectory()) {
    const message = `--out: this is a file, got ${folder}, expected a folder, or a name that nothing has`;
    throw new TensorError("argument", message, { op: "--out", folder });
  }
  if (!(await holdsRun(folder))) return;
  const message = `--out: this folder holds a run already, got ${folder}, expected a new one (or --resume ${folder})`;
  throw new TensorError("argument", message, { op: "--out", folder });
}
