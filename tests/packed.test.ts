// What a user gets: the packed packages, installed by npm in an empty folder, train a small model in plain Node.
// The foreign dependency is packed from here as well, so that no registry is asked. Needs built packages.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publishedPackages, readManifest, root } from "../scripts/lib/repository.js";
import { packPackage, pnpmScript } from "../scripts/lib/tools.js";

const names = ["tensor", "optim", "losses", "nlp-models"];
const packages = publishedPackages().filter(({ folder }) => names.includes(folder.slice("packages/".length)));
const ready = existsSync(pnpmScript()) && packages.every(({ folder }) => existsSync(join(root, folder, "dist")));

const program = readFileSync(join(root, "tests", "packed-program.mjs"), "utf8");

/** The installed folders of the packages' own dependencies. */
function foreignDependencies(): readonly string[] {
  return packages.flatMap(({ folder, manifest }) =>
    Object.keys(manifest.dependencies ?? {}).map((name) => realpathSync(join(root, folder, "node_modules", name))),
  );
}

describe.skipIf(!ready)("packed packages (built by `npm run build`)", () => {
  let folder = "";

  function npm(...args: readonly string[]) {
    const windows = process.platform === "win32";
    return spawnSync("npm", args, { cwd: folder, encoding: "utf8", shell: windows });
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "torchium-packed-"));
    const tarballs = join(folder, "tarballs");
    mkdirSync(tarballs);
    const packed: [string, string][] = [];
    for (const { folder: source, manifest } of packages) {
      packed.push([manifest.name, await packPackage(source, tarballs)]);
    }
    for (const source of foreignDependencies()) {
      const { stdout } = npm("pack", source, "--ignore-scripts", "--silent", "--pack-destination", tarballs);
      packed.push([readManifest(source).name, join(tarballs, stdout.trim())]);
    }
    const dependencies = Object.fromEntries(packed.map(([name, file]) => [name, `file:${file}`]));
    const manifest = { name: "consumer", private: true, type: "module", dependencies };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("install without a registry and train a model that learns", () => {
    const installed = npm("install", "--offline", "--no-audit", "--no-fund", "--loglevel=error");
    expect(installed.status, installed.stderr).toBe(0);

    writeFileSync(join(folder, "train.mjs"), program);
    const trained = spawnSync(process.execPath, ["train.mjs"], { cwd: folder, encoding: "utf8" });
    expect(trained.stderr).toBe("");
    const result = JSON.parse(trained.stdout) as { readonly [name: string]: unknown };
    expect(result).toMatchObject({ optimizers: "SGD", losses: "MSELoss", sample: expect.stringMatching(/^to b/) });
    expect(result.last).toBeLessThan(0.2 * Number(result.first));
  }, 180_000);
});
