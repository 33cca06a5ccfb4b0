// Training GPT-2 small, tokens a second: bfloat16 autocast over float32 parameters, AdamW, a loss read at the end.
import { autocast, type Device, fromTypedArray, manualSeed, setDefaultDevice, TensorError } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { createCudaDevice } from "../../packages/cuda-backend/src/index.js";
import { GPTModel } from "../../packages/nlp-models/src/index.js";
import { AdamW } from "../../packages/optim/src/index.js";

/** The model and the shapes it is trained at. */
export interface GptSize {
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly time: number;
  readonly batches: readonly number[];
  readonly warmUp: number;
  readonly steps: number;
}

/** GPT-2 small with its vocabulary padded to a multiple of 64; tiny when the check itself is tried. */
export const gptSize = (small: boolean): GptSize =>
  small
    ? { vocabulary: 64, width: 32, heads: 2, layers: 1, time: 8, batches: [2], warmUp: 1, steps: 1 }
    : { vocabulary: 50_304, width: 768, heads: 12, layers: 12, time: 1024, batches: [8, 32], warmUp: 3, steps: 10 };

/** One row: how fast, or why not. */
export interface TrainingSpeed {
  readonly name: string;
  readonly tokensPerSecond?: number;
  readonly millisecondsPerStep?: number;
  readonly peakBytes?: number;
  readonly lastLoss?: number;
  readonly failure?: string;
}

/** The name that ours and PyTorch's rows share. */
const nameOf = (batch: number, { time }: GptSize): string => `GPT-2 small, bfloat16, batch ${batch}, ${time} tokens`;

async function train(device: Device, size: GptSize, batch: number): Promise<TrainingSpeed> {
  const { vocabulary, width, heads, layers, time, warmUp, steps } = size;
  const generator = manualSeed(1);
  const shape = { vocabSize: vocabulary, dModel: width, nhead: heads, numLayers: layers, maxLen: time };
  const model = new GPTModel({ ...shape, dropout: 0, generator });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-4, weightDecay: 0.1 });
  const ids = (offset: number) =>
    fromTypedArray(
      Int32Array.from({ length: batch * time }, (_, i) => ((i + offset) * 7919) % vocabulary),
      [batch, time],
    );
  const [inputs, targets] = [ids(0), ids(1).reshape(-1)];
  const step = () => {
    const loss = autocast("bfloat16", () => F.crossEntropy(model.forward(inputs).reshape(-1, vocabulary), targets));
    optimizer.zeroGrad();
    loss.backward();
    const value = loss.item();
    optimizer.step();
    return value;
  };
  let last = 0;
  for (let i = 0; i < warmUp; i++) last = await step();
  const start = performance.now();
  const losses: Promise<number>[] = [];
  for (let i = 0; i < steps; i++) losses.push(step());
  last = (await Promise.all(losses)).at(-1) ?? last;
  const milliseconds = (performance.now() - start) / steps;
  return {
    name: nameOf(batch, size),
    tokensPerSecond: (batch * time * 1000) / milliseconds,
    millisecondsPerStep: milliseconds,
    peakBytes: device.memory().peakBytes,
    lastLoss: last,
  };
}

/** Trains at every batch size, each on a device of its own. */
export async function measureTraining(small: boolean): Promise<readonly TrainingSpeed[]> {
  const size = gptSize(small);
  const speeds: TrainingSpeed[] = [];
  for (const batch of size.batches) {
    const device = await createCudaDevice();
    setDefaultDevice(device);
    try {
      speeds.push(await train(device, size, batch));
    } catch (error) {
      if (!TensorError.is(error)) throw error;
      speeds.push({ name: nameOf(batch, size), failure: error.message });
    }
    device.dispose();
  }
  return speeds;
}
