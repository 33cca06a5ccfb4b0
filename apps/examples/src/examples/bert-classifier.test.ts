// The classifier example as a person meets it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, scoresOf, trainingLosses } from "../testing/fixtures.js";
import { bertClassifier } from "./bert-classifier.js";

const small = ["--threads", "1", "--heads", "2", "--width", "64", "--feedforward", "128", "--dropout", "0"];

describe("bert-classifier", () => {
  it("tells made-up opinions apart", () =>
    inTemporaryFolder(async (folder) => {
      const run = exampleRunner(bertClassifier, folder);
      const out = join(folder, "run");
      const trained = await run([...small, "--epochs", "3", "--lr", "0.001", "--warmup", "50", "--out", out]);
      expect(trained).toMatchObject({ code: 0, errors: "" });
      for (const part of ["validation", "test"] as const) expect(scoresOf(out, part).accuracy).toBeGreaterThan(85);
      const verdict = await run(["use", "--from", out, "the", "story", "was", "really", "wonderful", "."]);
      expect(verdict.output).toMatch(/^positive \(\d+\.\d %\)/);
    }));

  it("continues a stopped run bit for bit", () =>
    inTemporaryFolder(async (folder) => {
      const run = exampleRunner(bertClassifier, folder);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      await run([...small, "--epochs", "1", "--steps", "6", "--out", whole]);
      await run([...small, "--epochs", "1", "--steps", "2", "--out", parts]);
      expect(await run(["--resume", parts, "--steps", "6"])).toMatchObject({ code: 0, errors: "" });
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
    }));

  it("names the line that is wrong", () =>
    inTemporaryFolder(async (folder) => {
      const data = join(folder, "data");
      mkdirSync(data);
      for (const part of ["train", "dev", "test"]) writeFileSync(join(data, `${part}.tsv`), "1\tfine\nno tab here\n");
      const { code, errors } = await exampleRunner(
        bertClassifier,
        folder,
      )(["--data", data, "--out", join(folder, "run")]);
      expect(code).toBe(2);
      expect(errors).toMatch(/line 2 of .*train\.tsv/);
    }));
});
