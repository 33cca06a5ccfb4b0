import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { inTemporaryFolder } from "../testing/fixtures.js";
import { type SignalSource, StopSignal, type StopSignalName, signalExitCode } from "./stop-signal.js";

class FakeSource implements SignalSource {
  readonly listeners = new Map<StopSignalName, (signal: StopSignalName) => void>();
  on(name: StopSignalName, listener: (signal: StopSignalName) => void): void {
    this.listeners.set(name, listener);
  }
  off(name: StopSignalName): void {
    this.listeners.delete(name);
  }
}

describe("StopSignal", () => {
  it("remembers the first signal, swallows its echo, and leaves the next one to the system", () => {
    vi.useFakeTimers();
    try {
      const source = new FakeSource();
      const heard: string[] = [];
      const signal = new StopSignal(source, (name) => heard.push(name));
      source.listeners.get("SIGTERM")?.("SIGTERM");
      source.listeners.get("SIGINT")?.("SIGINT");
      expect(signal.requested).toBe("SIGTERM");
      expect(heard).toEqual(["SIGTERM"]);
      signal.dispose();
      expect(source.listeners.size).toBe(2);
      vi.advanceTimersByTime(1000);
      expect(source.listeners.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("has the conventional exit codes", () => {
    expect([signalExitCode("SIGINT"), signalExitCode("SIGTERM")]).toEqual([130, 143]);
  });
});

// Windows has no signals to send: there `kill` ends the process at once.
describe.skipIf(process.platform === "win32")("a process that trains", () => {
  let home: string;
  let program: string;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "torchium-signals-"));
    program = join(home, "program.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("../testing/stubborn-program.ts", import.meta.url))],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      conditions: ["@torchium/source"],
      logLevel: "error",
    });
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  /** Starts the program, calls `act` once it has printed `cue`, and gives what it printed and how it ended. */
  async function start(
    cwd: string,
    args: readonly string[],
    cue: string,
    act: (send: (signal: NodeJS.Signals) => void) => void,
    env: Readonly<Record<string, string>> = {},
  ) {
    const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...process.env, ...env, CI: "true" } });
    let text = "";
    let acted = false;
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      if (acted || !text.includes(cue)) return;
      acted = true;
      act((signal) => child.kill(signal));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.on("close", (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
    });
    return { code, signal, text };
  }

  it.each(["SIGINT", "SIGTERM"] as const)("saves at %s, and says how to go on; and so it does", (name) =>
    inTemporaryFolder(async (cwd) => {
      const stopped = await start(cwd, ["stubborn", "--out", "my run"], "first step", (send) => send(name));
      expect(stopped.text).toContain(`${name}: finishing this step and saving`);
      expect(stopped.text).toContain("  npm start -- stubborn --resume 'my run'\n");
      expect(stopped.code).toBe(signalExitCode(name));
      const folder = join(cwd, "my run");
      const { step } = JSON.parse(readFileSync(join(folder, "checkpoint", "progress.json"), "utf8"));
      const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
      expect(JSON.parse(lines[lines.length - 1]).step).toBe(step);

      const end = ["stubborn", "--resume", "my run", "--steps", String(step + 3)];
      const resumed = await start(cwd, end, "nothing to wait for", () => {});
      expect(resumed.text).toContain(`resumed at ${step}\n`);
      expect(resumed.text).toContain(`finished at ${step + 3}\n`);
      expect(resumed.code).toBe(0);
    }),
  );

  it("ends at once at the second signal, without touching the checkpoint before", () =>
    inTemporaryFolder(async (cwd) => {
      const startedAt = performance.now();
      const twice = (send: (signal: NodeJS.Signals) => void) => {
        send("SIGINT");
        setTimeout(() => send("SIGINT"), 1000);
      };
      const ended = await start(cwd, ["stubborn", "--out", "run"], "first step", twice, { SLOW_SAVE: "1" });
      expect(ended.signal).toBe("SIGINT");
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      expect(existsSync(join(cwd, "run", "checkpoint"))).toBe(false);
      expect(readdirSync(join(cwd, "run"))).toContain("configuration.json");
    }));
});
