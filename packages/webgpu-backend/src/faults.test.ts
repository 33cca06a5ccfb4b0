import { AdamW } from "@torchium/optim";
import {
  type Device,
  defaultDevice,
  fromTypedArray,
  Generator,
  setDefaultDevice,
  TensorError,
  tensor,
  zeros,
} from "@torchium/tensor";
import { deserializeCheckpoint, serializeCheckpoint } from "@torchium/tensor/io";
import { Embedding, functional as F, Linear, Sequential, Tanh } from "@torchium/tensor/nn";
import { afterEach, describe, expect, it, vi } from "vitest";
import { bufferUsage, type GpuDevice } from "./gpu.js";
import { adapterName, createWebGpuBackend, createWebGpuDevice, isWebGpuAvailable } from "./index.js";
import { requestDevice } from "./request-device.js";
import { findTestAdapter, testAdapter } from "./testing/adapter.js";

vi.setConfig({ testTimeout: 120_000 });

const available = (await findTestAdapter()) !== undefined;
const code = (expected: string) => expect.objectContaining({ code: expected });

describe("options", () => {
  it("must make sense", async () => {
    await expect(createWebGpuBackend({ limitBytes: -1 })).rejects.toThrow(
      /limitBytes must be a positive number, got -1/,
    );
  });

  it("are answered without an adapter, too", async () => {
    expect(await isWebGpuAvailable()).toBe(available);
  });
});

describe.skipIf(!available)(`faults on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  const open: { dispose(): void }[] = [];
  afterEach(() => {
    for (const device of open.splice(0)) device.dispose();
  });
  const newGpu = async (): Promise<GpuDevice> => requestDevice(await testAdapter());
  const onGpu = async (gpu: GpuDevice): Promise<Device> => {
    const device = await createWebGpuDevice({ device: gpu });
    open.push(device, { dispose: () => gpu.destroy() });
    return device;
  };

  it("says which adapter it runs on", async () => {
    const adapter = await testAdapter();
    const { info } = await onGpu(await requestDevice(adapter));
    expect(info).toBe(`webgpu: ${adapterName(adapter)}`);
  });

  describe("a lost device", () => {
    it("rejects every pending and every later call", async () => {
      const gpu = await newGpu();
      const backend = await createWebGpuBackend({ device: gpu });
      const buffer = backend.allocate(64);
      const pending = [backend.read(buffer), backend.finish(), backend.checkErrors()];
      gpu.destroy();
      const outcomes = await Promise.allSettled(pending);
      for (const outcome of outcomes) {
        // What had been done when the device went may have succeeded.
        if (outcome.status === "rejected") expect(outcome.reason).toEqual(code("device-lost"));
      }
      expect(await backend.lost).toEqual(code("device-lost"));
      expect(() => backend.allocate(4)).toThrow(code("device-lost"));
      expect(() => backend.write(buffer, new Uint8Array(4))).toThrow(code("device-lost"));
      expect(() => backend.submit([])).toThrow(code("device-lost"));
      await expect(backend.read(buffer)).rejects.toThrow(code("device-lost"));
      await expect(backend.finish()).rejects.toThrow(code("device-lost"));
      await expect(backend.checkErrors()).rejects.toThrow(code("device-lost"));
      expect(() => backend.release(buffer)).not.toThrow();
      expect(() => backend.dispose()).not.toThrow();
    });

    it("is told to tensors, and another device goes on with the same numbers", async () => {
      const gpu = await newGpu();
      const device = await onGpu(gpu);
      const state = await tensor([1, 2, 3], { device }).mul(2).data();
      const unread = tensor([1], { device }).add(1);
      gpu.destroy();
      await expect(unread.data()).rejects.toThrow(code("device-lost"));
      const next = await onGpu(await newGpu());
      expect(await tensor(state, { device: next }).add(1).toArray()).toEqual([3, 5, 7]);
    });
  });

  it("a run whose device is lost goes on from its checkpoint on a new adapter, to the same numbers", async () => {
    const inputs = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const steps = 8;
    const makeRun = () => {
      const generator = new Generator(3);
      const model = new Sequential(new Linear(4, 8, { generator }), new Tanh(), new Linear(8, 1, { generator }));
      const optimizer = new AdamW(model.parameters(), { lr: 0.05 });
      const step = async (): Promise<number> => {
        optimizer.zeroGrad();
        const guess = F.dropout(model.forward(fromTypedArray(inputs, [6, 4])), 0.2, { generator });
        const loss = guess.sub(0.5).square().mean();
        loss.backward();
        optimizer.step();
        return loss.item();
      };
      return { step, parts: { model, optimizer, generator } };
    };
    const before = defaultDevice();
    try {
      setDefaultDevice(await onGpu(await newGpu()));
      const whole = makeRun();
      const undisturbed: number[] = [];
      for (let i = 0; i < steps; i++) undisturbed.push(await whole.step());

      const gpu = await newGpu();
      setDefaultDevice(await onGpu(gpu));
      const run = makeRun();
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push(await run.step());
      const checkpoint = await serializeCheckpoint(run.parts);
      gpu.destroy();
      await expect(run.step()).rejects.toThrow(code("device-lost"));

      setDefaultDevice(await onGpu(await newGpu()));
      const next = makeRun();
      await deserializeCheckpoint(checkpoint, { into: next.parts });
      while (losses.length < steps) losses.push(await next.step());
      expect(losses).toEqual(undisturbed);
    } finally {
      setDefaultDevice(before);
    }
  });

  describe("memory", () => {
    it("has a limit that can be set, and says what there is", async () => {
      const backend = await createWebGpuBackend({ limitBytes: 4096 });
      open.push(backend);
      const kept = backend.allocate(2048);
      expect(() => backend.allocate(4096)).toThrow(
        /out of memory, got a request of 4096 bytes with 2048 live .* expected at most .* 4096 in all/,
      );
      backend.release(kept);
      backend.allocate(4096);
      expect(backend.memory()).toMatchObject({ liveBytes: 4096, limitBytes: 4096 });
    });

    // SwiftShader has no gibibyte in one piece, which it allows a buffer all the same; whoever has one is not tested.
    const gibibyte = 2 ** 30;
    const refuses = async (gpu: GpuDevice): Promise<boolean> => {
      if (gpu.limits.maxBufferSize < gibibyte) return false;
      gpu.pushErrorScope("out-of-memory");
      gpu.createBuffer({ size: gibibyte, usage: bufferUsage.storage }).destroy();
      return (await gpu.popErrorScope()) !== null;
    };
    const outOfMemory = expect.objectContaining({
      code: "out-of-memory",
      message: expect.stringMatching(/^allocate 1073741824 bytes: out of memory: ./),
      details: expect.objectContaining({ requested: gibibyte }),
    });

    it("that the device does not have is an error where somebody waits, and no room of the pool", async (context) => {
      const gpu = await newGpu();
      if (!(await refuses(gpu))) context.skip("the device has a gibibyte in one piece");
      const backend = await createWebGpuBackend({ device: gpu });
      open.push(backend, { dispose: () => gpu.destroy() });
      const bytes = Uint8Array.of(1, 2, 3, 4);
      const small = backend.allocate(4);
      backend.write(small, bytes);
      const { pooledBytes } = backend.memory();
      for (const wait of [() => backend.finish(), () => backend.checkErrors(), () => backend.read(small)]) {
        const large = backend.allocate(gibibyte);
        await expect(wait()).rejects.toThrow(outOfMemory);
        expect(await backend.read(small)).toEqual(bytes);
        backend.release(large);
        expect(backend.memory().pooledBytes).toBe(pooledBytes);
      }
      backend.release(backend.allocate(gibibyte));
      await expect(backend.finish()).rejects.toThrow(outOfMemory);
      expect(backend.memory().pooledBytes).toBe(pooledBytes);
    });

    it("that tensors do not get is an error where they are read, and others compute on", async (context) => {
      const gpu = await newGpu();
      if (!(await refuses(gpu))) context.skip("the device has a gibibyte in one piece");
      const device = await onGpu(gpu);
      const x = tensor([1, 2, 3], { device });
      const large = zeros([2 ** 14, 2 ** 14], { device }).add(1);
      device.realize([large.value]);
      await expect(device.finish()).rejects.toThrow(outOfMemory);
      expect(await x.mul(x).sum().item()).toBe(14);
      expect(await x.add(1).toArray()).toEqual([2, 3, 4]);
    });

    it("that there is none of to read through is the same error", async (context) => {
      const gpu = await newGpu();
      if (!(await refuses(gpu))) context.skip("the device has a gibibyte in one piece");
      const backend = await createWebGpuBackend({ device: gpu });
      open.push(backend, { dispose: () => gpu.destroy() });
      const buffer = backend.allocate(64);
      const { createBuffer } = gpu;
      vi.spyOn(gpu, "createBuffer").mockImplementationOnce((asked) =>
        createBuffer.call(gpu, { ...asked, size: gibibyte }),
      );
      await expect(backend.read(buffer)).rejects.toThrow(code("out-of-memory"));
      await expect(backend.read(buffer)).resolves.toHaveLength(64);
    });

    it("is reused, and cached bind groups do not outlive it", async () => {
      const backend = await createWebGpuBackend({ limitBytes: 2 ** 20 });
      open.push(backend);
      for (let i = 0; i < 50; i++) {
        const buffer = backend.allocate(1000 * (i + 1));
        backend.write(buffer, new Uint8Array(1000).fill(i));
        expect((await backend.read(buffer, 0, 4))[0]).toBe(i);
        backend.release(buffer);
      }
      expect(backend.memory().liveBytes).toBe(0);
      expect(backend.memory().pooledBytes).toBeLessThanOrEqual(2 ** 20);
    });
  });

  it("an error of the device's own validation is thrown, not printed", async () => {
    const gpu = await newGpu();
    const backend = await createWebGpuBackend({ device: gpu });
    open.push(backend, { dispose: () => gpu.destroy() });
    const buffer = backend.allocate(64);
    vi.spyOn(gpu.queue, "writeBuffer").mockImplementationOnce((target) => {
      gpu.queue.writeBuffer(target, 0, new Uint8Array(2 ** 20));
    });
    backend.write(buffer, new Uint8Array(4));
    await expect(backend.finish()).rejects.toThrow(/write: validation error: /);
    await expect(backend.finish()).resolves.toBeUndefined();
  });

  it("an id outside its table is an error that names operation, id and size, and disturbs nothing", async () => {
    const device = await createWebGpuDevice();
    open.push(device);
    const embedding = new Embedding(4, 2, { device });
    // Ids that the host has are checked on the host; these are made on the device.
    const ids = tensor(Int32Array.of(1, 8, 2), { device }).add(tensor(Int32Array.of(0, 1, 0), { device }));
    await expect(embedding.forward(ids).data()).rejects.toThrow(
      expect.objectContaining({
        code: "index",
        message: expect.stringMatching(/got 9, expected an integer from 0 to 3/),
      }),
    );
    expect(await embedding.forward(tensor(Int32Array.of(3), { device })).data()).toHaveLength(2);
  });

  it("float64 is refused where a tensor is made", async () => {
    const device = await createWebGpuDevice();
    open.push(device);
    expect(() => zeros(2, { dtype: "float64", device })).toThrow(/webgpu: no such dtype on this device, got float64/);
  });

  it("more work groups than an axis takes are split, and no element is missed", async () => {
    const gpu = await newGpu();
    // An axis of four, so that a small array needs three rows of groups, the last of them not full.
    const limits = new Proxy(gpu.limits, {
      get: (own, name) => (name === "maxComputeWorkgroupsPerDimension" ? 4 : Reflect.get(own, name)),
    });
    const narrow = new Proxy(gpu, {
      get: (own, name) => {
        if (name === "limits") return limits;
        const value: unknown = Reflect.get(own, name);
        return typeof value === "function" ? value.bind(own) : value;
      },
    });
    const device = await onGpu(narrow);
    const numbers = Int32Array.from({ length: 10_007 }, (_, i) => i);
    expect(await tensor(numbers, { device }).add(1).data()).toEqual(numbers.map((n) => n + 1));
  });

  it("a realization is one submission to the queue, however many kernels it takes", async () => {
    const gpu = await newGpu();
    const device = await onGpu(gpu);
    const x = tensor(new Float32Array(12), { device, shape: [3, 4] });
    await x.data();
    const submit = vi.spyOn(gpu.queue, "submit");
    const y = x.matmul(x.T).softmax(-1).matmul(x).sum();
    device.realize([y.value]);
    expect(submit).toHaveBeenCalledTimes(1);
    expect(await y.item()).toBe(0);
  });

  it("a disposed device says so", async () => {
    const backend = await createWebGpuBackend();
    backend.dispose();
    expect(() => backend.allocate(4)).toThrow(code("disposed"));
    expect(TensorError.is(await backend.finish().catch((error: unknown) => error), "disposed")).toBe(true);
  });
});
