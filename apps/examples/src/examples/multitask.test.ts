// Three tasks on one encoder as a person meets them: they are learned together, resume bit for bit, and are used at once.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, scoresOf, trainingLosses } from "../testing/fixtures.js";
import { multitask } from "./multitask.js";

const small = ["--threads", "1", "--layers", "1", "--heads", "2", "--width", "32", "--feedforward", "64"];

const files = {
  polarity: "1\ta fine film\n0\ta dull film\n1\tfine\n0\tdull and long\n",
  subjectivity: "1\ti liked it\n0\the went home\n1\tso dull\n",
  "ner-wnut17": "Anna\tB-PER\nsaw\tO\nOslo\tB-LOC\n\nPort\tB-LOC\nBerg\tI-LOC\nis\tO\nfar\tO\n\nit\tO\nrained\tO\n",
} as const;

type Task = keyof typeof files;

/** A folder with a folder a task; `other` replaces the training files it names. */
function writeData(folder: string, other: Partial<Record<Task, string>> = {}): string {
  for (const [task, text] of Object.entries(files)) {
    mkdirSync(join(folder, task), { recursive: true });
    const extension = task === "ner-wnut17" ? "conll" : "tsv";
    for (const part of ["dev", "test"]) writeFileSync(join(folder, task, `${part}.${extension}`), text);
    writeFileSync(join(folder, task, `train.${extension}`), other[task as Task] ?? text);
  }
  return folder;
}

describe("multitask", () => {
  it(
    "learns three tasks on the built-in sentences, and answers all three at once",
    () =>
      inTemporaryFolder(async (folder) => {
        const start = exampleRunner(multitask, folder);
        const out = join(folder, "run");
        const sizes = ["--layers", "1", "--heads", "2", "--width", "64", "--feedforward", "128", "--dropout", "0"];
        const recipe = ["--threads", "1", "--epochs", "3", "--lr", "0.002", "--warmup", "50"];
        const trained = await start([...sizes, ...recipe, "--out", out]);
        expect(trained).toMatchObject({ code: 0, errors: "" });
        const scores = scoresOf(out, "test");
        // Negations make the sentiment the slowest to learn: at this length training has only begun on it.
        expect(scores.sentiment).toBeGreaterThan(58);
        expect(scores.f1).toBeGreaterThan(75);
        expect(scores.subjectivity).toBeGreaterThan(95);

        const opinion = await start(["use", "--from", out, "the story was really wonderful ."]);
        expect(opinion).toMatchObject({ code: 0, errors: "" });
        expect(opinion.output).toMatch(/^(positive|negative) \(\d+\.\d %\)\nsubjective \(\d+\.\d %\)\n/);
        const news = await start(["use", "--from", out, "Anna Berg works for Acme Group in Oslo ."]);
        expect(news.output).toMatch(/^Oslo +B-LOC$/m);
        expect(news.output).toMatch(/^PER: Anna Berg$/m);
      }),
    180_000,
  );

  it.each(["pcgrad", "sum"])("continues a stopped run bit for bit, with %s", (method) =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(multitask, folder);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const sizes = ["--batch", "2", "--min-count", "1", "--epochs", "3", "--accumulate", "2"];
      const recipe = ["--data", writeData(join(folder, "data")), ...small, ...sizes, "--method", method];
      expect(await start([...recipe, "--out", whole])).toMatchObject({ code: 0, errors: "" });
      await start([...recipe, "--steps", "3", "--out", parts]);
      expect(await start(["--resume", parts, "--steps", "6"])).toMatchObject({ code: 0, errors: "" });
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
      for (const part of ["model", "crf", "weighting", "optimizer"]) {
        const stored = (run: string): Buffer => readFileSync(join(run, "checkpoint", "state", `${part}.safetensors`));
        expect(stored(parts).equals(stored(whole))).toBe(true);
      }
    }),
  );

  it("reads no further than --longest, and says so of a sentence to use it on", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(multitask, folder);
      const out = join(folder, "run");
      const data = writeData(join(folder, "data"));
      const trained = await start(["--data", data, ...small, "--longest", "3", "--steps", "1", "--out", out]);
      expect(trained).toMatchObject({ code: 0, errors: "" });
      for (const [sentence, got] of [
        ["it rained all day", 4],
        [" ", 0],
      ] as const) {
        const { code, errors } = await start(["use", "--from", out, sentence]);
        expect(code).toBe(2);
        expect(errors).toMatch(new RegExp(`got ${got} words, expected 1 to 2`));
      }
    }));

  it.each([
    [
      "a class that does not exist",
      { polarity: "1\tfine\n2\todd\n" },
      [],
      /line 2 of .*train\.tsv: unknown label, got "2"/,
    ],
    ["a line without a tab", { subjectivity: "1\tfine\nodd\n" }, [], /line 2 of .*train\.tsv/],
    ["a tag that is none", { "ner-wnut17": "Anna\tPERSON\n" }, [], /a tag is wrong, got "PERSON"/],
    ["a missing folder", undefined, [], /polarity/],
    ["a method that is none", {}, ["--method", "mean"], /--method: expected one of pcgrad, sum, got "mean"/],
    ["heads that do not divide the width", {}, ["--width", "30", "--heads", "4"], /nhead/],
  ] as const)("says what is wrong with %s", (_, other, args, message) =>
    inTemporaryFolder(async (folder) => {
      if (other !== undefined) writeData(folder, other);
      const { code, errors } = await exampleRunner(multitask, folder)(["--data", folder, ...args]);
      expect(code).toBe(2);
      expect(errors).toMatch(message);
    }),
  );
});
