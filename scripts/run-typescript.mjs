// Runs a TypeScript program of this repository from source, in this process, on every Node we support.
// One esbuild pass (a tenth of a second) bundles it; packages of the workspace resolve to their sources.
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
import module from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, stop } from "esbuild";
import { keepClassNames } from "./class-names.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, ".cache", "run");
const weekMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Foreign packages stay where they are installed (some are native); the bundle names them by file URL.
 * @type {import("esbuild").Plugin}
 */
const keepForeignPackages = {
  name: "keep-foreign-packages",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === "resolving" || kind === "entry-point" || module.isBuiltin(path)) return undefined;
      const own = path.startsWith("@torchium/");
      let found = await build.resolve(path, { resolveDir, kind, pluginData: "resolving" });
      // A program that lies outside of the repository has no packages beside it.
      if (own && found.errors.length > 0) {
        found = await build.resolve(path, { resolveDir: root, kind, pluginData: "resolving" });
      }
      // An optional package that is not installed: the import must fail at run time, where it is caught.
      if (found.errors.length > 0) return { path, external: true };
      if (own) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/**
 * `import.meta.url` keeps meaning the source file, not the bundle.
 * @type {import("esbuild").Plugin}
 */
const keepModuleUrls = {
  name: "keep-module-urls",
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      if (!source.includes("import.meta.url")) return undefined;
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: source.replaceAll("import.meta.url", url), loader: "ts" };
    });
  },
};

/**
 * Bundles a program into a folder named by its content; gives the path of its main file.
 * @param {{ entryPoints: string[] } | { stdin: import("esbuild").StdinOptions }} program
 */
export async function bundle(program) {
  const result = await build({
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@torchium/source"],
    splitting: true,
    sourcemap: true,
    write: false,
    // The depth of the final folder, so that source maps find their sources.
    outdir: join(cache, "bundle"),
    entryNames: "main",
    logLevel: "warning",
    plugins: [keepForeignPackages, keepModuleUrls],
    absWorkingDir: root,
    ...program,
  });
  const files = result.outputFiles.map(({ path, text }) => {
    return { name: basename(path), text: path.endsWith(".js") ? keepClassNames(text) : text };
  });
  const hash = createHash("sha256").update(JSON.stringify(files));
  const folder = join(cache, hash.digest("hex").slice(0, 16));
  if (!existsSync(folder)) writeBundle(folder, files);
  return join(folder, "main.js");
}

/**
 * Written aside and renamed, so that two commands at once never import half a bundle; old ones leave after a week.
 * @param {string} folder
 * @param {readonly { name: string, text: string }[]} files
 */
function writeBundle(folder, files) {
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const old = join(cache, name);
    const { mtimeMs = Number.NaN } = statSync(old, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > weekMs) rmSync(old, { recursive: true, force: true });
  }
  const staging = mkdtempSync(join(cache, "staging-"));
  for (const { name, text } of files) writeFileSync(join(staging, name), text);
  try {
    renameSync(staging, folder);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/**
 * Runs the program `file` (relative to the repository's root) with `args` as its command line. One that cannot be
 * compiled has been shown by esbuild: it only ends with exit code 1.
 * @param {string} file
 * @param {readonly string[]} args
 */
export async function runTypeScript(file, args) {
  const source = resolve(root, file);
  const main = await bundle({ entryPoints: [source] }).catch((error) => {
    if (!Array.isArray(error?.errors)) throw error;
  });
  await stop();
  if (main === undefined) {
    process.exitCode = 1;
    return;
  }
  process.argv = [process.argv[0], source, ...args];
  process.setSourceMapsEnabled(true);
  // Node 22 and later can keep compiled code between runs; Node 20's types do not know the function.
  const { enableCompileCache } = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (module));
  if (typeof enableCompileCache === "function") enableCompileCache(join(root, ".cache", "compile"));
  await import(pathToFileURL(main).href);
}
