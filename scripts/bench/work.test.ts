// How a peer answers: what is prepared and freed when, and that a failure is an answer.
import { describe, expect, it } from "vitest";
import type { Row } from "./rows.js";
import { answerer, meanSize, untilFinished, zipfIds } from "./work.js";

const rowOf = (name: string, op: string): Row => ({ name, group: "kernels", op, sizes: {} });

describe("a peer", () => {
  const log: string[] = [];
  const answer = answerer(
    ({ name, op }) => {
      if (op === "unknown") return undefined;
      if (op === "failing") throw new Error("out of memory\nat length");
      log.push(`make ${name}`);
      return {
        run: () => void log.push("run"),
        check: () => 3,
        dispose: () => void log.push(`free ${name}`),
      };
    },
    () => ({ peakBytes: 7 }),
  );
  const ask = (name: string, op = "work") => answer({ row: rowOf(name, op), milliseconds: 1 });

  it("makes a row's work once, checks it, and counts its memory from the second round on", async () => {
    const first = await ask("a");
    expect(first).toMatchObject({ check: 3 });
    expect(first).not.toHaveProperty("peakBytes");
    const second = await ask("a");
    expect(second).toMatchObject({ peakBytes: 7 });
    expect(second.times!.length).toBeGreaterThan(0);
    expect(second.times!.every((time) => time > 0)).toBe(true);
    expect(log.filter((entry) => entry !== "run")).toEqual(["make a"]);
  });

  it("frees it when the next row comes", async () => {
    await ask("b");
    expect(log.filter((entry) => entry !== "run")).toEqual(["make a", "free a", "make b"]);
  });

  it("says that it has no such work, or why it failed, and goes on", async () => {
    expect(await ask("c", "unknown")).toEqual({ missing: "not offered" });
    expect(await ask("d", "failing")).toEqual({ missing: "out of memory" });
    expect(await ask("e")).toMatchObject({ check: 3 });
  });
});

it("ends a run when the device has done it", async () => {
  const log: string[] = [];
  const device = { finish: async () => void log.push("finished") };
  await untilFinished({ run: () => void log.push("submitted") }, device).run();
  expect(log).toEqual(["submitted", "finished"]);
});

it("sizes a result by the mean of its elements without their signs", () => {
  expect(meanSize([1, -2, 3])).toBe(2);
});

it("draws ids as frequent as words", () => {
  const ids = zipfIds(10_000, 100);
  const count = (id: number): number => ids.filter((x) => x === id).length;
  expect([Math.min(...ids), Math.max(...ids)]).toEqual([0, 99]);
  expect(count(0) / count(1)).toBeCloseTo(Math.log(2) / Math.log(1.5), 1);
});
