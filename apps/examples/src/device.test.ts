import { isCudaAvailable } from "@torchium/cuda-backend";
import { defaultDevice, setDefaultDevice, tensor } from "@torchium/tensor";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openDevice } from "./device.js";

const major = Number(process.versions.node.split(".")[0]);
const choice = { backend: "cpu", blas: "off", wide: false, threads: 1 } as const;

describe("openDevice", () => {
  const before = defaultDevice();
  let opened: { dispose(): void } | undefined;
  beforeAll(() => setDefaultDevice(before));
  afterEach(() => {
    setDefaultDevice(before);
    opened?.dispose();
    opened = undefined;
  });
  const open = async (more: Partial<Parameters<typeof openDevice>[0]>) => {
    const device = await openDevice({ ...choice, ...more });
    opened = device;
    return device;
  };

  it("makes the device the default", async () => {
    const device = await open({ threads: 2 });
    expect(defaultDevice()).toBe(device);
    expect(tensor([1]).device).toBe(device);
    expect(device.info).toMatch(/^cpu: 2 threads, \w+ SIMD, embedded matrix products$/);
  });

  it("with auto uses the library that is there, or says why there is none", async () => {
    const { info } = await open({ blas: "auto" });
    expect(info).toMatch(/, large matrix products by \w+|, embedded matrix products \(.+\)$/);
  });

  it.each(["nonsense", "/no/such/library.so"])("refuses what is neither a word nor a library: %s", async (blas) => {
    const refused = open({ blas });
    await expect(refused).rejects.toThrow(`--blas: neither auto, off nor a library, got ${blas}, expected `);
    await expect(refused).rejects.toMatchObject({ code: "argument" });
  });

  it.each([process.execPath, "libnowhere.so.9"])("says why a library cannot be used: %s", async (blas) => {
    await expect(open({ blas })).rejects.toThrow(/^findBlas: the library cannot be used: .*, got /);
  });

  it("loads the backend that is asked for, or says what the machine lacks", async () => {
    const cuda = await isCudaAvailable();
    if (cuda.available) expect((await open({ backend: "cuda" })).name).toBe("cuda");
    else await expect(open({ backend: "cuda" })).rejects.toThrow(expect.objectContaining({ code: expect.any(String) }));
  });

  it.runIf(major >= 24)("gives wide registers where the engine has them, once they compute right", async () => {
    expect((await open({ wide: true })).info).toContain("wide SIMD");
  });

  it.runIf(major < 24)("refuses wide registers where the engine has none", async () => {
    await expect(open({ wide: true })).rejects.toThrow("--wide: the engine has no wide registers");
  });
});
