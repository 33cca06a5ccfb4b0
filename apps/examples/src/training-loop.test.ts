import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Configuration } from "./run/configuration.js";
import type { SignalSource, StopSignalName } from "./run/stop-signal.js";
import { TrainingInterrupted, TrainingRun } from "./run/training-run.js";
import { inTemporaryFolder, noise, RecordingTerminal, recordsOf, scoresOf } from "./testing/fixtures.js";
import { type TrainingLoop, train } from "./training-loop.js";

class FakeSignals implements SignalSource {
  readonly listeners = new Map<StopSignalName, (signal: StopSignalName) => void>();
  on(signal: StopSignalName, listener: (signal: StopSignalName) => void): void {
    this.listeners.set(signal, listener);
  }
  off(signal: StopSignalName): void {
    this.listeners.delete(signal);
  }
  send(signal: StopSignalName): void {
    this.listeners.get(signal)?.(signal);
  }
}

interface Setting {
  readonly resumed?: boolean;
  readonly stopAfter?: number;
  readonly facts?: Configuration["facts"];
}

function openRun(folder: string, { resumed = false, stopAfter, facts = {} }: Setting = {}) {
  const terminal = new RecordingTerminal();
  const signals = new FakeSignals();
  let ms = 0;
  const clock = () => (ms += 10);
  const configuration = { example: "test", started: "2024-01-31T14:25:30.000Z", options: {}, facts };
  const run = new TrainingRun({
    ...{ folder, place: "here", title: "test", configuration, resumed, terminal, signals, clock, stopAfter },
  });
  return { run, terminal, signals };
}

/** A loop on one number: each step pulls it towards noise that depends on the index. */
function counter(run: TrainingRun, changes: Partial<TrainingLoop> = {}) {
  const model = { value: 1 };
  const seen: number[] = [];
  const loop: TrainingLoop = {
    context: { run },
    steps: 20,
    logEvery: 5,
    evaluateEvery: 10,
    step: (index) => {
      seen.push(index);
      model.value += 0.1 * (noise(7, index) - model.value);
      return { loss: model.value, tokens: 100 };
    },
    evaluate: async () => ({ loss: model.value * 2 }),
    save: async (path) => writeFileSync(join(path, "model.json"), JSON.stringify(model)),
    load: async (path) => void Object.assign(model, JSON.parse(readFileSync(join(path, "model.json"), "utf8"))),
    ...changes,
  };
  return { loop, model, seen };
}

/** What a resumed run must repeat to the bit: everything but the clock's share. */
const reproducible = (folder: string) =>
  recordsOf(folder).map(({ step, loss, tokens, validation, test }) => ({ step, loss, tokens, validation, test }));

describe("train", () => {
  it("does every step once, and leaves a whole run folder", () =>
    inTemporaryFolder(async (folder) => {
      const { run, terminal } = openRun(folder);
      const { loop, model, seen } = counter(run);
      const result = await train(loop);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(result).toMatchObject({ step: 20, evaluatedAt: 20, tokens: 2000, validation: { loss: model.value * 2 } });
      expect(readdirSync(folder).sort()).toEqual(["checkpoint", "configuration.json", "curve.svg", "metrics.jsonl"]);
      expect(readdirSync(run.checkpoint.path).sort()).toEqual(["model.json", "progress.json"]);
      const steps = recordsOf(folder).map(({ step, validation }) => (validation ? `${step} validation` : step));
      expect(steps).toEqual([1, 5, 10, "10 validation", 15, 20, "20 validation"]);
      expect(terminal.text).toContain("step 20/20  loss ");
      expect(terminal.text).toContain("step 10  validation: loss ");
    }));

  it("tests once, after the last step, and again when a finished run is resumed", () =>
    inTemporaryFolder(async (folder) => {
      let tests = 0;
      const test = async () => ({ accuracy: 10 * ++tests });
      const first = openRun(folder);
      await train(counter(first.run, { test }).loop);
      expect(scoresOf(folder, "test")).toEqual({ accuracy: 10 });
      expect(first.terminal.text).toContain("step 20  test: accuracy 10.000\n");
      await train(counter(openRun(folder, { resumed: true }).run, { test }).loop);
      expect(recordsOf(folder).filter((record) => record.test)).toEqual([{ step: 20, test: { accuracy: 20 } }]);
    }));

  it("shows how far an evaluation is, also that of a finished run", () =>
    inTemporaryFolder(async (folder) => {
      const seen: number[] = [];
      const test: TrainingLoop["test"] = async (each) => {
        for (const batch of each([7, 8, 9])) {
          seen.push(batch);
          // Longer than plain lines are apart: the clock advances each time it is read.
          for (let i = 0; i < 600; i++) opened.run.clock();
        }
        return { accuracy: 1 };
      };
      let opened = openRun(folder);
      await train(counter(opened.run, { test, evaluate: test }).loop);
      const last = opened.terminal.text.slice(opened.terminal.text.indexOf("step 10  validation: "));
      expect(last).toMatch(/step 20\/20 {2}validation batch 1\/3 .*\nstep 20\/20 {2}validation batch 2\/3 /);
      expect(last).toMatch(/step 20\/20 {2}test batch 1\/3 .*\nstep 20\/20 {2}test batch 2\/3 /);
      expect(seen).toEqual([7, 8, 9, 7, 8, 9, 7, 8, 9]);
      opened = openRun(folder, { resumed: true });
      await train(counter(opened.run, { test }).loop);
      expect(opened.terminal.text).toContain("step 20/20  test batch 1/3");
      expect(opened.terminal.text).not.toContain(" left");
    }));

  it("reads the loss on logged steps only", () =>
    inTemporaryFolder(async (folder) => {
      const { run } = openRun(folder);
      const read: number[] = [];
      const step = (index: number) => ({
        loss: {
          item: async () => {
            read.push(index + 1);
            return 1;
          },
        },
        tokens: 1,
      });
      await train(counter(run, { step, logEvery: 8 }).loop);
      expect(read).toEqual([1, 8, 16, 20]);
    }));

  it("measures the rate over the time of the steps", () =>
    inTemporaryFolder(async (folder) => {
      const { run } = openRun(folder);
      await train(counter(run).loop);
      for (const { step, tokens, tokensPerSecond, seconds } of recordsOf(folder).filter((r) => !r.validation)) {
        expect(tokens).toBe(100 * step);
        // The test's clock advances by 10 ms each time it is read, and a step reads it twice.
        expect(tokensPerSecond).toBeCloseTo(100 / 0.01);
        expect(seconds).toBeCloseTo(step * 0.01);
      }
    }));

  it("stops early at --steps, and never goes on for longer than the recipe", () =>
    inTemporaryFolder(async (folder) => {
      const early = openRun(join(folder, "early"), { stopAfter: 7 });
      expect((await train(counter(early.run).loop)).step).toBe(7);
      const late = openRun(join(folder, "late"), { stopAfter: 23 });
      expect((await train(counter(late.run).loop)).step).toBe(20);
      expect(recordsOf(late.run.folder).at(-1)).toMatchObject({ step: 20, validation: {} });
    }));

  it.each([1, 7, 10, 13, 19])("continues a run stopped at step %i as if it had never stopped", (stop) =>
    inTemporaryFolder(async (folder) => {
      const whole = openRun(join(folder, "whole"));
      await train(counter(whole.run).loop);

      const first = openRun(join(folder, "parts"));
      const interrupted = counter(first.run);
      const step = (index: number) => {
        if (index === stop - 1) first.signals.send("SIGINT");
        return interrupted.loop.step(index);
      };
      const stopped = train({ ...interrupted.loop, step });
      await expect(stopped).rejects.toMatchObject({ name: "TrainingInterrupted", signal: "SIGINT", step: stop });
      expect(interrupted.seen).toHaveLength(stop);
      expect(first.terminal.text).toContain("SIGINT: finishing this step and saving");

      const second = openRun(join(folder, "parts"), { resumed: true });
      const { loop, seen } = counter(second.run);
      await train(loop);
      expect(seen[0]).toBe(stop);
      expect(reproducible(second.run.folder)).toEqual(reproducible(whole.run.folder));
      const model = (run: TrainingRun) => readFileSync(join(run.checkpoint.path, "model.json"), "utf8");
      expect(model(second.run)).toBe(model(whole.run));
    }),
  );

  it("forgets the lines written after the checkpoint that a crash left", () =>
    inTemporaryFolder(async (folder) => {
      const whole = openRun(join(folder, "whole"));
      await train(counter(whole.run).loop);

      const first = openRun(join(folder, "crashed"));
      const crashing = counter(first.run);
      const step = (index: number) => {
        if (index === 17) throw new Error("power cut");
        return crashing.loop.step(index);
      };
      await expect(train({ ...crashing.loop, step })).rejects.toThrow("power cut");
      expect(recordsOf(first.run.folder).at(-1)?.step).toBe(15);

      const second = openRun(join(folder, "crashed"), { resumed: true });
      const { loop, seen } = counter(second.run);
      await train(loop);
      expect(seen[0]).toBe(10);
      expect(reproducible(second.run.folder)).toEqual(reproducible(whole.run.folder));
    }));

  it("has nothing left to do in a finished run", () =>
    inTemporaryFolder(async (folder) => {
      await train(counter(openRun(folder).run).loop);
      const before = reproducible(folder);
      const again = counter(openRun(folder, { resumed: true }).run);
      expect((await train(again.loop)).step).toBe(20);
      expect(again.seen).toEqual([]);
      expect(reproducible(folder)).toEqual(before);
    }));

  it("gives an interrupted run that never saved a start from the beginning", () =>
    inTemporaryFolder(async (folder) => {
      const first = counter(openRun(folder).run);
      const failing = train({ ...first.loop, step: () => Promise.reject(new Error("at once")) });
      await expect(failing).rejects.toThrow("at once");
      const { loop, seen } = counter(openRun(folder, { resumed: true }).run);
      await train(loop);
      expect(seen[0]).toBe(0);
    }));

  it.each([
    [
      "the loss",
      { step: (index: number) => ({ loss: index < 14 ? 1 : Number.NaN, tokens: 1 }) },
      "the training loss is NaN at step 15",
    ],
    [
      "a score",
      { evaluateEvery: 4, evaluate: async () => ({ loss: 1, f1: Number.POSITIVE_INFINITY }) },
      "the validation score f1 is Infinity at step 4",
    ],
  ])("stops with a clear error when %s is not finite", (_, changes, message) =>
    inTemporaryFolder(async (folder) => {
      const { run } = openRun(folder);
      const failing = train(counter(run, changes).loop);
      await expect(failing).rejects.toMatchObject({ code: "state", message: expect.stringContaining(message) });
    }),
  );

  it("keeps the last good checkpoint when training diverges", () =>
    inTemporaryFolder(async (folder) => {
      const { run } = openRun(folder);
      const step = (index: number) => ({ loss: index < 14 ? 1 : Number.NaN, tokens: 1 });
      await expect(train(counter(run, { step }).loop)).rejects.toThrow(
        `checkpoint of step 10 is kept in ${run.checkpoint.path}`,
      );
      expect(await run.checkpoint.progress()).toMatchObject({ step: 10 });
    }));

  it("refuses to resume with other facts, and to overwrite a run", () =>
    inTemporaryFolder(async (folder) => {
      const first = openRun(folder);
      first.run.describe({ vocabulary: 65, parameters: 1000 });
      await train(counter(first.run).loop);

      const other = openRun(folder, { resumed: true, facts: { vocabulary: 65, parameters: 1000 } });
      other.run.describe({ vocabulary: 70, parameters: 1000 });
      await expect(train(counter(other.run).loop)).rejects.toMatchObject({
        code: "argument",
        message: expect.stringContaining("resume: vocabulary differs from the run's beginning, got 70, expected 65"),
      });
      await expect(train(counter(openRun(folder).run).loop)).rejects.toThrow("this folder holds a run already");
    }));

  it("writes nothing before training begins", () =>
    inTemporaryFolder(async (folder) => {
      const { run, terminal } = openRun(join(folder, "run"));
      run.describe({ vocabulary: 65 });
      expect(existsSync(run.folder)).toBe(false);
      expect(terminal.text).toBe("");
      await run.begin();
      expect(existsSync(run.folder)).toBe(true);
      expect(terminal.text).toBe("run folder: here\n");
    }));

  it("hands the signals back when it is done", () =>
    inTemporaryFolder(async (folder) => {
      const { run, signals } = openRun(folder);
      await train(counter(run).loop);
      expect(signals.listeners.size).toBe(0);
      expect(new TrainingInterrupted("SIGTERM", 3).message).toBe("training was stopped by SIGTERM after step 3");
    }));

  it("lets timers run while steps only await settled promises", () =>
    inTemporaryFolder(async (folder) => {
      const { run } = openRun(folder);
      let fired = false;
      const firedAt: boolean[] = [];
      const step = async (index: number) => {
        // Set in the first step: what comes before it waits for the disk, and would let any timer run.
        if (index === 0) setTimeout(() => (fired = true), 0);
        firedAt.push(fired);
        return { loss: 1, tokens: 1 };
      };
      await train(counter(run, { steps: 200, step, evaluateEvery: 1000 }).loop);
      expect(firedAt[0]).toBe(false);
      expect(firedAt[199]).toBe(true);
    }));
});
