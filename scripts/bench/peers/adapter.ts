// The adapter itself: how fast WebGPU copies between two buffers.
import { findAdapter } from "@torchium/webgpu-backend";
import { serve } from "../serve.js";
import { useDawn } from "./dawn.js";

const version = await useDawn();
const adapter = await findAdapter("high-performance");
const device = await adapter!.requestDevice({});
const [copySource, copyDestination] = [0x4, 0x8];

await serve({ version, threads: 1 }, ({ op, sizes }) => {
  if (op !== "copy") return undefined;
  const size = sizes.bytes!;
  const [from, to] = [copySource, copyDestination].map((usage) => device.createBuffer({ size, usage }));
  return {
    run: async () => {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(from!, 0, to!, 0, size);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    },
    dispose: () => {
      for (const buffer of [from, to]) buffer!.destroy();
    },
  };
});
