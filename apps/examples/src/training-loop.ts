// The loop around an example's step: progress, metrics, evaluation, checkpoints, resuming and stopping.
// A step is a function of its index: what step 500 does must not depend on where the process was started,
// so that a resumed run continues as if it had never stopped.
import { TensorError } from "@torchium/tensor";
import type { TrainContext } from "./example.js";
import type { Progress } from "./run/checkpoint-folder.js";
import { formatBytes, formatCount, formatScore, formatSeconds } from "./run/format.js";
import type { Scores } from "./run/metrics.js";
import type { ProgressState } from "./run/progress-display.js";
import { StopSignal } from "./run/stop-signal.js";
import { TrainingInterrupted, type TrainingRun } from "./run/training-run.js";

/** What one step gives. */
export interface StepResult {
  /** The loss, or what it can be read from: a tensor is read only on the steps that are logged. */
  readonly loss: number | { item(): Promise<number> };
  /** How many tokens (or pairs) the step trained on. */
  readonly tokens: number;
  /** More numbers for the record, such as the learning rate. */
  readonly extra?: Scores;
}

/** Gives the batches of an evaluation one by one, and shows how many are done. */
export type EachBatch = <T>(batches: readonly T[]) => Iterable<T>;

/** A training loop as an example describes it. */
export interface TrainingLoop {
  readonly context: Pick<TrainContext, "run">;
  /** Steps of the recipe; `--steps` may stop earlier. */
  readonly steps: number;
  /** Does step `index`, counted from 0. Everything random in it follows from the seed and the index. */
  step(index: number): StepResult | Promise<StepResult>;
  /** Scores on held-out data; `loss` is drawn beside the training loss, the others below it. */
  evaluate?(each: EachBatch): Promise<Scores>;
  /** Scores on test data, once, after the last step. */
  test?(each: EachBatch): Promise<Scores>;
  /** Writes all that `load` needs into an empty folder: model, optimizer, what the data loading depends on. */
  save(folder: string): Promise<void>;
  /** Reads what `save` wrote. */
  load(folder: string): Promise<void>;
  /** Steps between two lines of the record; by default about 200 lines a run. */
  readonly logEvery?: number;
  /** Steps between two evaluations; by default ten a run. There is always one at the end. */
  readonly evaluateEvery?: number;
  /** Steps between two checkpoints; by default as often as evaluations. There is always one at the end. */
  readonly saveEvery?: number;
  /** What a step works through, "tokens" by default. */
  readonly unit?: string;
  /** Bytes of memory in use; by default those of the process. */
  memoryBytes?(): number;
}

/** Signal handlers and timers run only between macrotasks: the loop makes room for them this often. */
const breatheEveryMs = 20;

/**
 * Trains.
 * @returns How far training came, with the scores of the last evaluation.
 * @throws TrainingInterrupted after a signal, with the checkpoint saved.
 * @throws TensorError `state` when the loss or a score stops being finite; the checkpoint before then stays.
 */
export async function train(loop: TrainingLoop): Promise<Progress> {
  const { run } = loop.context;
  const begun = await run.begin();
  if (begun.step > 0) await loop.load(run.checkpoint.path);
  const signal = new StopSignal(run.signals, (name) => {
    run.display.note(`${name}: finishing this step and saving; the same again ends at once, without saving`);
  });
  try {
    const result = await new Training(loop, run, signal, begun).finish();
    run.display.end();
    run.display.note(summary(result, loop));
    return result;
  } finally {
    signal.dispose();
    run.display.end();
  }
}

function summary({ step, seconds, tokens }: Progress, { unit = "tokens" }: TrainingLoop): string {
  const pace = `${((seconds / step) * 1000).toFixed(1)} ms a step, ${formatCount(tokens / seconds)} ${unit}/s`;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return `trained ${step} steps in ${formatSeconds(seconds)} (${pace}), peak memory ${formatBytes(peakBytes)}`;
}

/** The state of one loop while it runs. */
class Training {
  readonly #loop: TrainingLoop;
  readonly #run: TrainingRun;
  readonly #signal: StopSignal;
  readonly #every: { readonly log: number; readonly evaluate: number; readonly save: number };
  readonly #end: number;
  readonly #begun: { readonly step: number; readonly at: number };
  #progress: Progress;
  #savedAt: number;
  #breathedAt: number;
  /** What was logged last, to measure the rate from there. */
  #logged: { readonly tokens: number; readonly seconds: number };
  #shown: Omit<ProgressState, "step" | "steps" | "unit">;

  constructor(loop: TrainingLoop, run: TrainingRun, signal: StopSignal, begun: Progress) {
    const tenth = Math.max(1, Math.round(loop.steps / 10));
    const evaluate = loop.evaluateEvery ?? tenth;
    this.#loop = loop;
    this.#run = run;
    this.#signal = signal;
    this.#every = {
      log: loop.logEvery ?? Math.max(1, Math.round(loop.steps / 200)),
      evaluate,
      save: loop.saveEvery ?? evaluate,
    };
    this.#end = Math.min(run.stopAfter ?? loop.steps, loop.steps);
    this.#begun = { step: begun.step, at: run.clock() };
    this.#progress = begun;
    this.#savedAt = begun.step;
    this.#breathedAt = run.clock();
    this.#logged = begun;
    this.#shown = { validationLoss: begun.validation?.loss };
  }

  /** Goes through the remaining steps. */
  async finish(): Promise<Progress> {
    for (;;) {
      await this.#breathe();
      await this.#stopIfAsked();
      const { step } = this.#progress;
      const last = step >= this.#end;
      if (step > this.#progress.evaluatedAt && (last || step % this.#every.evaluate === 0)) await this.#evaluate();
      if (step > this.#savedAt && (last || step % this.#every.save === 0)) await this.#save();
      if (last) {
        await this.#test();
        return this.#progress;
      }
      await this.#step(step);
    }
  }

  async #step(index: number): Promise<void> {
    const startedAt = this.#run.clock();
    const result = await this.#loop.step(index);
    const step = index + 1;
    const logged = step % this.#every.log === 0 || step === 1 || step === this.#end;
    const loss = logged ? await this.#readLoss(result.loss, step) : undefined;
    this.#progress = {
      ...this.#progress,
      step,
      tokens: this.#progress.tokens + result.tokens,
      seconds: this.#progress.seconds + (this.#run.clock() - startedAt) / 1000,
    };
    if (loss !== undefined) this.#log(loss, result.extra);
    this.#show(step === this.#end);
  }

  async #readLoss(loss: StepResult["loss"], step: number): Promise<number> {
    const value = typeof loss === "number" ? loss : await loss.item();
    if (!Number.isFinite(value)) throw this.#diverged("the training loss", value, step);
    return value;
  }

  #log(loss: number, extra: Scores | undefined): void {
    const { step, tokens, seconds } = this.#progress;
    const elapsed = seconds - this.#logged.seconds;
    const tokensPerSecond = elapsed > 0 ? (tokens - this.#logged.tokens) / elapsed : undefined;
    this.#logged = { tokens, seconds };
    this.#shown = { ...this.#shown, loss, tokensPerSecond };
    this.#run.metrics.append({ step, loss, tokens, tokensPerSecond, seconds, memoryBytes: this.#memoryBytes(), extra });
  }

  async #evaluate(): Promise<void> {
    const { step } = this.#progress;
    const validation = (await this.#loop.evaluate?.((batches) => this.#each("validation", batches))) ?? null;
    this.#progress = { ...this.#progress, evaluatedAt: step, validation };
    if (validation === null) return;
    this.#record("validation", validation);
    this.#shown = { ...this.#shown, validationLoss: validation.loss };
  }

  async #test(): Promise<void> {
    const scores = await this.#loop.test?.((batches) => this.#each("test", batches));
    if (scores !== undefined) this.#record("test", scores);
  }

  *#each<T>(name: "validation" | "test", batches: readonly T[]): Iterable<T> {
    for (const [done, batch] of batches.entries()) {
      this.#show(false, { name, done, of: batches.length });
      yield batch;
    }
  }

  /** Writes and shows what an evaluation gave. */
  #record(part: "validation" | "test", scores: Scores): void {
    const { step } = this.#progress;
    for (const [name, value] of Object.entries(scores)) {
      if (!Number.isFinite(value)) throw this.#diverged(`the ${part} score ${name}`, value, step);
    }
    this.#run.metrics.append({ step, [part]: scores });
    const list = Object.entries(scores).map(([name, value]) => `${name} ${formatScore(value)}`);
    this.#run.display.note(`step ${step}  ${part}: ${list.join("  ")}`);
  }

  async #save(): Promise<void> {
    await this.#run.save(this.#progress, (folder) => this.#loop.save(folder));
    this.#savedAt = this.#progress.step;
  }

  async #stopIfAsked(): Promise<void> {
    const { requested } = this.#signal;
    if (requested === undefined) return;
    if (this.#progress.step > this.#savedAt) await this.#save();
    throw new TrainingInterrupted(requested, this.#progress.step);
  }

  #show(force: boolean, evaluation?: ProgressState["evaluation"]): void {
    if (!force && !this.#run.display.isDue) return;
    const { step } = this.#progress;
    const perStep = (this.#run.clock() - this.#begun.at) / 1000 / (step - this.#begun.step);
    // How long steps take says nothing of an evaluation.
    const more = evaluation ? { evaluation } : { secondsLeft: perStep * Math.max(0, this.#end - step) };
    const [steps, unit, memoryBytes] = [this.#end, this.#loop.unit ?? "tokens", this.#memoryBytes()];
    this.#run.display.update({ ...this.#shown, ...more, step, steps, unit, memoryBytes }, force);
  }

  #memoryBytes(): number {
    return this.#loop.memoryBytes?.() ?? process.memoryUsage.rss();
  }

  async #breathe(): Promise<void> {
    if (this.#run.clock() - this.#breathedAt < breatheEveryMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#breathedAt = this.#run.clock();
  }

  #diverged(what: string, value: number, step: number): TensorError {
    const { path } = this.#run.checkpoint;
    const rest = this.#savedAt > 0 ? `; the checkpoint of step ${this.#savedAt} is kept in ${path}` : "";
    const message = `train: ${what} is ${value} at step ${step}, expected a finite number (a lower learning rate?)${rest}`;
    return new TensorError("state", message, { step, value });
  }
}
