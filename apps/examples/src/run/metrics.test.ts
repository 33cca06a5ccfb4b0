import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inTemporaryFolder } from "../testing/fixtures.js";
import { MetricsLog } from "./metrics.js";

const steps = (log: MetricsLog) =>
  log.records.map((r) => (r.validation === undefined ? r.step : `${r.step} validation`));

function fill(path: string): MetricsLog {
  const log = new MetricsLog(path);
  for (const step of [10, 20, 30]) {
    log.append({ step, loss: 1 / step });
    if (step !== 10) log.append({ step, validation: { loss: 2 / step } });
    if (step === 30) log.append({ step, test: { loss: 3 / step } });
  }
  return log;
}

describe("MetricsLog", () => {
  it("writes one object a line, at once", () =>
    inTemporaryFolder((folder) => {
      const path = join(folder, "metrics.jsonl");
      const log = new MetricsLog(path);
      log.append({ step: 1, loss: 2.5, tokens: 64, extra: { lr: 0.1 } });
      log.append({ step: 1, validation: { loss: 2.25, accuracy: 0.5 } });
      expect(readFileSync(path, "utf8")).toBe(
        '{"step":1,"loss":2.5,"tokens":64,"extra":{"lr":0.1}}\n{"step":1,"validation":{"loss":2.25,"accuracy":0.5}}\n',
      );
    }));

  it.each([
    [1000, 1000, [10, 20, "20 validation", 30, "30 validation"]],
    [30, 30, [10, 20, "20 validation", 30, "30 validation"]],
    [30, 20, [10, 20, "20 validation", 30]],
    [20, 20, [10, 20, "20 validation"]],
    [25, 20, [10, 20, "20 validation"]],
    [9, 0, []],
  ])("drops the test, and what came after step %i, evaluated at %i", (step, evaluatedAt, kept) =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "metrics.jsonl");
      fill(path);
      const resumed = new MetricsLog(path);
      await resumed.truncateAfter(step, evaluatedAt);
      expect(steps(resumed)).toEqual(kept);
      const reread = new MetricsLog(path);
      await reread.truncateAfter(1000, 1000);
      expect(steps(reread)).toEqual(kept);
    }),
  );

  it("forgives a last line that a crash cut off, and no other damage", () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "metrics.jsonl");
      fill(path);
      appendFileSync(path, '{"step":40,"lo');
      const log = new MetricsLog(path);
      await log.truncateAfter(1000, 1000);
      expect(steps(log)).toHaveLength(5);

      writeFileSync(path, '{"step":1,"loss":1}\n{"loss":1}\n{"step":3,"loss":1}\n');
      await expect(log.truncateAfter(1000, 1000)).rejects.toMatchObject({
        code: "format",
        message: `metrics: ${path}:2 is not a record, got "{\\"loss\\":1}"`,
      });
    }));

  it("is a file error when it cannot be written", () =>
    inTemporaryFolder((folder) => {
      const log = new MetricsLog(join(folder, "missing", "metrics.jsonl"));
      expect(() => log.append({ step: 1 })).toThrow(expect.objectContaining({ code: "file" }));
      expect(log.records).toHaveLength(0);
    }));
});
