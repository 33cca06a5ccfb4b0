// Training GPT-2 small, tokens a second: bfloat16 autocast over float32 parameters, AdamW, a loss read at the end; as it is
// written, and compiled, so that steps are replayed as CUDA graphs.
import {
  autocast,
  compile,
  Device,
  fromTypedArray,
  manualSeed,
  setDefaultDevice,
  type Tensor,
  TensorError,
} from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { type CudaBackend, createCudaBackend, type GraphCounters } from "../../packages/cuda-backend/src/index.js";
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

/** How a step runs. */
export type StepKind = "as written" | "replayed";

/** One row: how fast, or why not. */
export interface TrainingSpeed {
  readonly name: string;
  readonly kind: StepKind;
  readonly tokensPerSecond?: number;
  readonly millisecondsPerStep?: number;
  readonly peakBytes?: number;
  readonly lastLoss?: number;
  /** What the CUDA graphs of replayed steps did. */
  readonly graphs?: GraphCounters;
  readonly failure?: string;
}

/** The name that ours and PyTorch's rows share. */
const nameOf = (batch: number, { time }: GptSize): string => `GPT-2 small, bfloat16, batch ${batch}, ${time} tokens`;

/** Steps that are recorded, run once and made a graph before they are all the same. */
const stepsUntilGraph = 6;

async function train(backend: CudaBackend, size: GptSize, batch: number, kind: StepKind): Promise<TrainingSpeed> {
  const { vocabulary, width, heads, layers, time, warmUp, steps } = size;
  const generator = manualSeed(1);
  const shape = { vocabSize: vocabulary, dModel: width, nhead: heads, numLayers: layers, maxLen: time };
  const model = new GPTModel({ ...shape, dropout: 0, activation: "geluTanh", generator });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-4, weightDecay: 0.1 });
  const ids = (offset: number) =>
    fromTypedArray(
      Int32Array.from({ length: batch * time }, (_, i) => ((i + offset) * 7919) % vocabulary),
      [batch, time],
    );
  const [inputs, targets] = [ids(0), ids(1).reshape(-1)];
  const written = (ids: Tensor, next: Tensor): Tensor => {
    const loss = autocast("bfloat16", () => F.crossEntropy(model.forward(ids).reshape(-1, vocabulary), next));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
  const step = kind === "replayed" ? compile(written) : written;
  let last = 0;
  const before = kind === "replayed" ? Math.max(warmUp, stepsUntilGraph) : warmUp;
  for (let i = 0; i < before; i++) last = await step(inputs, targets).item();
  const start = performance.now();
  const losses: Promise<number>[] = [];
  for (let i = 0; i < steps; i++) losses.push(step(inputs, targets).item());
  last = (await Promise.all(losses)).at(-1) ?? last;
  const milliseconds = (performance.now() - start) / steps;
  return {
    name: nameOf(batch, size),
    kind,
    tokensPerSecond: (batch * time * 1000) / milliseconds,
    millisecondsPerStep: milliseconds,
    peakBytes: backend.memory().peakBytes,
    lastLoss: last,
    ...(kind === "replayed" && { graphs: { ...backend.graphs } }),
  };
}

/** Trains at every batch size, as written and replayed, each on a device of its own. */
export async function measureTraining(small: boolean): Promise<readonly TrainingSpeed[]> {
  const size = gptSize(small);
  const speeds: TrainingSpeed[] = [];
  for (const batch of size.batches) {
    for (const kind of ["as written", "replayed"] as const) {
      const backend = await createCudaBackend();
      const device = new Device(backend);
      setDefaultDevice(device);
      try {
        speeds.push(await train(backend, size, batch, kind));
      } catch (error) {
        if (!TensorError.is(error)) throw error;
        speeds.push({ name: nameOf(batch, size), kind, failure: error.message });
      }
      device.dispose();
    }
  }
  return speeds;
}
