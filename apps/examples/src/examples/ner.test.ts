// The tagger as a person meets it: it learns the made-up news, resumes bit for bit, tags, and says what is wrong.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, scoresOf, trainingLosses } from "../testing/fixtures.js";
import { ner } from "./ner.js";

const small = ["--width", "16", "--hidden", "16", "--threads", "1"];

const sentences = [
  "Anna\tB-PER\nsaw\tO\nOslo\tB-LOC\n",
  "Port\tB-LOC\nBerg\tI-LOC\nis\tO\nfar\tO\n",
  "Peter\tB-PER\nBerg\tI-PER\nleft\tO\n",
  "it\tO\nrained\tO\n",
];

/** A folder in the layout of WNUT 2017. */
function writeData(folder: string, part = sentences.join("\n")): string {
  for (const name of ["train", "dev", "test"]) writeFileSync(join(folder, `${name}.conll`), part);
  return folder;
}

describe("ner", () => {
  it("learns the built-in news, and tags names that are ambiguous by their neighbours", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(ner, folder);
      const out = join(folder, "run");
      const recipe = ["--width", "32", "--hidden", "32", "--lr", "0.01", "--epochs", "2", "--threads", "1"];
      const trained = await start([...recipe, "--out", out]);
      expect(trained.errors).toBe("");
      expect(trained.code).toBe(0);
      const curve = trainingLosses(out);
      expect(curve.at(-1)).toBeLessThan(0.2 * curve[0]!);
      expect(scoresOf(out, "test").f1).toBeGreaterThan(80);
      const used = await start(["use", "--from", out, "Anna Berg flew to Lake Berg last year."]);
      expect(used.errors).toBe("");
      expect(used.output).toMatch(/PER: Anna Berg\n/);
      expect(used.output).toMatch(/LOC: Lake Berg\n/);
      expect(used.output).toMatch(/^year\s+O$/m);
    }));

  it("continues a stopped run bit for bit, from files of tagged words", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(ner, folder);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const recipe = ["--data", writeData(folder), ...small, "--batch", "2", "--epochs", "4", "--accumulate", "2"];
      expect((await start([...recipe, "--out", whole])).errors).toBe("");
      await start([...recipe, "--steps", "3", "--out", parts]);
      expect((await start(["--resume", parts, "--steps", "8"])).errors).toBe("");
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
      const model = (run: string): Buffer => readFileSync(join(run, "checkpoint", "state", "model.safetensors"));
      expect(model(parts).equals(model(whole))).toBe(true);
    }));

  it("says what is missing from the command line of use", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(ner, folder);
      const out = join(folder, "run");
      await start(["--data", writeData(folder), ...small, "--steps", "1", "--out", out]);
      const { code, errors } = await start(["use", "--from", out]);
      expect(code).toBe(2);
      expect(errors).toMatch(/nothing to tag/);
    }));

  it.each([
    ["a folder without data", undefined, [], /train\.iob2 or train\.conll/],
    ["an empty file", "", [], /empty/],
    ["a line without a tag", "Anna\n", [], /line 1 .*too few cells/],
    ["a tag that is none", "Anna\tPERSON\n", [], /a tag is wrong, got "PERSON"/],
    ["a dropout above 1", sentences[0], ["--dropout", "1.5"], /--dropout/],
    ["an unknown option", sentences[0], ["--hiden", "3"], /--hidden/],
  ] as const)("says what is wrong with %s", (_, content, args, message) =>
    inTemporaryFolder(async (folder) => {
      if (content !== undefined) writeData(folder, content);
      const { code, errors } = await exampleRunner(ner, folder)(["--data", folder, ...args]);
      expect(code).toBe(2);
      expect(errors).toMatch(message);
    }),
  );
});
