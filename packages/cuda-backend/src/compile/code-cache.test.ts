import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadHost } from "../ffi/host.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";
import { CodeCache } from "./code-cache.js";

const host = await loadHost();
const folders: string[] = [];
const folder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), "torchium-cache-")));
  return folders.at(-1)!;
};
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

const files = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const code = Uint8Array.from({ length: 1000 }, (_, i) => i);

describe("the cache of compiled kernels", () => {
  it("gives back what was put in, for all that decided it", () => {
    const directory = folder();
    const cache = new CodeCache(host, directory);
    expect(cache.get(["13.0", "sm_90", "text"])).toBeUndefined();
    cache.put(["13.0", "sm_90", "text"], code);
    expect(new CodeCache(host, directory).get(["13.0", "sm_90", "text"])).toEqual(code);
    expect(cache.get(["12.8", "sm_90", "text"])).toBeUndefined();
    expect(cache.get(["13.0", "sm_80", "text"])).toBeUndefined();
    expect(cache.get(["13.0", "sm_90", "text "])).toBeUndefined();
    expect(files(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("a file that was cut or changed counts as missing", () => {
    const directory = folder();
    const cache = new CodeCache(host, directory);
    cache.put(["a"], code);
    const [file] = files(directory) as [string];
    const whole = readFileSync(file);
    for (const length of [0, 5, 20, 47, 48, 500, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      expect(cache.get(["a"]), `${length} bytes`).toBeUndefined();
    }
    for (const at of [0, 16, 30, 48, 700]) {
      writeFileSync(file, whole.with(at, whole[at]! ^ 1));
      expect(cache.get(["a"]), `byte ${at}`).toBeUndefined();
    }
    cache.put(["a"], code);
    expect(cache.get(["a"])).toEqual(code);
  });

  it("a folder that cannot be written to costs time only", () => {
    const file = join(folder(), "file");
    writeFileSync(file, "");
    const cache = new CodeCache(host, join(file, "below"));
    cache.put(["a"], code);
    expect(cache.get(["a"])).toBeUndefined();
    const none = new CodeCache(host, undefined);
    none.put(["a"], code);
    expect(none.get(["a"])).toBeUndefined();
  });
});

describeOnEmulator("kernels and their cache", (emulator) => {
  const kernel = `extern "C" __global__ void __launch_bounds__(32) k(float* x) { x[threadIdx.x] = 1; }`;
  const compileOnce = async (cacheDirectory: string) => {
    const backend = await emulator.backend({ cacheDirectory });
    backend.kernels.get({ name: "k", source: kernel });
    const { counters } = backend.kernels;
    backend.dispose();
    return counters;
  };

  it("are compiled once for all processes, and again where the file is damaged", async () => {
    const directory = folder();
    expect(await compileOnce(directory)).toEqual({ compiled: 1, fromDisk: 0 });
    expect(await compileOnce(directory)).toEqual({ compiled: 0, fromDisk: 1 });
    writeFileSync(files(directory)[0]!, "damaged");
    expect(await compileOnce(directory)).toEqual({ compiled: 1, fromDisk: 0 });
    expect(await compileOnce(directory)).toEqual({ compiled: 0, fromDisk: 1 });
  });

  it("whose stored code the driver does not take are compiled anew", async () => {
    const directory = folder();
    await compileOnce(directory);
    const backend = await emulator.backend({ cacheDirectory: null });
    const identity = [...backend.kernels.identity(kernel)];
    backend.dispose();
    new CodeCache(host, directory).put(identity, code);
    expect(await compileOnce(directory)).toEqual({ compiled: 1, fromDisk: 0 });
  });
});
