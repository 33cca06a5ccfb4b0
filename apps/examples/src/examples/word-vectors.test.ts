// The two word-vector examples as a person meets them: neighbours and analogies of the made-up corpus are found, runs
// resume bit for bit, vectors go into a file that reads back, and wrong input is named.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeWordVectors } from "@torchium/nlp-models";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, trainingLosses } from "../testing/fixtures.js";
import { glove } from "./glove.js";
import { word2vec } from "./word2vec.js";

const text = "the cat sat on the mat .\nthe dog sat on the log .\na cat and a dog met on the mat .\n".repeat(20);

/** What each needs to learn the made-up corpus within seconds. */
const recipes = [
  [word2vec, ["--width", "100", "--lr", "0.05"]],
  [glove, ["--width", "50"]],
] as const;

describe.each(recipes)("$name", (example, recipe) => {
  it("learns neighbours and analogies, and writes its vectors to a file", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(example, folder);
      const out = join(folder, "run");
      const trained = await start([...recipe, "--threads", "1", "--out", out]);
      expect(trained.errors).toBe("");
      expect(trained.code).toBe(0);
      const curve = trainingLosses(out);
      expect(curve.at(-1)).toBeLessThan(0.8 * curve[0]!);
      const scores = JSON.parse(readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n").at(-1)!);
      expect(scores.validation.similarity).toBeGreaterThan(0.6);
      expect(scores.validation.analogies).toBeGreaterThan(0.6);

      const near = await start(["use", "--from", out, "--count", "3", "Violin", "rain"]);
      expect(near.errors).toBe("");
      expect(near.output).toMatch(/^violin\n( {2}0\.\d{3} {2}\S+\n){3}rain\n/);
      const file = join(folder, "vectors.txt");
      const analogy = ["use", "--from", out, "--analogy", "france", "paris", "italy", "--export", file];
      const answered = await start(analogy);
      expect(answered.output).toMatch(/^france is to paris as italy is to\n/);
      const { words, vectors } = decodeWordVectors(readFileSync(file), "text");
      expect(words).toContain("violin");
      expect(vectors).toHaveLength(words.length * Number(recipe[1]));
    }));

  it("continues a stopped run bit for bit", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(example, folder);
      const data = join(folder, "text.txt");
      writeFileSync(data, text);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const small = ["--data", data, "--width", "4", "--batch", "8", "--epochs", "3", "--threads", "1"];
      const limits = [...small, "--sample", "1"].slice(0, example === word2vec ? undefined : -2);
      expect((await start([...limits, "--steps", "20", "--accumulate", "2", "--out", whole])).errors).toBe("");
      await start([...limits, "--steps", "7", "--accumulate", "2", "--out", parts]);
      expect((await start(["--resume", parts, "--steps", "20"])).errors).toBe("");
      expect(trainingLosses(parts).at(-1)).toBe(trainingLosses(whole).at(-1));
      const model = (run: string): Buffer => readFileSync(join(run, "checkpoint", "state", "model.safetensors"));
      expect(model(parts).equals(model(whole))).toBe(true);
    }));

  it("scores by the lists of a folder", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(example, folder);
      const [data, out] = [join(folder, "text.text"), join(folder, "run")];
      writeFileSync(data, text);
      writeFileSync(join(folder, "animals.txt"), "cat dog 9\ncat mat 3\ndog on 1\nwolf fox 7\n");
      const run = ["--data", data, "--width", "4", "--steps", "3", "--threads", "1"];
      expect((await start([...run, "--wordsim", folder, "--out", out])).errors).toBe("");
      expect(readFileSync(join(out, "metrics.jsonl"), "utf8")).toMatch(/"validation":\{"animals":-?[\d.]+\}/);
      for (const [words, message] of [
        [["wolf"], /in the vocabulary, got "?wolf/],
        [[], /number of words is wrong, got 0, expected at least one, or --export FILE/],
        [["--analogy", "cat"], /got 1, expected three with --analogy/],
      ] as const) {
        const { code, errors } = await start(["use", "--from", out, ...words]);
        expect(code).toBe(2);
        expect(errors).toMatch(message);
      }
    }));

  it.each([
    ["a missing file", undefined, [], /text\.txt/],
    ["an empty text", "", [], /empty/],
    ["a text of rare words", "one two three\n", [], /too small, got 0 words that occur 5 times/],
    ["a folder without lists", text, ["--wordsim", "nowhere"], /--wordsim: no word lists/],
    ["a rate that is none", text, ["--lr", "NaN"], /--lr/],
    ["no window", text, ["--window", "0"], /--window/],
    ["an unknown option", text, ["--widht", "3"], /--width/],
  ] as const)("says what is wrong with %s", (_, content, args, message) =>
    inTemporaryFolder(async (folder) => {
      const data = join(folder, "text.txt");
      if (content !== undefined) writeFileSync(data, content);
      const { code, errors } = await exampleRunner(example, folder)(["--data", data, ...args]);
      expect(code).toBe(2);
      expect(errors).toMatch(message);
    }),
  );
});
