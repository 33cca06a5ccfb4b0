// What the page of the browser's conformance test can do, as functions for the test to call.

import { type CaseResult, runConformance } from "@torchium/backend-conformance";
import { TensorError, tensor } from "@torchium/tensor";
import { Embedding } from "@torchium/tensor/nn";
import {
  adapterName,
  createWebGpuBackend,
  createWebGpuDevice,
  findAdapter,
  WebGpuBackend,
} from "@torchium/webgpu-backend";

/** The page's functions; their results can be handed to the test. */
export type BrowserSuite = {
  /** The name of the adapter, undefined where there is none. */
  adapter(): Promise<string | undefined>;
  conformance(): Promise<readonly CaseResult[]>;
  /** Faults as `code: message`, and what still works after them. */
  faults(): Promise<{
    readonly outOfMemory: string;
    readonly badId: string;
    readonly afterBadId: number;
    readonly lost: string;
    readonly afterLoss: number[];
  }>;
};

async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
    return "nothing was thrown";
  } catch (error) {
    return TensorError.is(error) ? `${error.code}: ${error.message}` : `no TensorError: ${error}`;
  }
}

const suite: BrowserSuite = {
  adapter: async () => {
    const adapter = await findAdapter();
    return adapter && adapterName(adapter);
  },
  conformance: () =>
    runConformance(
      { name: "WebGPU in a browser", createBackend: () => createWebGpuBackend() },
      // Every case, with fewer random programs, layouts and graphs: Dawn in Node has run the same kernels on more.
      { effort: 0.25 },
    ),
  faults: async () => {
    const small = await createWebGpuBackend({ limitBytes: 4096 });
    const outOfMemory = await failure(() => small.allocate(8192));
    small.dispose();

    const device = await createWebGpuDevice();
    const embedding = new Embedding(4, 2, { device });
    const ids = tensor(Int32Array.of(1, 8, 2), { device }).add(tensor(Int32Array.of(0, 1, 0), { device }));
    const badId = await failure(() => embedding.forward(ids).data());
    const afterBadId = (await embedding.forward(tensor(Int32Array.of(3), { device })).data()).length;
    const state = await tensor([1, 2, 3], { device }).mul(2).data();
    device.dispose();

    const gpu = await (await findAdapter())!.requestDevice();
    const doomed = new WebGpuBackend(gpu);
    gpu.destroy();
    const lost = await failure(async () => {
      throw await doomed.lost;
    });
    const next = await createWebGpuDevice();
    const afterLoss = (await tensor(state, { device: next }).add(1).toArray()) as number[];
    next.dispose();
    return { outOfMemory, badId, afterBadId, lost, afterLoss };
  },
};

Object.assign(globalThis, { suite });
