// The language-model example as a person meets it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, trainingLosses } from "../testing/fixtures.js";
import { transformerLm } from "./transformer-lm.js";

const small = [
  "--layers",
  "1",
  "--heads",
  "2",
  "--width",
  "16",
  "--feedforward",
  "32",
  "--block",
  "8",
  "--batch",
  "4",
  "--sample",
  "5",
];

describe("transformer-lm", () => {
  it("learns its made-up sentences and writes some", () =>
    inTemporaryFolder(async (folder) => {
      const run = exampleRunner(transformerLm, folder);
      const out = join(folder, "run");
      const trained = await run([
        "--threads",
        "1",
        ...small,
        "--lines",
        "300",
        "--epochs",
        "1",
        "--lr",
        "0.02",
        "--warmup",
        "5",
        "--out",
        out,
      ]);
      expect(trained).toMatchObject({ code: 0, errors: "" });
      const losses = trainingLosses(out);
      expect(losses.at(-1)).toBeLessThan(0.85 * losses[0]!);
      const written = await run(["use", "--from", out, "--length", "6", "the", "cat"]);
      expect(written.code).toBe(0);
      expect(written.output).toMatch(/^the cat/);
    }));

  it("continues a stopped run bit for bit", () =>
    inTemporaryFolder(async (folder) => {
      const run = exampleRunner(transformerLm, folder);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const recipe = ["--threads", "1", ...small, "--lines", "120", "--epochs", "1"];
      await run([...recipe, "--steps", "8", "--out", whole]);
      await run([...recipe, "--steps", "3", "--out", parts]);
      expect(await run(["--resume", parts, "--steps", "8"])).toMatchObject({ code: 0, errors: "" });
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
    }));

  it("refuses a text that fills no batch", () =>
    inTemporaryFolder(async (folder) => {
      const data = join(folder, "text.txt");
      writeFileSync(data, "a b c\n".repeat(30));
      const { code, errors } = await exampleRunner(
        transformerLm,
        folder,
      )(["--data", data, "--out", join(folder, "run")]);
      expect(code).toBe(2);
      expect(errors).toMatch(/too short/);
    }));
});
