// The kernels of the conformance suite, compiled by the real NVRTC for the oldest GPUs and for two newer kinds: what the emulator's host compiler
// forgives shows here, and what spills. Skipped, with the reason, where NVRTC or the emulator's compiler is missing.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runConformance } from "@torchium/backend-conformance";
import { afterAll, describe, expect, it } from "vitest";
import { loadHost } from "../ffi/host.js";
import { emulatorMissing, openEmulator } from "../testing/emulator.js";
import { Nvrtc } from "./nvrtc.js";

/** A driver that is new enough for every compiler. */
const anyDriver = 99_000;
const capabilities = [75, 80, 90] as const;
/** What kernels for tensor cores call, which GPUs before 8.0 are never given. */
const onlyFrom80 = "wait_copies";
/** Spilled by a generated kernel without being noticed. */
const fewBytes = 64;

const host = await loadHost();

/** The compilers, or why there are none. */
function compilers(): readonly Nvrtc[] | string {
  const missing = emulatorMissing();
  if (missing !== undefined) return missing;
  try {
    return capabilities.map((capability) => Nvrtc.open(host, anyDriver, capability));
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0]! : String(error);
  }
}

const found = compilers();

describe("the kernels of the conformance suite", () => {
  if (typeof found === "string") {
    console.warn(`skipped: ${found}`);
    it.skip(`compile with the real NVRTC: ${found}`, () => {});
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "torchium-kernels-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(found.map((compiler) => ({ compiler, name: compiler.options[0]! })))(
    "compile with $name",
    async ({ compiler }) => {
      const emulator = openEmulator();
      if (readdirSync(folder).length === 0) {
        emulator.keepSources(folder);
        const createBackend = () => emulator.backend({ memoryLimit: 2 ** 26, cacheDirectory: null });
        const target = { name: "the CUDA backend", createBackend };
        await runConformance(target, { levels: ["scalars", "programs", "anchors", "training"], effort: 0.1 });
        await runConformance(target, { cases: ["layouts/very long rows"] });
        emulator.keepSources("");
      }
      const texts = [...new Set(readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8")))];
      expect(texts.length).toBeGreaterThan(100);
      const old = compiler.options[0]!.includes("75");
      const compiled = texts.filter((text) => !(old && text.includes(onlyFrom80)));
      const results = await Promise.allSettled(compiled.map((text) => compiler.report(text)));
      expect(results.filter((r) => r.status === "rejected").map((r) => String(r.reason))).toEqual([]);
      // A kernel that spills registers into memory is slow for no reason that shows. Ours never do; a fused program of
      // many outputs may, in a few words.
      const spilling = results.flatMap((r, i) => {
        const bytes = r.status === "fulfilled" ? Number(/(\d+) bytes spill stores/.exec(r.value)?.[1] ?? 0) : 0;
        const allowed = /(map|row|column|lane)_kernel/.test(compiled[i]!) ? fewBytes : 0;
        return bytes > allowed ? [`${bytes} bytes:\n${compiled[i]}`] : [];
      });
      expect(spilling).toEqual([]);
    },
    600_000,
  );
});
