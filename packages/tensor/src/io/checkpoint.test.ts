// Checkpoints: everything comes back to the bit, damage anywhere is noticed, and a crash leaves one whole checkpoint.

import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Generator, Tensor, TensorError, tensor } from "../index.js";
import { Linear } from "../nn/index.js";
import { type CheckpointValue, loadCheckpoint, loadSafetensors, saveCheckpoint } from "./index.js";

let root = "";
let count = 0;
const place = () => join(root, `checkpoint-${count++}`);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "checkpoint-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const errorLike = (code: string | undefined, ...parts: string[]) =>
  expect.toSatisfy(
    (e) => TensorError.is(e, code as never) && parts.every((part) => (e as Error).message.includes(part)),
  );

/** A value that an update has made unreadable. */
function overwritten(): Tensor {
  const parameter = tensor([1], { requiresGrad: true });
  const result = parameter.add(1);
  parameter.assign(tensor([2]));
  return result;
}

/** Tensors as their bits, the rest as it is. */
async function plain(value: CheckpointValue): Promise<unknown> {
  if (value instanceof Tensor) {
    const data = await value.data();
    return {
      dtype: value.dtype,
      shape: value.shape,
      bits: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    };
  }
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, x]) => [key, await plain(x)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const example = () => ({
  model: {
    "layers.0.weight": tensor([
      [1, -0],
      [Number.NaN, 0.1],
    ]),
    "layers.0.bias": tensor([1, 2]),
  },
  optimizer: {
    state: { 0: { step: 3, expAvg: tensor(Float64Array.of(1e-300)) } },
    paramGroups: [{ lr: 0.1, betas: [0.9, 0.999], params: [0] }],
  },
  best: Number.POSITIVE_INFINITY,
  odd: {
    numbers: [Number.NaN, Number.NEGATIVE_INFINITY, -0, 5e-324, 0.1 + 0.2, 2 ** 53],
    empty: {},
    none: null,
    "": [[], [true]],
    $tensor: "not one",
    $number: { $$number: "NaN" },
    "a.b": tensor([1]),
    a: { b: tensor([2]) },
  },
  "just-a-tensor": tensor(true as never),
});

describe("a round trip", () => {
  it("gives back every value, bit for bit", async () => {
    const folder = place();
    await saveCheckpoint(folder, example());
    expect(await plain(await loadCheckpoint(folder))).toEqual(await plain(example()));
  });

  it("leaves out what is undefined", async () => {
    const folder = place();
    await saveCheckpoint(folder, { a: { x: undefined, y: 1 } as never });
    expect(await loadCheckpoint(folder)).toEqual({ a: { y: 1 } });
  });

  it("names tensors so that others can read the model", async () => {
    const folder = place();
    await saveCheckpoint(folder, example());
    const model = await loadSafetensors(join(folder, "model.safetensors"));
    expect(Object.keys(model).sort()).toEqual(["layers.0.bias", "layers.0.weight"]);
  });

  it("takes states and hands them back", async () => {
    const folder = place();
    const generator = new Generator(7);
    generator.nextStream();
    let restored: unknown;
    const counter = {
      stateDict: () => ({ steps: 5 }),
      loadStateDict: async (state: { steps: number }) => {
        restored = state;
      },
    };
    await saveCheckpoint(folder, { counter, generator });
    const other = new Generator(0);
    await loadCheckpoint(folder, { into: { counter, generator: other } });
    expect(restored).toEqual({ steps: 5 });
    expect(other.state).toEqual({ seed: 7, stream: 1 });
  });

  it("restores nothing when a part is missing", async () => {
    const folder = place();
    await saveCheckpoint(folder, { generator: new Generator(7) });
    const into = { generator: new Generator(1), model: new Generator(2) };
    await expect(loadCheckpoint(folder, { into })).rejects.toEqual(
      errorLike("format", 'no part "model"', "got generator"),
    );
    expect(into.generator.state).toEqual({ seed: 1, stream: 0 });
  });
});

describe("a damaged checkpoint", () => {
  it("is noticed wherever a bit flips, in any of its files", async () => {
    const good = place();
    await saveCheckpoint(good, { model: { w: tensor([1, 2, 3]) }, step: 5 });
    const whole = await plain(await loadCheckpoint(good));
    const files = await readdir(good);
    expect(files.sort()).toEqual(["checkpoint.json", "model.safetensors", "state.json"]);
    for (const name of files) {
      const bytes = await readFile(join(good, name));
      const places = Array.from({ length: 24 }, (_, i) => Math.floor((i * bytes.length) / 24));
      for (const at of [...places, bytes.length - 2]) {
        const bad = place();
        await cp(good, bad, { recursive: true });
        const changed = Buffer.from(bytes);
        changed[at]! ^= 2;
        await writeFile(join(bad, name), changed);
        const loaded = await loadCheckpoint(bad).catch((error: unknown) => error);
        // A bit of white space in the list may change without harm: then everything is there.
        if (loaded instanceof Error) expect(loaded).toEqual(errorLike(undefined, bad));
        else expect(await plain(loaded as never)).toEqual(whole);
      }
    }
  });

  it.each(["checkpoint.json", "model.safetensors", "state.json"])("is noticed when %s is cut or gone", async (name) => {
    const folder = place();
    await saveCheckpoint(folder, { model: { w: tensor([1, 2, 3]) } });
    await truncate(join(folder, name), 20);
    await expect(loadCheckpoint(folder)).rejects.toEqual(errorLike("format", join(folder, name)));
    await rm(join(folder, name));
    await expect(loadCheckpoint(folder)).rejects.toEqual(errorLike("file", "no such file", join(folder, name)));
  });

  it("is refused when it is none, or of a later version", async () => {
    const folder = place();
    await expect(loadCheckpoint(folder)).rejects.toEqual(errorLike("file", "no such file or folder", folder));
    await mkdir(folder);
    await writeFile(join(folder, "checkpoint.json"), '{"format":"torchium-checkpoint","version":2,"files":{}}');
    await expect(loadCheckpoint(folder)).rejects.toEqual(errorLike("format", "version 2, expected"));
    await writeFile(
      join(folder, "checkpoint.json"),
      '{"format":"torchium-checkpoint","version":1,"files":{"../x.json":{}}}',
    );
    await expect(loadCheckpoint(folder)).rejects.toEqual(errorLike("format", "the list of files is damaged"));
  });
});

describe("replacing", () => {
  const valueIn = async (folder: string) => (await loadCheckpoint(folder)).step;

  it("keeps the old checkpoint when saving fails", async () => {
    const folder = place();
    await saveCheckpoint(folder, { step: 1 });
    const gone = overwritten();
    await expect(saveCheckpoint(folder, { step: 2, gone })).rejects.toEqual(
      errorLike("state", "was overwritten before it was saved"),
    );
    expect(await valueIn(folder)).toBe(1);
    expect((await readdir(root)).filter((name) => folder.endsWith(name.replace(/\.(new|old)$/, "")))).toHaveLength(1);
  });

  it("finds the old checkpoint after a crash between the two renames, and saves again", async () => {
    const folder = place();
    await saveCheckpoint(folder, { step: 1 });
    await rename(folder, `${folder}.old`);
    await mkdir(`${folder}.new`);
    await writeFile(join(`${folder}.new`, "model.safetensors"), "half");
    expect(await valueIn(folder)).toBe(1);
    await saveCheckpoint(folder, { step: 2 });
    expect(await valueIn(folder)).toBe(2);
    expect(await readdir(folder)).toEqual(["checkpoint.json", "state.json"]);
    await expect(readdir(`${folder}.old`)).rejects.toThrow();
    await expect(readdir(`${folder}.new`)).rejects.toThrow();
  });

  it("never removes files that are not its own", async () => {
    const folder = place();
    await mkdir(folder);
    await saveCheckpoint(folder, { step: 1 });
    const home = place();
    await mkdir(home);
    await writeFile(join(home, "thesis.txt"), "years of work");
    await expect(saveCheckpoint(home, { step: 1 })).rejects.toEqual(errorLike("file", "got thesis.txt", home));
    expect(await readdir(home)).toEqual(["thesis.txt"]);
  });

  it("refuses an update and a second writer while it saves", async () => {
    const folder = place();
    const w = tensor([1], { requiresGrad: true });
    const saving = saveCheckpoint(folder, { w });
    w.assign(tensor([2]));
    await expect(saving).rejects.toEqual(errorLike("state", "w was overwritten before it was saved"));
    const model = new Linear(1, 1);
    const savingModel = saveCheckpoint(folder, { model });
    model.weight.assign(tensor([[2]]));
    await expect(savingModel).rejects.toEqual(errorLike("state", "weight was overwritten before it was saved"));
    const both = await Promise.allSettled([1, 2].map((step) => saveCheckpoint(folder, { step })));
    expect(both.map((x) => x.status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("what cannot be saved", () => {
  const loop: Record<string, unknown> = {};
  loop.again = loop;
  it.each([
    [{ a: { b: [() => 1] } }, "a.b.0 cannot be saved, got function"],
    [{ a: new Map() }, "a cannot be saved, got an instance of Map"],
    [{ a: [Float32Array.of(1)] }, "a.0 cannot be saved, got an instance of Float32Array"],
    [{ a: 1n }, "got bigint"],
    [{ a: [undefined] }, "got undefined"],
    [{ a: loop }, "a.again cannot be saved, got an object inside itself"],
    [{ "a/b": 1 }, 'the name of a part must be letters, digits, _ and -, got "a/b"'],
    [{ a: 1, A: 2 }, "different from the others"],
  ])("%#: says where it is", async (parts, message) => {
    await expect(saveCheckpoint(place(), parts as never)).rejects.toEqual(errorLike("argument", message));
  });
});
