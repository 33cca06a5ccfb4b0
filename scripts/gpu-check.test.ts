// The GPU check on the emulator, as it is carried to a GPU machine: packed into a folder, run by Node alone.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { emulatorMissing, openEmulator } from "../packages/cuda-backend/src/testing/emulator.js";
import { packCheck } from "./gpu-check/pack.js";

const missing = emulatorMissing();
const folder = mkdtempSync(join(tmpdir(), "torchium-gpu-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(missing !== undefined)("gpu:check", () => {
  it("runs packed, from versions to the report", async () => {
    const program = await packCheck(folder);
    const { path, cacheDirectory } = openEmulator();
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--small", "--out", join(folder, "out")], {
      cwd: folder,
      encoding: "utf8",
      env: {
        ...process.env,
        NODE_PATH: "",
        TORCHIUM_CUDA_DRIVER: path,
        TORCHIUM_CUDA_NVRTC: path,
        TORCHIUM_CUDA_CUBLASLT: path,
        TORCHIUM_CUDA_CACHE: cacheDirectory,
      },
    });
    expect(status, `${stdout}\n${stderr}`).toBe(0);
    const files = readdirSync(join(folder, "out")).sort();
    expect(files.map((name) => name.slice(10))).toEqual([
      "-cuda-emulated-cuda-device.json",
      "-cuda-emulated-cuda-device.md",
    ]);
    const report = JSON.parse(readFileSync(join(folder, "out", files[0]!), "utf8"));
    expect(report.faults.map((f: { passed: boolean }) => f.passed)).toEqual([true, true, true]);
    expect(report.training.value).toEqual([
      expect.objectContaining({ kind: "as written", lastLoss: expect.any(Number) }),
      expect.objectContaining({ kind: "replayed", lastLoss: expect.any(Number) }),
    ]);
    const { graphs } = report.training.value[1];
    expect(graphs.built).toBeGreaterThan(0);
    expect(graphs.launched).toBeGreaterThan(graphs.built);
    expect(graphs).not.toHaveProperty("refused");
    expect(report.conformance.value).toEqual({ passed: expect.any(Number), failed: [] });
    expect(report.speeds.value.every((s: { milliseconds: number }) => s.milliseconds > 0)).toBe(true);
  }, 120_000);
});
