// Checkpoints with Hugging Face's names give the logits that its formulas give: goldens of tiny models, written out in
// scripts/goldens/pretrained.py.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor } from "@torchium/tensor";
import { saveSafetensors } from "@torchium/tensor/io";
import type { ParameterOptions } from "@torchium/tensor/nn";
import { afterAll, describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { bertClassifierFromPretrained, bertMaskedLMFromPretrained } from "./bert.js";
import { gptFromPretrained } from "./gpt2.js";
import { loadBERTClassifier, loadBERTMaskedLM, loadGPT2 } from "./load-pretrained.js";

type Golden = { shape: number[]; dtype: "float32" | "int32"; data: number[]; float32Error?: number };
type Case = {
  name: string;
  op: "gpt2" | "bertClassifier" | "bertMaskedLM";
  options: Record<string, unknown>;
  inputs: Record<"inputIds" | "attentionMask" | "segmentIds", Golden>;
  stateDict: Record<string, Golden>;
  outputs: [Golden];
};
type Tensors = Record<string, Tensor>;

const file = new URL("../../goldens/pretrained.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Case[] };
const tensorOf = ({ shape, dtype, data }: Golden): Tensor =>
  tensor(dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), { shape });
const tensorsOf = (goldens: Record<string, Golden>): Tensors =>
  Object.fromEntries(Object.entries(goldens).map(([name, golden]) => [name, tensorOf(golden)]));
const caseOf = (op: Case["op"], at = 0): Case => cases.filter((c) => c.op === op)[at]!;

const build = {
  gpt2: gptFromPretrained,
  bertClassifier: bertClassifierFromPretrained,
  bertMaskedLM: bertMaskedLMFromPretrained,
} as const;

/** Asserts the golden's logits within eight times PyTorch's own float32 error and a few ulp. */
async function expectLogits(got: Tensor, { outputs: [golden] }: Case): Promise<void> {
  expect(got.shape).toEqual(golden.shape);
  const largest = Math.max(...golden.data.map(Math.abs));
  const slack = 8 * golden.float32Error! + 8 * 2 ** -23 * largest;
  (await got.data()).forEach((x, i) => expect(Math.abs(x - golden.data[i]!)).toBeLessThanOrEqual(slack));
}

function run(model: ReturnType<(typeof build)[Case["op"]]>, { inputs }: Case): Tensor {
  const { inputIds, attentionMask, segmentIds } = tensorsOf(inputs) as Partial<Tensors>;
  const forward = model.forward.bind(model) as (ids: Tensor, mask?: Tensor, segments?: Tensor) => Tensor;
  return forward(inputIds!, attentionMask, segmentIds);
}

describe.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
  const from = (tensors: Tensors, options: ParameterOptions = {}) => build[c.op](c.options, tensors, options);

  it("gives the logits of its formulas", async () => {
    const model = from(tensorsOf(c.stateDict));
    expect(model.training).toBe(false);
    await expectLogits(run(model, c), c);
  });

  it("takes names with and without their prefix", async () => {
    const prefix = c.op === "gpt2" ? "transformer." : "bert.";
    const bare = /^(lm_head|classifier|cls)\./;
    const renamed = Object.entries(tensorsOf(c.stateDict)).map(([name, value]) => {
      if (name.startsWith(prefix)) return [name.slice(prefix.length), value];
      return [bare.test(name) ? name : prefix + name, value];
    });
    await expectLogits(run(from(Object.fromEntries(renamed)), c), c);
  });

  it("names what is missing and what it does not know", () => {
    const tensors = tensorsOf(c.stateDict);
    const norm = Object.keys(tensors).find((name) => /ln_1\.weight|attention\.output\.LayerNorm/.test(name))!;
    const { [norm]: left, ...rest } = tensors;
    expect(left).toBeDefined();
    const where = `${build[c.op].name}: the checkpoint's tensors are not those of its configuration`;
    expect(() => from(rest)).toThrow(errorLike("format", `${where}: missing `));
    expect(() => from({ ...tensors, "h.9.adapter.weight": left! })).toThrow(
      errorLike("format", `${where}: unknown h.9.adapter.weight`),
    );
  });

  it("refuses tensors of other shapes", () => {
    const first = Object.keys(c.stateDict)[0]!;
    const tensors = { ...tensorsOf(c.stateDict), [first]: tensor([[1]]) };
    expect(() => from(tensors)).toThrow(errorLike("shape", "has another shape, got [1, 1], expected [13, 8]"));
  });
});

describe("configurations", () => {
  it.each<[string, Case["op"], object, string, string]>([
    [
      "another kind of model",
      "gpt2",
      { model_type: "llama" },
      "unsupported",
      'field model_type is not supported, got "llama", expected "gpt2"',
    ],
    ["no width", "gpt2", { n_embd: undefined }, "format", "field n_embd is wrong, got nothing, expected a number"],
    [
      "a width in words",
      "bertMaskedLM",
      { hidden_size: "8" },
      "format",
      'field hidden_size is wrong, got "8", expected a number',
    ],
    [
      "an unknown activation",
      "gpt2",
      { activation_function: "mish" },
      "unsupported",
      'field activation_function is not supported, got "mish"',
    ],
    [
      "relative positions",
      "bertClassifier",
      { position_embedding_type: "relative_key" },
      "unsupported",
      "field position_embedding_type",
    ],
    ["other scores", "gpt2", { scale_attn_by_inverse_layer_idx: true }, "unsupported", "got true, expected false"],
    [
      "a tie that is no boolean",
      "gpt2",
      { tie_word_embeddings: 1 },
      "format",
      "field tie_word_embeddings is wrong, got 1, expected true or false",
    ],
    ["heads that do not fit", "gpt2", { n_head: 3 }, "argument", "dModel must be a multiple of nhead (3), got 8"],
  ])("refuses %s", (_, op, changed, code, message) => {
    const { options, stateDict } = caseOf(op);
    expect(() => build[op]({ ...options, ...changed }, tensorsOf(stateDict))).toThrow(errorLike(code, message));
  });

  it("refuses what is no configuration", () => {
    expect(() => gptFromPretrained([], {})).toThrow(
      errorLike("format", "gptFromPretrained: not a config.json, got an array"),
    );
  });

  it("gives Hugging Face's defaults to old files", () => {
    const { options, stateDict } = caseOf("bertClassifier");
    const { hidden_act, layer_norm_eps, type_vocab_size, hidden_dropout_prob, ...old } = options;
    expect([hidden_act, layer_norm_eps, type_vocab_size, hidden_dropout_prob]).toEqual(["gelu", 1e-12, 2, 0.1]);
    const model = bertClassifierFromPretrained({ ...old, num_labels: 3, id2label: undefined }, tensorsOf(stateDict));
    return expectLogits(run(model, caseOf("bertClassifier")), caseOf("bertClassifier"));
  });
});

describe("a new head on BERT", () => {
  const c = caseOf("bertClassifier");

  it("is made where asked for, or where the checkpoint has none", async () => {
    const asked = bertClassifierFromPretrained(c.options, tensorsOf(c.stateDict), { numClasses: 5, newHead: true });
    expect(run(asked, c).shape).toEqual([2, 5]);
    const { "classifier.weight": weight, "classifier.bias": bias, ...rest } = tensorsOf(c.stateDict);
    const base = bertClassifierFromPretrained(c.options, rest);
    expect(run(base, c).shape).toEqual([2, 3]);
    // All but the last layer is the checkpoint's.
    base.loadStateDict({ "head.3.weight": weight!, "head.3.bias": bias! }, { strict: false });
    await expectLogits(run(base, c), c);
  });

  it("is not made for a wrong number of classes", () => {
    expect(() => bertClassifierFromPretrained(c.options, tensorsOf(c.stateDict), { numClasses: 5 })).toThrow(
      errorLike("shape", "head.3.weight has another shape, got [3, 8], expected [5, 8]"),
    );
  });
});

describe("checkpoint folders", () => {
  const root = mkdtempSync(join(tmpdir(), "torchium-pretrained-"));
  afterAll(() => rmSync(root, { recursive: true }));

  async function folderOf(c: Case): Promise<string> {
    const folder = mkdtempSync(join(root, c.op));
    writeFileSync(join(folder, "config.json"), JSON.stringify(c.options));
    await saveSafetensors(join(folder, "model.safetensors"), tensorsOf(c.stateDict), { format: "pt" });
    return folder;
  }

  it("hold models", async () => {
    const [gpt, classifier, masked] = [caseOf("gpt2"), caseOf("bertClassifier"), caseOf("bertMaskedLM")];
    const loaded = await loadGPT2(await folderOf(gpt));
    expect(loaded.tokenizer).toBeUndefined();
    await expectLogits(run(loaded.model, gpt), gpt);
    await expectLogits(run((await loadBERTClassifier(await folderOf(classifier))).model, classifier), classifier);
    await expectLogits(run((await loadBERTMaskedLM(await folderOf(masked))).model, masked), masked);
  });

  it("hold tokenizers", async () => {
    const folder = await folderOf(caseOf("gpt2"));
    const model = { type: "WordPiece", unk_token: "[UNK]", vocab: { "[UNK]": 0, red: 1, blue: 2 } };
    const whitespace = { type: "Whitespace" };
    writeFileSync(
      join(folder, "tokenizer.json"),
      JSON.stringify({ model, pre_tokenizer: whitespace, added_tokens: [] }),
    );
    const { tokenizer } = await loadGPT2(folder);
    expect(tokenizer!.encode("blue red green")).toEqual([2, 1, 0]);
  });

  it("lack files, or hold something else", async () => {
    const folder = await folderOf(caseOf("gpt2"));
    await expect(loadGPT2(join(root, "none"))).rejects.toThrow(errorLike("file", "config.json"));
    rmSync(join(folder, "model.safetensors"));
    await expect(loadGPT2(folder)).rejects.toThrow(errorLike("file", "model.safetensors"));
    writeFileSync(join(folder, "config.json"), "{");
    await expect(loadGPT2(folder)).rejects.toThrow(errorLike("format", "config.json is not JSON"));
    await expect(loadBERTMaskedLM(await folderOf(caseOf("gpt2")))).rejects.toThrow(
      errorLike("unsupported", "model_type"),
    );
  });
});
