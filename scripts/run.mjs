// The door to every command: `node scripts/run.mjs <command> [arguments]`.
// Needs Node and npm only, and no file of this repository but package.json: it fetches the pinned pnpm, installs
// with the frozen lockfile when that changed, and then runs the command with pnpm on the PATH.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Each command of the root package.json and the TypeScript file that is its program.
 * @type {Readonly<Record<string, string>>}
 */
const programs = {
  start: "apps/examples/src/main.ts",
  build: "scripts/build.ts",
  test: "scripts/test.ts",
  bench: "scripts/bench.ts",
  quality: "scripts/quality.ts",
  check: "scripts/check/main.ts",
  docs: "scripts/docs.ts",
  "gpu:check": "scripts/gpu-check.ts",
  web: "scripts/web.ts",
};

// The outer npm describes itself in npm_* variables, which an inner npm or pnpm would take for its own settings.
// What says how to reach the registry has to stay.
const keptSettings =
  /^npm_config_(registry|userconfig|cache|offline|prefer_offline|cafile|strict_ssl|noproxy|(https_)?proxy)$/;

function innerEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") || keptSettings.test(name));
  return Object.fromEntries(kept);
}

/**
 * Runs a command to its end; gives its exit code.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function runNpm(args, cwd) {
  const script = process.env.npm_execpath;
  /** @type {import("node:child_process").SpawnSyncOptions} */
  const options = { cwd, env: innerEnvironment(), stdio: ["ignore", "ignore", "inherit"] };
  // npm tells its scripts where it is; run by hand, it is found on the PATH (on Windows as npm.cmd, for the shell).
  const status = script?.endsWith("npm-cli.js")
    ? run(process.execPath, [script, ...args], options)
    : run("npm", args, { ...options, shell: process.platform === "win32" });
  if (status !== 0) throw new Error(`npm ${args[0]} failed (exit code ${status}); see its message above`);
}

/** Installs the pnpm that package.json pins into .tools/, once; gives the folder of its commands and its script. */
function installPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [, version, expectedHash] = /^pnpm@([^+]+)\+sha512\.([0-9a-f]+)$/.exec(packageManager) ?? [];
  const home = join(root, ".tools", `pnpm-${version}`);
  const pnpm = {
    binaries: join(home, "node_modules", ".bin"),
    script: join(home, "node_modules", "pnpm", "bin", "pnpm.cjs"),
  };
  if (existsSync(pnpm.script)) return pnpm;

  console.error(`Fetching pnpm ${version} …`);
  mkdirSync(join(root, ".tools"), { recursive: true });
  const staging = mkdtempSync(join(root, ".tools", "staging-"));
  try {
    writeFileSync(join(staging, "package.json"), '{ "private": true }\n');
    runNpm(["pack", `pnpm@${version}`, "--silent"], staging);
    const tarball = readdirSync(staging).find((name) => name.endsWith(".tgz")) ?? "";
    const hash = createHash("sha512")
      .update(readFileSync(join(staging, tarball)))
      .digest("hex");
    if (hash !== expectedHash) throw new Error(`pnpm ${version}: wrong hash, got ${hash}, expected ${expectedHash}`);
    runNpm(["install", `./${tarball}`, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], staging);
    // Renamed into place, so that two first runs at once never see half an installation.
    renameSync(staging, home);
  } catch (error) {
    if (!existsSync(pnpm.script)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return pnpm;
}

/**
 * Installs the workspace's dependencies unless the stamp says that the same ones are there.
 * @param {{ readonly script: string }} pnpm
 * @param {NodeJS.ProcessEnv} environment
 */
function installDependencies(pnpm, environment) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  const workspace = ["packages", "apps"].flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder)).map((name) => join(folder, name, "package.json"))
      : [],
  );
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ...workspace.sort()]) {
    if (existsSync(join(root, file))) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  const stamp = join(root, "node_modules", ".torchium-install");
  const wanted = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  console.error("Installing dependencies …");
  // CI=true: without a terminal pnpm would stop and ask before it replaces a node_modules folder.
  const args = [pnpm.script, "install", "--frozen-lockfile", "--prefer-offline", "--reporter=append-only"];
  const status = run(process.execPath, args, {
    env: { ...environment, CI: "true" },
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status !== 0) throw new Error(`pnpm install failed (exit code ${status}); see its message above`);
  writeFileSync(stamp, wanted);
}

/** Gets pnpm and the dependencies in place; gives the environment in which commands run. */
function prepare() {
  const pnpm = installPnpm();
  const environment = innerEnvironment();
  const pathName = Object.keys(environment).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  environment[pathName] = [pnpm.binaries, join(root, "node_modules", ".bin"), environment[pathName]].join(delimiter);
  installDependencies(pnpm, environment);
  return { pnpm, environment };
}

const names = Object.keys(programs);
const usage = `usage: node scripts/run.mjs ${names.join(" | ")} | ts FILE.ts | exec COMMAND   [arguments]`;

/**
 * Ends with a message for the one who typed the command.
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(2);
}

/**
 * The program that `ts` names: from the current folder, or from the repository's root.
 * @param {string | undefined} file
 */
function programAt(file) {
  if (file === undefined) fail("ts: no program, got nothing, expected a TypeScript file");
  const isFile = (/** @type {string} */ path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  const found = [resolve(file), resolve(root, file)].find(isFile);
  return found ?? fail(`ts: no such file, got ${file}, expected a TypeScript file, from here or from the repository`);
}

const [command = "", ...args] = process.argv.slice(2);
if (command === "--help") {
  console.log(usage);
  process.exit(0);
}
if (!existsSync(join(root, "package.json"))) {
  fail(`run: scripts/run.mjs is outside of its repository, got ${root} without a package.json, expected a clone`);
}
if (command === "") fail(usage);
if (command === "exec" && args.length === 0) fail("exec: no command, got nothing, expected an installed tool");
if (command !== "exec" && command !== "ts" && !Object.hasOwn(programs, command)) {
  fail(`run: no such command, got ${command}, expected one of ${names.join(", ")}, ts, exec`);
}
const program = command === "ts" ? programAt(args.shift()) : programs[command];

let prepared;
try {
  prepared = prepare();
} catch (error) {
  console.error(error instanceof Error && !process.env.DEBUG ? error.message : error);
  process.exit(1);
}

if (program === undefined) {
  process.exitCode = run(process.execPath, [prepared.pnpm.script, "exec", ...args], { env: prepared.environment });
} else {
  // The program runs in this very process: signals, the terminal and the exit code are its own.
  for (const name of Object.keys(process.env)) if (!(name in prepared.environment)) delete process.env[name];
  Object.assign(process.env, prepared.environment);
  const { runTypeScript } = await import("./run-typescript.mjs");
  await runTypeScript(program, args);
}
