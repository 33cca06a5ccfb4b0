import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("a pool that is idle or used now and then takes next to no processor time, and keeps no process alive", async () => {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const program = [path("../../../../../scripts/run.mjs"), "ts", path("testing/abandoned-pool.ts")];
  // Fails, too, when the program does not end in time.
  const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 50_000 });
  const [idle, nowAndThen] = JSON.parse(stdout) as [number, number];
  expect(idle).toBeLessThan(100_000);
  // Two workers that spun for a millisecond after each submit would take 200,000 more.
  expect(nowAndThen).toBeLessThan(150_000);
});
