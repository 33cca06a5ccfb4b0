// Ours on WebGPU in Node. Where the adapter has time stamps, a run's time by the device's own clock is told as well.
import { setDefaultDevice } from "@torchium/tensor";
import { createWebGpuDevice } from "@torchium/webgpu-backend";
import { serve } from "../serve.js";
import { untilFinished, type Work } from "../work.js";
import { useDawn } from "./dawn.js";
import { wordWorks } from "./torchium-words.js";
import { torchiumWorks } from "./torchium-works.js";

const works = { ...torchiumWorks, ...wordWorks };
const adapter = await useDawn();
const device = await createWebGpuDevice();
setDefaultDevice(device);
const { backend } = device;

/** Milliseconds between time stamps, of all that `run` submits. */
async function stamped(run: Work["run"], time: NonNullable<typeof backend.time>): Promise<number> {
  const { submit } = backend;
  const times: Promise<number>[] = [];
  backend.submit = (launches) => void times.push(time.call(backend, launches));
  try {
    await run();
  } finally {
    backend.submit = submit;
  }
  return (await Promise.all(times)).reduce((a, b) => a + b, 0);
}

function onDevice(work: Work): Work {
  const { time } = backend;
  const deviceTime = time && (async () => 1e6 * (await stamped(work.run, time)));
  return { ...untilFinished(work, backend), ...(deviceTime && { deviceTime }) };
}

await serve({ version: `${process.version} on ${adapter}`, threads: 1 }, ({ op, sizes }) => {
  const work = (works as Partial<typeof works>)[op]?.(sizes);
  return work && onDevice(work);
});
