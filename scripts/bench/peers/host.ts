// What a step costs beside its arithmetic, one JSON line a question: `host.ts first` runs one GPT step, as a process that
// has just started does; `replay` times a step too small to compute anything, plain and compiled; `lengths` times steps
// at lengths never seen beside the same lengths seen again, and counts what they compile.
import { GPTModel } from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { compile, createCpuDevice, fromTypedArray, setDefaultDevice, type Tensor } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { quantile } from "../statistics.js";
import { growingLengths as gpt } from "../step-rows.js";
import { idWave } from "../work.js";

const modules = { count: 0, bytes: 0, milliseconds: 0 };

/** Counts the WebAssembly modules that are made from here on. */
function countModules(): void {
  const Original = WebAssembly.Module;
  WebAssembly.Module = new Proxy(Original, {
    construct(target, args: [BufferSource]) {
      const start = performance.now();
      const made = new target(...args);
      modules.milliseconds += performance.now() - start;
      modules.bytes += args[0].byteLength;
      modules.count++;
      return made;
    },
  });
}

const print = (figures: Readonly<Record<string, number>>): never => {
  console.log(JSON.stringify(figures));
  process.exit(0);
};

const question = process.argv[2];
if (question === "first") countModules();
const device = await createCpuDevice(question === "replay" ? { threads: 1 } : {});
setDefaultDevice(device);

/** A model's step on inputs [batch, length]. */
function stepOf(width: number) {
  const sizes = { vocabSize: gpt.vocabulary, dModel: width, nhead: gpt.heads, numLayers: gpt.layers };
  const model = new GPTModel({ ...sizes, maxLen: gpt.block, dropout: 0, bias: false });
  const parameters = [...model.parameters()];
  const optimizer = new AdamW(parameters, { lr: 1e-3 });
  return (inputs: Tensor, targets: Tensor): Tensor => {
    const loss = F.crossEntropy(model.forward(inputs).view(-1, gpt.vocabulary), targets);
    loss.backward();
    clipGradNorm(parameters, 1);
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
}

const text = idWave(gpt.batch * gpt.block + 1, gpt.vocabulary);

/** Inputs and targets of that many rows of that length. */
function batchOf(rows: number, length: number): [Tensor, Tensor] {
  const count = rows * length;
  return [fromTypedArray(text.slice(0, count), [rows, length]), fromTypedArray(text.slice(1, count + 1), [count])];
}

/** Milliseconds of a call that is finished when it is over. */
async function timed(call: () => unknown): Promise<number> {
  const start = performance.now();
  call();
  await device.finish();
  return performance.now() - start;
}

async function replay(): Promise<Record<string, number>> {
  const step = stepOf(8);
  const compiled = compile(step);
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < 3000; i++) {
    const batch = batchOf(1, 2);
    for (const [k, call] of [step, compiled].entries()) {
      const time = await timed(() => call(...batch));
      if (i >= 2000) times[k]!.push(1e3 * time);
    }
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const [eager, again] = times.map((list) => quantile(list, 0.5));
  return { tinyStepMicroseconds: eager!, tinyStepReplayedMicroseconds: again! };
}

async function lengths(): Promise<Record<string, number>> {
  const step = stepOf(gpt.width);
  const at = (length: number): Promise<number> => timed(() => step(...batchOf(gpt.batch, length)));
  for (let i = 0; i < 24; i++) await at(48 + (i % 3));
  const before = device.counters;
  const ratios: number[] = [];
  for (let length = 52; length < 64; length++) {
    const unseen = await at(length);
    const seen = [await at(length), await at(length), await at(length)];
    ratios.push(unseen / quantile(seen, 0.5));
  }
  const after = device.counters;
  return {
    newLengthRatio: quantile(ratios, 0.5),
    kernelsCompiled: after.kernelsCompiled - before.kernelsCompiled,
    plansBuilt: after.plansBuilt - before.plansBuilt,
  };
}

if (question === "first") {
  stepOf(gpt.width)(...batchOf(gpt.batch, 64));
  await device.finish();
  const { count, bytes, milliseconds } = modules;
  print({ modules: count, bytesPerModule: bytes / count, millisecondsPerModule: milliseconds / count });
} else print(question === "replay" ? await replay() : await lengths());
