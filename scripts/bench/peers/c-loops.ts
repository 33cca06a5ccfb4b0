// Loops in C, for what memory gives: `c-loops.ts THREADS`. The host's compiler (`cc`, or CC) builds loops.c into .cache when it
// is new; every request runs that program.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../lib/repository.js";
import type { Row } from "../rows.js";
import { serveWith, threadsAsked } from "../serve.js";
import type { Answer } from "../work.js";

const source = join(root, "scripts", "bench", "peers", "loops.c");
const compiler = process.env.CC ?? "cc";
const flags = ["-O3", "-march=native", "-pthread"];

/** The built program. @throws Error where there is no compiler */
function build(): string {
  const name = createHash("sha256").update(readFileSync(source)).update(compiler).digest("hex").slice(0, 16);
  const folder = join(root, ".cache", "bench-c");
  const program = join(folder, `loops-${name}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const { status, error, stderr } = spawnSync(compiler, [...flags, source, "-o", program, "-lm"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Error: ${compiler} built nothing: ${(error?.message ?? stderr).split("\n")[0]}`);
  return program;
}

/** The loop that does a row's work, and over how many numbers. */
const loops: Readonly<Record<string, (sizes: Row["sizes"]) => readonly [loop: string, count: number]>> = {
  memory: ({ bytes }) => ["read", bytes! / 4],
  add: ({ count }) => ["add", count!],
  sum: ({ count }) => ["sum", count!],
};

const program = build();
const threads = threadsAsked();
const version = execFileSync(compiler, ["--version"], { encoding: "utf8" }).split("\n")[0]!;

await serveWith({ version, threads }, ({ row, milliseconds }): Answer => {
  const loop = loops[row.op]?.(row.sizes);
  if (!loop) return { missing: "not offered" };
  const printed = execFileSync(program, [...loop, threads, milliseconds].map(String), { encoding: "utf8" });
  const [check, ...times] = printed.trim().split("\n").map(Number);
  return { times, ...(row.op !== "memory" && { check: check! }) };
});
