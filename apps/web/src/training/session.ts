// The training that goes on in the worker: one run at a time, which can pause, stop, be asked, saved and loaded. When its
// device is lost, it goes on from its last snapshot on another one.

import { type Device, setDefaultDevice, TensorError } from "@torchium/tensor";
import { examples } from "../examples/examples.js";
import type { Run } from "../examples/run.js";
import type { BackendName, Phase, Point, Report, Request, RunSettings } from "../messages.js";
import type { MakeDevice, NamedDevice } from "./devices.js";
import { readSavedRun, restoreRun, type SavedRun, saveRun } from "./saved-run.js";
import { messagesRead, Turns } from "./turns.js";

/** Sends a report to the page; the buffers of `transfer` go with it. */
export type Send = (report: Report, transfer?: ArrayBuffer[]) => void;

const reportEveryMs = 150;
const sampleEveryMs = 3000;
/** Samples take at most this share of the time, snapshots too. */
const extraShare = 0.1;
const snapshotEveryMs = 2000;
/** A browser needs a moment after a loss before it gives a new adapter. */
const adapterTries = 8;
const adapterPauseMs = 500;

const isLost = (error: unknown): boolean => TensorError.is(error, "device-lost");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Something done from time to time: `everyMs` apart at least, and never more than its share of the time. */
class Occasionally {
  readonly #everyMs: number;
  #next: number;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
    this.#next = performance.now() + everyMs;
  }

  async run(work: () => Promise<void>): Promise<void> {
    const start = performance.now();
    if (start < this.#next) return;
    await work();
    const end = performance.now();
    this.#next = end + Math.max(this.#everyMs, (end - start) / extraShare);
  }
}

/** A run with its place. */
type Active = {
  readonly settings: RunSettings;
  readonly backend: BackendName;
  run: Run;
  step: number;
  history: Point[];
  /** The last state that was saved, from which a lost device is made up for. */
  snapshot: Uint8Array<ArrayBuffer>;
};

/** Answers the page's requests. */
export class TrainingSession {
  readonly #send: Send;
  readonly #makeDevice: MakeDevice;
  readonly #turns = new Turns();
  #active: Active | undefined;
  #device: Device | undefined;
  #phase: Phase = "idle";
  #wake: (() => void) | undefined;

  constructor(send: Send, makeDevice: MakeDevice) {
    this.#send = send;
    this.#makeDevice = makeDevice;
  }

  /** Does what the page asks; an error is reported, never thrown. Resolves when it is done. */
  async handle(request: Request): Promise<void> {
    try {
      await this.#answer(request);
    } catch (error) {
      this.#send({ kind: "error", text: messageOf(error) });
    }
  }

  #answer(request: Request): Promise<void> | void {
    switch (request.kind) {
      case "start":
        return this.#begin(request.backend, { settings: request.settings, step: 0, history: [] });
      case "load":
        return this.#load(request.checkpoint, request.backend);
      case "pause":
        if (this.#phase === "training") this.#setPhase("paused");
        return;
      case "resume":
        if (this.#phase === "paused") this.#setPhase("training");
        return;
      case "stop":
        if (this.#phase === "training" || this.#phase === "paused") this.#setPhase("stopped");
        return;
      case "save":
        return this.#withRun(async (active) => {
          const { buffer } = await saveRun(active.run, active);
          const name = `${active.settings.example}-${active.step}.safetensors`;
          this.#send({ kind: "checkpoint", bytes: buffer, name }, [buffer]);
        });
      case "ask":
        return this.#withRun(async ({ run }) => {
          this.#send({ kind: "answer", text: await run.ask(request.input) });
        });
    }
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#send({ kind: "phase", phase });
    this.#wake?.();
  }

  async #load(checkpoint: ArrayBuffer, backend: BackendName): Promise<void> {
    const saved = await readSavedRun(checkpoint);
    await this.#begin(backend, saved, new Uint8Array(checkpoint));
  }

  /**
   * Begins a run, or goes on with a saved one, which waits until it is resumed. Where that fails, the run that there was
   * stays as it is.
   */
  async #begin(backend: BackendName, saved: SavedRun, checkpoint?: Uint8Array<ArrayBuffer>): Promise<void> {
    const before = this.#phase;
    this.#setPhase("preparing");
    const active = await this.#turns
      .take(async () => {
        const { name, made } = await this.#onAnother(await this.#makeDevice(backend), async () => {
          const run = examples[saved.settings.example](saved.settings);
          if (checkpoint) await restoreRun(run, checkpoint);
          return { run, snapshot: checkpoint ?? (await saveRun(run, saved)) };
        });
        const { settings, step, history } = saved;
        this.#send({ kind: "run", settings, device: name, description: made.run.description, history });
        this.#active = { settings, backend, step, history: [...history], ...made };
        return this.#active;
      })
      .catch((error: unknown) => {
        this.#setPhase(before);
        throw error;
      });
    this.#setPhase(checkpoint ? "paused" : "training");
    await this.#train(active);
  }

  /** Steps until the end, or until another run takes the place of this one. */
  async #train(active: Active): Promise<void> {
    const { settings } = active;
    const sampling = new Occasionally(sampleEveryMs);
    const saving = new Occasionally(snapshotEveryMs);
    const isOver = (): boolean => this.#active !== active || this.#phase === "stopped";
    const progress = new Progress(this.#send);
    try {
      while (active.step < settings.steps && !isOver()) {
        await messagesRead();
        if (this.#phase !== "training") {
          progress.flush();
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          progress.pause();
          continue;
        }
        await this.#withRun(async ({ run, step, history }) => {
          const { loss, units } = run.step(step);
          const point = { step: step + 1, loss: await loss.item() };
          // A page that shows a lost number would only show a gap.
          if (!Number.isFinite(point.loss))
            throw new TensorError("state", `step ${point.step}: the loss is ${point.loss}`);
          active.step++;
          history.push(point);
          progress.add(point, units, run.unit);
        }, active);
        if (isOver()) break;
        await saving.run(() => this.#snapshot(active));
        await sampling.run(() => this.#sample(active));
      }
      progress.flush();
      if (this.#active !== active) return;
      await this.#sample(active);
      if (this.#phase === "training") this.#setPhase("finished");
    } catch (error) {
      progress.flush();
      if (this.#active !== active) return;
      this.#setPhase("failed");
      throw error;
    }
  }

  #snapshot(active: Active): Promise<void> {
    return this.#withRun(async () => {
      active.snapshot = await saveRun(active.run, active);
    }, active);
  }

  #sample(active: Active): Promise<void> {
    return this.#withRun(async ({ run, step }) => {
      this.#send({ kind: "sample", step, text: await run.sample() });
    }, active);
  }

  /** Works with the run, alone; after a loss of the device once more on another. @throws TensorError `state` without a run */
  #withRun(work: (active: Active) => Promise<void>, active = this.#active): Promise<void> {
    if (!active) throw new TensorError("state", "There is no model yet: train one, or load a checkpoint.");
    return this.#turns.take(async () => {
      for (;;) {
        if (this.#active !== active) return;
        try {
          return await work(active);
        } catch (error) {
          if (!isLost(error)) throw error;
          await this.#recover(active);
        }
      }
    });
  }

  /** Makes up for a lost device: the run begins anew on another one, from its last snapshot. */
  async #recover(active: Active): Promise<void> {
    const lostAt = active.step;
    const { name, made: run } = await this.#onAnother(await this.#anotherDevice(active.backend), async () => {
      const again = examples[active.settings.example](active.settings);
      await restoreRun(again, active.snapshot);
      return again;
    });
    const { step, history } = await readSavedRun(active.snapshot);
    Object.assign(active, { run, step, history: [...history] });
    this.#send({ kind: "run", settings: active.settings, device: name, description: run.description, history });
    const text = `The GPU was lost at step ${lostAt}. Training goes on from step ${step} on: ${name}.`;
    this.#send({ kind: "notice", text });
  }

  /** What `make` makes on a device, which takes the place of the one in use; where it fails, that one stays in use. */
  async #onAnother<T>({ device, name }: NamedDevice, make: () => Promise<T>): Promise<{ name: string; made: T }> {
    const before = this.#device;
    try {
      setDefaultDevice(device);
      const made = await make();
      this.#device = device;
      before?.dispose();
      return { name, made };
    } catch (error) {
      device.dispose();
      if (before) setDefaultDevice(before);
      throw error;
    }
  }

  async #anotherDevice(backend: BackendName): Promise<NamedDevice> {
    for (let attempt = 0; attempt < adapterTries; attempt++) {
      try {
        return await this.#makeDevice(backend);
      } catch {
        await later(adapterPauseMs);
      }
    }
    return this.#makeDevice("cpu");
  }
}

/** Collects points and tells the page of them several times a second. */
class Progress {
  readonly #send: Send;
  #points: Point[] = [];
  #units = 0;
  #unit = "";
  #since = performance.now();
  #speed = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  add(point: Point, units: number, unit: string): void {
    this.#points.push(point);
    this.#units += units;
    this.#unit = unit;
    if (performance.now() - this.#since >= reportEveryMs) this.flush();
  }

  /** Time that goes by from before this call counts for nothing. */
  pause(): void {
    this.#since = performance.now();
  }

  flush(): void {
    if (this.#points.length === 0) return;
    const now = performance.now();
    const speed = this.#units / Math.max(1e-3, (now - this.#since) / 1000);
    // Smoothed, so that the figure can be read.
    this.#speed = this.#speed === 0 ? speed : 0.8 * this.#speed + 0.2 * speed;
    this.#send({ kind: "progress", points: this.#points, unitsPerSecond: this.#speed, unit: this.#unit });
    this.#points = [];
    this.#units = 0;
    this.#since = now;
  }
}
