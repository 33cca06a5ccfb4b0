// The check runs its parts in processes of their own: a part that kills the GPU's context takes no other with it.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../lib/repository.js";
import { packedProgram } from "./pack.js";

/** Longest time of a part. */
const mostMilliseconds = 15 * 60_000;

/** Runs this program with other options; its errors go to the terminal when they are not `captured`. */
export function runChild(options: readonly string[], captured = false): SpawnSyncReturns<string> {
  const packed = packedProgram();
  const command = packed === undefined ? [join(root, "scripts", "run.mjs"), "gpu:check"] : [packed];
  return spawnSync(process.execPath, [...command, ...options], {
    encoding: "utf8",
    timeout: mostMilliseconds,
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", captured ? "pipe" : "inherit"],
  });
}
