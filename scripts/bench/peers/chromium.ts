// Ours or jax-js in headless Chromium: `chromium.ts THREADS ours|jax-js plain|isolated`. An isolated page may share memory with
// workers, a plain one has one thread.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, stop } from "esbuild";
import { findChromium, launch } from "../../../tests/browser/chromium.js";
import { serve as serveFolder } from "../../../tests/browser/serve.js";
import { root } from "../../lib/repository.js";
import { peersFolder, peerVersion } from "../installed.js";
import { serveWith, threadsAsked } from "../serve.js";
import type { BrowserPeer } from "./chromium-page.js";

declare const peer: BrowserPeer;

const [library, isolation] = process.argv.slice(3) as ["ours" | "jax-js", "plain" | "isolated"];
const folder = join(root, ".cache", "bench-chromium");
const threads = threadsAsked();

/** Bundles the page, and jax-js beside it where it is wanted. */
async function buildPage(): Promise<void> {
  const common = { bundle: true, format: "esm", platform: "browser", target: "es2022", logLevel: "error" } as const;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.html"), '<!doctype html><script type="module" src="page.js"></script>');
  const page = join(root, "scripts", "bench", "peers", "chromium-page.ts");
  const options = { conditions: ["@torchium/source"], external: ["node:*"] };
  await build({ ...common, ...options, entryPoints: [page], outfile: join(folder, "page.js") });
  if (library === "jax-js") {
    const entry = join(peersFolder, "node_modules", "@jax-js", "jax", "dist", "index.js");
    if (!existsSync(entry)) throw new Error("Error: jax-js is not installed");
    await build({ ...common, entryPoints: [entry], outfile: join(folder, "jax-js.js") });
  }
  await stop();
}

const executable = findChromium();
if (executable === undefined) throw new Error("Error: no Chromium is installed");
await buildPage();
const [browser, site] = await Promise.all([
  launch(executable),
  serveFolder(folder, { isolated: isolation === "isolated" }),
]);
const page = await browser.newPage();
await page.goto(site.url);
await page.waitForFunction(() => "peer" in globalThis);
await page.evaluate(([name, count]) => peer.start(name, count), [library, threads] as const);

const libraryVersion = library === "jax-js" ? `${peerVersion("@jax-js/jax")} in ` : "";
await serveWith(
  { version: `${libraryVersion}Chromium ${browser.version()}`, threads },
  (request) => page.evaluate((asked) => peer.answer(asked), request),
  async () => {
    await browser.close();
    site.close();
  },
);
