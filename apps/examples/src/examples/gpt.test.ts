// The GPT example as a person meets it: it learns, resumes bit for bit, writes, and says what is wrong with its input.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleRunner, inTemporaryFolder, trainingLosses } from "../testing/fixtures.js";
import { gpt } from "./gpt.js";

const text = "the cat sat on the mat. the dog sat on the log. a cat and a dog met on the mat.\n".repeat(40);
const small = ["--layers", "1", "--heads", "2", "--width", "16", "--block", "8", "--batch", "4", "--sample", "0"];

const start = (folder: string, args: readonly string[]) => exampleRunner(gpt, folder)(["--threads", "1", ...args]);

const inFolderWithText = (body: (folder: string, data: string) => Promise<void>): Promise<void> =>
  inTemporaryFolder(async (folder) => {
    const data = join(folder, "text.txt");
    writeFileSync(data, text);
    await body(folder, data);
  });

describe("gpt", () => {
  it("learns, evaluates, saves, and writes text from the checkpoint", () =>
    inFolderWithText(async (folder, data) => {
      const out = join(folder, "run");
      const trained = await start(folder, [
        "--data",
        data,
        ...small,
        "--iterations",
        "80",
        "--lr",
        "0.01",
        "--warmup",
        "5",
        "--out",
        out,
      ]);
      expect(trained.errors).toBe("");
      expect(trained.code).toBe(0);
      const curve = trainingLosses(out);
      expect(curve.length).toBeGreaterThan(10);
      expect(curve.at(-1)).toBeLessThan(0.75 * curve[0]!);
      const written = await runUse(folder, ["--from", out, "--length", "30", "--temperature", "0.5", "the", "cat"]);
      expect(written.code).toBe(0);
      expect(written.output).toMatch(/^the cat/);
      expect(written.output.length).toBeGreaterThanOrEqual("the cat".length + 30);
      expect(
        (await runUse(folder, ["--from", out, "--length", "30", "--temperature", "0.5", "the", "cat"])).output,
      ).toBe(written.output);
    }));

  it("continues a stopped run bit for bit", () =>
    inFolderWithText(async (folder, data) => {
      const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
      const recipe = ["--data", data, ...small, "--iterations", "12", "--dropout", "0.2", "--accumulate", "2"];
      expect((await start(folder, [...recipe, "--out", whole])).errors).toBe("");
      await start(folder, [...recipe, "--steps", "5", "--out", parts]);
      expect((await start(folder, ["--resume", parts, "--steps", "12"])).errors).toBe("");
      expect(trainingLosses(parts)).toEqual(trainingLosses(whole));
      const model = (run: string): Buffer => readFileSync(join(run, "checkpoint", "state", "model.safetensors"));
      expect(model(parts).equals(model(whole))).toBe(true);
    }));

  it.each([
    ["a missing file", ["--data", "no-such-file.txt"], /no-such-file\.txt/],
    ["a NaN learning rate", ["--lr", "NaN"], /--lr/],
    ["a negative weight decay", ["--weight-decay", "-1"], /--weight-decay/],
    ["heads that do not divide the width", ["--heads", "3", "--width", "16"], /nhead|heads/],
    ["an unknown option", ["--widht", "16"], /--width/],
  ])("says what is wrong with %s", (_, args, message) =>
    inFolderWithText(async (folder, data) => {
      const given = args.includes("--data") ? args : ["--data", data, ...args];
      const { code, errors } = await start(folder, [...given, "--out", join(folder, "run")]);
      expect(code).toBe(2);
      expect(errors).toMatch(message);
    }),
  );

  it.each([
    ["an empty text", ""],
    ["a text shorter than ten blocks", "too short"],
  ])("refuses %s", (_, content) =>
    inTemporaryFolder(async (folder) => {
      const data = join(folder, "text.txt");
      writeFileSync(data, content);
      const { code, errors } = await start(folder, ["--data", data, "--out", join(folder, "run")]);
      expect(code).toBe(2);
      expect(errors).toMatch(/empty|too short/);
    }),
  );

  it("refuses a damaged checkpoint", () =>
    inFolderWithText(async (folder, data) => {
      const out = join(folder, "run");
      await start(folder, ["--data", data, ...small, "--iterations", "2", "--out", out]);
      const file = join(out, "checkpoint", "state", "model.safetensors");
      writeFileSync(file, readFileSync(file).subarray(0, 200));
      const { code, errors } = await start(folder, ["--resume", out, "--steps", "4"]);
      expect(code).toBe(2);
      expect(errors).toMatch(/model\.safetensors/);
    }));
});

const runUse = (folder: string, args: readonly string[]) => exampleRunner(gpt, folder)(["use", ...args]);
