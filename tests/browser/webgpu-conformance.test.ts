// The conformance suite on WebGPU as a browser has it, and its faults that Dawn in Node may answer otherwise.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CaseResult } from "@torchium/backend-conformance";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { root } from "../../scripts/lib/repository.js";
import { findChromium, launch } from "./chromium.js";
import type { BrowserSuite } from "./conformance-page.js";
import { type Site, serve } from "./serve.js";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 60_000 });

declare const suite: BrowserSuite;

const executable = findChromium();
const folder = join(root, ".cache/conformance-page");

describe.skipIf(executable === undefined)("WebGPU in Chromium", () => {
  let browser: Browser;
  let site: Site;
  let page: Page;
  let adapter: string | undefined;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "index.html"), '<!doctype html><script type="module" src="page.js"></script>');
    await build({
      entryPoints: [join(root, "tests/browser/conformance-page.ts")],
      outfile: join(folder, "page.js"),
      bundle: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      conditions: ["@torchium/source"],
      external: ["node:*"],
    });
    [browser, site] = await Promise.all([launch(executable!), serve(folder, { isolated: false })]);
    page = await browser.newPage();
    await page.goto(site.url);
    await page.waitForFunction(() => "suite" in globalThis);
    adapter = await page.evaluate(() => suite.adapter());
    if (adapter === undefined) console.warn("WebGPU is not tested in Chromium: it offers no adapter");
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  it("conforms", async (context) => {
    context.skip(adapter === undefined, "no adapter");
    const results: readonly CaseResult[] = await page.evaluate(() => suite.conformance());
    expect(results.length).toBeGreaterThan(150);
    expect(results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(results.filter(({ outcome }) => outcome === "passed").length).toBeGreaterThan(100);
  });

  it("tells of faults as errors: out of memory, an id outside its table, a lost device", async (context) => {
    context.skip(adapter === undefined, "no adapter");
    const { outOfMemory, badId, afterBadId, lost, afterLoss } = await page.evaluate(() => suite.faults());
    expect(outOfMemory).toMatch(/^out-of-memory: .*got a request of /);
    expect(badId).toMatch(/^index: .*got 9, expected an integer from 0 to 3/);
    expect(afterBadId).toBe(2);
    expect(lost).toMatch(/^device-lost: .*resume from a checkpoint/);
    expect(afterLoss).toEqual([3, 5, 7]);
  });
});
