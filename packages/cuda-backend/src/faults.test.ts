// What goes wrong outside: memory, broken kernels, missing or old libraries. Each is a TensorError that says what to do.

import { input, kernelOf, makeProgram, scalarAlgebra as s, TensorError } from "@torchium/tensor/backend";
import { afterEach, expect, it } from "vitest";
import type { CudaBackend } from "./backend.js";
import { createCudaBackend, createCudaDevice, isCudaAvailable } from "./device.js";
import { describeOnEmulator } from "./testing/describe-on-emulator.js";

const double = makeProgram({
  inputs: [{ kind: "buffer", type: "float32", role: "full" }],
  scalars: [],
  reduces: [],
  outputs: [{ expr: s.mul(input(0, "float32", "full"), 2), role: "full" }],
});

/** Doubles 1000 numbers; gives the buffer of the results. */
function work(backend: CudaBackend) {
  const executable = backend.compile(kernelOf(double, { sizes: [1000], strides: [[1], [1]] }));
  const [from, to] = [backend.allocate(4000), backend.allocate(4000)];
  backend.write(from, new Uint8Array(Float32Array.from({ length: 1000 }, (_, i) => i).buffer));
  const operands = [from, to].map((buffer) => ({ binding: { buffer }, byteOffset: 0, strides: [1], offset: 0 }));
  backend.submit([{ executable, sizes: [1000], operands, scalars: [], stage: 0, label: "double" }]);
  return to;
}

/** What a promise rejects with. */
const failureOf = (promise: Promise<unknown>): Promise<TensorError> =>
  promise.then(
    () => expect.unreachable("it did not fail"),
    (error: TensorError) => error,
  );

describeOnEmulator("faults", (emulator) => {
  const libraries = { driver: emulator.path, nvrtc: emulator.path, cublasLt: emulator.path };
  const open: CudaBackend[] = [];
  const make = async (...args: Parameters<typeof emulator.backend>): Promise<CudaBackend> => {
    const backend = await emulator.backend(...args);
    open.push(backend);
    return backend;
  };
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
  });

  it("out of memory says what was asked for and what is left, and small work goes on", async () => {
    const backend = await make({ memoryLimit: 2 ** 26 });
    backend.allocate(2 ** 20);
    const error = await failureOf((async () => backend.allocate(2 ** 26))());
    expect(error.code).toBe("out-of-memory");
    expect(error.details).toMatchObject({ requested: 2 ** 26, live: 2 ** 20, limit: 2 ** 26 });
    expect(error.message).toMatch(/67108864 bytes.*bytes free.*1048576 live.*limit 67108864/);
    const bytes = await backend.read(work(backend));
    expect(new Float32Array(bytes.buffer)[999]).toBe(1998);
  });

  it("memory that others hold counts: the GPU itself runs out", async () => {
    await emulator.with({ memory: 2 ** 25 }, async () => {
      const backend = await make();
      const held = backend.allocate(2 ** 24);
      expect((await failureOf((async () => backend.allocate(2 ** 24 + 1))())).code).toBe("out-of-memory");
      backend.release(held);
      // What was cached is given back to make room.
      backend.allocate(2 ** 24 + 2 ** 22);
    });
  });

  it("a dead context: pending and later calls fail with device-lost, and lost settles", async () => {
    const backend = await make();
    emulator.set("fail_launch", 700);
    const to = work(backend);
    const error = await failureOf(backend.read(to));
    expect(error.code).toBe("device-lost");
    expect(error.message).toMatch(/ILLEGAL_ADDRESS.*restart the process/);
    expect(await backend.lost).toBe(error);
    expect(() => backend.allocate(16)).toThrow(error);
    expect(await failureOf(backend.finish())).toBe(error);
    expect(() => backend.release(to)).not.toThrow();
    backend.dispose();
    emulator.set("revive", 1);
  });

  it("a kernel that leaves its memory kills the context, not the process", async () => {
    emulator.mutate("at >= P.count", "false");
    const backend = await make({ cacheDirectory: null });
    // The last thread reads far behind everything.
    emulator.mutate("x0[a0]", "x0[a0 + (1 << 29)]");
    const odd = backend.compile(kernelOf(double, { sizes: [7], strides: [[2], [1]] }));
    const [from, to] = [backend.allocate(64), backend.allocate(64)];
    const operands = [from, to].map((buffer, i) => ({
      binding: { buffer },
      byteOffset: 0,
      strides: [2 - i],
      offset: 0,
    }));
    backend.submit([{ executable: odd, sizes: [7], operands, scalars: [], stage: 0, label: "odd" }]);
    emulator.mutate("", "");
    expect((await failureOf(backend.finish())).code).toBe("device-lost");
    backend.dispose();
    emulator.set("revive", 1);
  });

  it("synchronous mode names the launch that failed", async () => {
    const backend = await make({ synchronous: true });
    emulator.set("fail_launch", 719);
    const error = await failureOf((async () => work(backend))());
    expect(error.code).toBe("device-lost");
    expect(error.message).toContain("double");
    backend.dispose();
    emulator.set("revive", 1);
  });

  it("a missing driver: every place tried is told", async () => {
    const nowhere = "/nowhere/libcuda.so.1";
    const error = await failureOf(createCudaDevice({ libraries: { driver: nowhere } }));
    expect(error.code).toBe("unsupported");
    expect(error.message).toContain(nowhere);
    expect(error.details["attempts"]).toMatchObject([{ path: nowhere }]);
    expect(await isCudaAvailable({ libraries: { driver: nowhere } })).toEqual({
      available: false,
      reason: error.message,
    });
  });

  it("a library of another kind is told by the function that it lacks", async () => {
    const error = await failureOf(createCudaBackend({ libraries: { driver: "libc.so.6" } }));
    expect(error.message).toMatch(/libc\.so\.6: .*cuInit/);
  });

  it("a missing compiler is an error; cuBLASLt may be missing unless it was named", async () => {
    const missing = { ...libraries, nvrtc: "/nowhere/libnvrtc.so" };
    expect((await failureOf(createCudaBackend({ libraries: missing }))).message).toMatch(/library nvrtc.*\/nowhere/s);
    const named = { ...libraries, cublasLt: "/nowhere/libcublasLt.so" };
    expect((await failureOf(createCudaBackend({ libraries: named }))).code).toBe("unsupported");
  });

  it("a driver older than NVRTC: both versions are told", async () => {
    await emulator.with({ driver: 12040 }, async () => {
      const error = await failureOf(createCudaBackend({ libraries }));
      expect(error.code).toBe("unsupported");
      expect(error.message).toMatch(/NVRTC 13\.0 is newer than the driver.*12\.4.*update the driver/);
    });
  });

  it("a GPU newer than NVRTC runs by PTX", async () => {
    await emulator.with({ major: 11, minor: 0, newest: 90 }, async () => {
      const backend = await make({ cacheDirectory: null });
      expect(new Float32Array((await backend.read(work(backend))).buffer)[10]).toBe(20);
    });
  });

  it("no GPU, and a wrong ordinal", async () => {
    await emulator.with({ devices: 0 }, async () => {
      expect(await isCudaAvailable({ libraries })).toMatchObject({ available: false, reason: /NO_DEVICE/ });
    });
    const error = await failureOf(createCudaBackend({ libraries, ordinal: 3 }));
    expect(error).toMatchObject({ code: "device", details: { ordinal: 3, count: 1 } });
  });

  it("options without sense", async () => {
    expect((await failureOf(createCudaBackend({ libraries, memoryLimit: -1 }))).code).toBe("argument");
  });

  it("is available where all is there", async () => {
    expect(await isCudaAvailable({ libraries })).toEqual({
      available: true,
      reason: "Emulated CUDA device, CUDA 13.0, NVRTC 13.0",
    });
  });

  it("use after dispose", async () => {
    const backend = await emulator.backend();
    backend.dispose();
    backend.dispose();
    expect(() => backend.allocate(4)).toThrow(TensorError);
    expect((await failureOf(backend.finish())).code).toBe("disposed");
  });

  it("leaves no GPU memory behind", async () => {
    const backend = await emulator.backend();
    await backend.read(work(backend));
    backend.dispose();
    expect(emulator.get("leaked_bytes")).toBe(0);
  });
});

describeOnEmulator("reading", (emulator) => {
  it("keeps the event loop running while the GPU works", async () => {
    const backend = await emulator.backend();
    await backend.finish();
    await emulator.with({ launch_us: 150_000 }, async () => {
      let [turns, ticks] = [0, 0];
      let reading = true;
      const turn = (): void => {
        turns++;
        if (reading) setImmediate(turn);
      };
      const timer = setInterval(() => ticks++, 5);
      const start = performance.now();
      const to = work(backend);
      expect(performance.now() - start).toBeLessThan(100);
      turn();
      const bytes = await backend.read(to);
      reading = false;
      clearInterval(timer);
      expect(performance.now() - start).toBeGreaterThan(140);
      expect(new Float32Array(bytes.buffer)[1]).toBe(2);
      expect(turns).toBeGreaterThan(100);
      expect(ticks).toBeGreaterThan(5);
    });
    backend.dispose();
  });

  it("gives large buffers back whole, in the order of the stream", async () => {
    const backend = await emulator.backend({ memoryLimit: 2 ** 28 });
    const length = 40 * 2 ** 20;
    const buffer = backend.allocate(length);
    const bytes = new Uint8Array(length).map((_, i) => i * 7 + (i >> 13));
    backend.write(buffer, bytes);
    const read = backend.read(buffer);
    backend.write(buffer, new Uint8Array(length));
    expect(Buffer.compare(await read, bytes)).toBe(0);
    backend.dispose();
  });
});
