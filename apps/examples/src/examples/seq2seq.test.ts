// The translator as a person meets it: it learns the made-up captions, resumes bit for bit, translates, and says what is
// wrong.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrossEntropyLoss, LabelSmoothingLoss } from "@torchium/losses";
import { Generator, randn, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, scoresOf, trainingLosses } from "../testing/fixtures.js";
import { mixedLoss, seq2seq } from "./seq2seq.js";

const tiny = ["--layers", "1", "--heads", "2", "--width", "16", "--feedforward", "32", "--threads", "1"];

const german = ["ein Hund lacht .", "eine Katze singt im Park .", "ein Hund singt .", "", "eine Katze lacht im Park ."];
const english = [
  "a dog is laughing .",
  "a cat is singing in the park .",
  "a dog is singing .",
  "nothing",
  "a cat laughs .",
];

/** A folder in the layout of Multi30k. */
function writeData(folder: string, sources = german, targets = english): string {
  for (const part of ["train", "val", "test_2016_flickr"]) {
    writeFileSync(join(folder, `${part}.de`), `${sources.join("\n")}\n`);
    writeFileSync(join(folder, `${part}.en`), `${targets.join("\n")}\n`);
  }
  return folder;
}

describe("seq2seq", () => {
  it("learns the made-up captions, and translates what it has not seen", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(seq2seq, folder);
      const out = join(folder, "run");
      const recipe = ["--layers", "1", "--heads", "2", "--width", "48", "--feedforward", "96", "--dropout", "0"];
      const limits = ["--batch", "32", "--epochs", "2", "--test-sentences", "100", "--threads", "1"];
      const trained = await start([...recipe, ...limits, "--out", out]);
      expect(trained).toMatchObject({ code: 0, errors: "" });
      const losses = trainingLosses(out);
      expect(losses.at(-1)).toBeLessThan(0.3 * losses[0]!);
      expect(scoresOf(out, "test").bleu).toBeGreaterThan(50);
      for (const beams of ["1", "3"]) {
        const used = await start(["use", "--from", out, "--beams", beams, "Ein Hund", "lacht im Park."]);
        expect(used).toMatchObject({ code: 0, errors: "" });
        expect(used.output).toBe("a dog is laughing in the park .\n");
      }
    }));

  it("continues a stopped run bit for bit, from files with a blank line", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(seq2seq, folder);
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const recipe = ["--data", writeData(folder), ...tiny, "--batch", "2", "--epochs", "4", "--min-count", "1"];
      expect(await start([...recipe, "--accumulate", "2", "--out", whole])).toMatchObject({ code: 0, errors: "" });
      await start([...recipe, "--accumulate", "2", "--steps", "3", "--out", parts]);
      expect(await start(["--resume", parts, "--steps", "8"])).toMatchObject({ code: 0, errors: "" });
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
      const model = (run: string): Buffer => readFileSync(join(run, "checkpoint", "state", "model.safetensors"));
      expect(model(parts).equals(model(whole))).toBe(true);
    }));

  it("cuts training sentences that are too long, and refuses to translate one", () =>
    inTemporaryFolder(async (folder) => {
      const start = exampleRunner(seq2seq, folder);
      const out = join(folder, "run");
      const recipe = ["--data", writeData(folder), ...tiny, "--longest", "3", "--steps", "1"];
      expect(await start([...recipe, "--out", out])).toMatchObject({ code: 0, errors: "" });
      for (const [sentence, count] of [
        ["ein Hund lacht .", 4],
        [" ", 0],
      ] as const) {
        const { code, errors } = await start(["use", "--from", out, sentence]);
        expect(code).toBe(2);
        expect(errors).toContain(`got ${count} words, expected a sentence of 1 to 3 words`);
      }
    }));

  it.each([
    ["a file that is missing", undefined, undefined, [], /train\.(de|en)/],
    ["different numbers of lines", german, english.slice(1), [], /numbers of lines differ, got 5 .* and 4 /],
    ["sources that are blank", ["", " "], ["a", "b"], [], /blank lines in .*train\.de/],
    ["heads that do not divide the width", german, english, ["--heads", "3", "--width", "16"], /nhead|heads/],
    ["a smoothing above 1", german, english, ["--smoothing", "1.5"], /--smoothing/],
    ["an unknown option", german, english, ["--smoothed-shar", "0.3"], /--smoothed-share/],
  ] as const)("says what is wrong with %s", (_, sources, targets, args, message) =>
    inTemporaryFolder(async (folder) => {
      if (sources && targets) writeData(folder, [...sources], [...targets]);
      const { code, errors } = await exampleRunner(seq2seq, folder)(["--data", folder, ...args]);
      expect(code).toBe(2);
      expect(errors).toMatch(message);
    }),
  );
});

describe("mixedLoss", () => {
  it("is the weighted sum of plain and smoothed cross entropy, gradients included", async () => {
    const labels = tensor([3, -100, 0, 6], { dtype: "int32" });
    const values = await randn(4, 7, { generator: new Generator(3) }).data();
    const logits = () => tensor(Float32Array.from(values), { shape: [4, 7], requiresGrad: true });
    const [one, two] = [logits(), logits()];
    const mixed = mixedLoss(7, 0.3, 0.1).forward(one, labels);
    const plain = new CrossEntropyLoss().forward(two, labels).mul(0.7);
    const sum = plain.add(new LabelSmoothingLoss({ numClasses: 7, smoothing: 0.1 }).forward(two, labels).mul(0.3));
    mixed.backward();
    sum.backward();
    expect(await mixed.item()).toBeCloseTo(await sum.item(), 5);
    const [got, expected] = [await one.grad!.data(), await two.grad!.data()];
    expected.forEach((value, i) => expect(got[i]).toBeCloseTo(Number(value), 5));
  });
});
