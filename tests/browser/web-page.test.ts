// The page in a real, headless browser: every example trains, with and without threads, on the processor and on the GPU;
// runs pause, stop, are saved and go on; a lost GPU changes no number.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { zeros } from "@torchium/tensor";
import { deserializeCheckpoint, serializeCheckpoint, serializeSafetensors } from "@torchium/tensor/io";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from "vitest";
import { root } from "../../scripts/lib/repository.js";
import { findChromium, launch } from "./chromium.js";
import { type Site, serve } from "./serve.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const executable = findChromium();
const app = join(root, "apps/web");
const dist = join(root, ".cache/web-page");

function buildPage(): Promise<void> {
  const vite = join(app, "node_modules/vite/bin/vite.js");
  const child = spawn(process.execPath, [vite, "build", "--outDir", dist, "--logLevel", "error"], {
    cwd: app,
    stdio: ["ignore", "inherit", "inherit"],
    // vitest's own value would build for development.
    env: { ...process.env, NODE_ENV: "production" },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with ${code}`))));
  });
}

type Choice = { readonly example?: string; readonly backend: "Processor" | "WebGPU"; readonly steps: number };

describe.skipIf(executable === undefined)("the web page", () => {
  let browser: Browser;
  let plain: Site;
  let isolated: Site;
  const problems: string[] = [];

  beforeAll(async () => {
    await buildPage();
    [browser, plain, isolated] = await Promise.all([
      launch(executable!),
      serve(dist, { isolated: false }),
      serve(dist, { isolated: true }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    plain?.close();
    isolated?.close();
  });

  async function open(site: Site, viewport = { width: 1200, height: 900 }): Promise<Page> {
    const page = await browser.newPage({ viewport });
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(site.url);
    await page.getByRole("button", { name: "Train" }).and(page.locator(":enabled")).waitFor();
    return page;
  }

  async function start(page: Page, { example = "GPT", backend, steps }: Choice): Promise<void> {
    await page.getByRole("radio", { name: example }).check();
    await page.getByLabel("Runs on").selectOption({ label: backend });
    await page.getByLabel("Model").selectOption("tiny");
    await page.getByLabel("Steps", { exact: true }).fill(String(steps));
    await page.getByRole("button", { name: "Train" }).click();
  }

  const training = (page: Page) => page.getByRole("region", { name: "Training" });
  const status = (page: Page) => training(page).getByRole("status");
  const until = (page: Page, text: RegExp | string) =>
    status(page).filter({ hasText: text }).waitFor({ timeout: 90_000 });
  const stepAtLeast = (page: Page, step: number) =>
    page.waitForFunction((n) => Number.parseInt(document.getElementById("step")!.textContent!, 10) >= n, step, {
      timeout: 60_000,
    });

  /** The file that the page offers, and what Node reads in it. */
  async function save(page: Page) {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download checkpoint" }).click(),
    ]);
    const path = await download.path();
    const checkpoint = await deserializeCheckpoint(await readFile(path));
    const { losses, step } = checkpoint.page as { readonly losses: number[]; readonly step: number };
    return { path, name: download.suggestedFilename(), checkpoint, losses, step };
  }

  it("trains without threads, stays quick, and answers", async () => {
    const page = await open(plain);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await start(page, { backend: "Processor", steps: 150 });
    await stepAtLeast(page, 2);
    // The longest wait for a frame while it trains.
    const longest = await page.evaluate(async () => {
      const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      let worst = 0;
      for (let i = 0, last = await frame(); i < 20; i++) {
        const now = await frame();
        [worst, last] = [Math.max(worst, now - last), now];
      }
      return worst;
    });
    expect(longest).toBeLessThan(1000);
    await until(page, "Finished");
    expect(await page.locator("#backend-note").textContent()).toContain("1 thread,");
    const { losses, checkpoint, name } = await save(page);
    expect(name).toBe("gpt-150.safetensors");
    expect(losses).toHaveLength(150);
    expect(losses[0]).toBeGreaterThan(3);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
    expect(Object.keys(checkpoint.model as object)).toContain("token_embedding.weight");
    await page.getByLabel("A beginning to continue").fill("the dog");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.locator("#answer", { hasText: /^the dog[\s\S]{100,}/ }).waitFor();
    await page.getByLabel("A beginning to continue").fill("日本");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByRole("alert").filter({ hasText: "type letters that occur in the text" }).waitFor();

    // What cannot be learnt from costs nothing: the model is still there, and can be asked and saved.
    const refused: readonly (readonly [string, string, string])[] = [
      ["GPT", "hi", "the text is too short, got 2 characters"],
      ["Sentiment", "wonderful", "line 1 must be 0 or 1, a tab and a sentence"],
      ["Word vectors", "one two three", "the text is too short"],
    ];
    for (const [example, text, why] of refused) {
      await page.getByRole("radio", { name: example }).check();
      await page.getByLabel("Text to learn from").fill(text);
      await page.getByRole("button", { name: "Train" }).click();
      await page.getByRole("alert").filter({ hasText: why }).waitFor();
      await until(page, "Finished");
    }
    await page.getByLabel("A beginning to continue").fill("the cat");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.locator("#answer", { hasText: /^the cat[\s\S]{100,}/ }).waitFor();
    expect((await save(page)).losses).toEqual(losses);
    await page.close();
  });

  it("pauses, saves, stops, and goes on from the file to the same numbers", async () => {
    const page = await open(isolated);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await start(page, { example: "Sentiment", backend: "Processor", steps: 120 });
    await stepAtLeast(page, 3);
    await page.getByRole("button", { name: "Pause" }).click();
    await until(page, "Paused");
    const half = await save(page);
    expect(half.step).toBeGreaterThanOrEqual(3);
    await page.getByRole("button", { name: "Resume" }).click();
    await until(page, "Finished");
    const whole = await save(page);
    expect(await page.locator("#sample").textContent()).toMatch(/% of the held-out sentences/);

    await page.reload();
    await page.getByLabel("Load checkpoint").and(page.locator(":enabled")).waitFor();
    await page.getByLabel("Runs on").selectOption({ label: "Processor" });
    await page.getByLabel("Load checkpoint").setInputFiles(half.path);
    await until(page, "Paused");
    expect(await page.getByRole("radio", { name: "Sentiment" }).isChecked()).toBe(true);
    await page.getByRole("button", { name: "Resume" }).click();
    await until(page, "Finished");
    const again = await save(page);
    expect(again.losses).toEqual(whole.losses);

    await start(page, { example: "Word vectors", backend: "Processor", steps: 5000 });
    await stepAtLeast(page, 20);
    await page.getByRole("button", { name: "Stop" }).click();
    await until(page, "Stopped");
    await page.getByLabel("A word to find neighbours of").fill("cat");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.locator("#answer", { hasText: /^cat: / }).waitFor();
    // How alike a word is, and which, depends on where the run was stopped.
    expect(await page.locator("#answer").textContent()).toMatch(/^cat: \S+ -?[01]\.\d\d, /);
    const foreign = [
      [Buffer.from("no tensors in here"), "the header is too long"],
      [Buffer.from(await serializeSafetensors({ weight: zeros(2) })), "without a training state"],
      [Buffer.from(await serializeCheckpoint({ losses: [1, 2] })), "a checkpoint without its settings"],
    ] as const;
    for (const [buffer, why] of foreign) {
      const file = { name: "other.safetensors", mimeType: "application/octet-stream", buffer };
      await page.getByLabel("Load checkpoint").setInputFiles(file);
      const alert = page.getByRole("alert").filter({ hasText: why });
      await alert.filter({ hasText: "expected a checkpoint that this page has saved" }).waitFor();
      expect(await status(page).textContent()).toBe("Stopped.");
    }
    await page.getByLabel("A word to find neighbours of").fill("dog");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.locator("#answer", { hasText: /^dog: / }).waitFor();
    await page.close();
  });

  /** A page that offers WebGPU; the test is skipped, with what the page says, where it does not. */
  async function openOnGpu(context: TestContext): Promise<Page> {
    const page = await open(isolated);
    if (await page.locator("#backend option[value=webgpu]").isDisabled()) {
      const note = (await page.locator("#backend-note").textContent()) ?? "";
      console.warn(`training on WebGPU is not tested in the browser: ${note}`);
      context.skip(note);
    }
    return page;
  }

  it("trains on WebGPU, and a crash of the GPU process changes no number", async (context) => {
    const page = await openOnGpu(context);
    await start(page, { backend: "WebGPU", steps: 12 });
    await until(page, "Finished");
    const undisturbed = await save(page);
    expect(undisturbed.losses.at(-1)).toBeLessThan(undisturbed.losses[0]!);
    await start(page, { backend: "WebGPU", steps: 12 });
    await stepAtLeast(page, 5);
    await page.getByRole("button", { name: "Pause" }).click();
    await until(page, "Paused");
    const devtools = await browser.newBrowserCDPSession();
    await devtools.send("Browser.crashGpuProcess");
    await page.getByRole("button", { name: "Resume" }).click();
    await until(page, /Finished/);
    const disturbed = await save(page);
    expect(disturbed.losses).toEqual(undisturbed.losses);
    expect(await page.locator("#notices").textContent()).toMatch(/The GPU was lost at step \d+/);
    await page.close();
  });

  it("learns opinions and word vectors on WebGPU, too", async (context) => {
    const page = await openOnGpu(context);
    // Opinions that one word decides, and that a few steps learn.
    const things = ["film", "story", "plot", "cast", "song"];
    const words = [
      ["dreadful", "boring", "poor", "dull"],
      ["wonderful", "fine", "moving", "great"],
    ];
    const sentences = words.flatMap((some, label) =>
      some.flatMap((word) =>
        things.flatMap((thing) => [`${label}\ta ${word} ${thing}`, `${label}\tthe ${thing} is ${word}`]),
      ),
    );
    // No two neighbours are alike, so that those held out are of both kinds.
    const opinions = sentences.map((_, i) => sentences[(i * 37) % sentences.length]).join("\n");
    const learnt = [
      {
        ...{ example: "Sentiment", text: opinions, steps: 60, below: 0.5 },
        ...{ box: "A sentence to judge", question: "a wonderful story", answer: /^positive \(\d+\.\d %\)$/ },
        sample: /^(9\d|100) % of the held-out sentences are judged right/,
      },
      {
        ...{ example: "Word vectors", text: undefined, steps: 150, below: 0.8 },
        ...{ box: "A word to find neighbours of", question: "cat", answer: /^cat: \S+ -?[01]\.\d\d, / },
        sample: /^\S+: \S+ -?[01]\.\d\d, /,
      },
    ] as const;
    for (const { example, text, steps, below, box, question, answer, sample } of learnt) {
      await page.getByRole("radio", { name: example }).check();
      if (text) await page.getByLabel("Text to learn from").fill(text);
      await start(page, { example, backend: "WebGPU", steps });
      await until(page, "Finished");
      const { losses } = await save(page);
      expect(losses).toHaveLength(steps);
      const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length;
      expect(mean(losses.slice(-5)), example).toBeLessThan(below * mean(losses.slice(0, 5)));
      expect(await page.locator("#sample").textContent()).toMatch(sample);
      await page.getByLabel(box).fill(question);
      await page.getByRole("button", { name: "Ask" }).click();
      await page.locator("#answer", { hasText: answer }).waitFor();
    }
    await page.close();
  });

  it("can be used with the keyboard and read on a phone", async () => {
    const page = await open(plain, { width: 360, height: 740 });
    for (const control of await page.locator("input, select, textarea, button").all()) {
      const name = await control.evaluate((e) => {
        const { labels } = e as HTMLInputElement;
        return ((labels?.[0] ?? e).textContent ?? "").trim();
      });
      expect(name, await control.evaluate((e) => e.outerHTML)).not.toBe("");
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.getByLabel("Runs on").selectOption({ label: "Processor" });
    await page.getByLabel("Steps", { exact: true }).fill("3");
    await page.getByLabel("Text to learn from").focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("train");
    await page.keyboard.press("Enter");
    const figures = page.getByText("Speed");
    await until(page, "Finished");
    const { y = 0, height = 0 } = (await figures.boundingBox()) ?? {};
    expect([y >= 0, y + height <= 740], "the figures are in sight").toEqual([true, true]);
    await page.getByLabel("Text to learn from").fill("short");
    await page.getByRole("button", { name: "Train" }).click();
    const alert = page.getByRole("alert").filter({ hasText: "too short" });
    await alert.waitFor();
    expect((await alert.boundingBox())!.y, "the error is in sight").toBeGreaterThanOrEqual(0);
    expect((await alert.boundingBox())!.y).toBeLessThan(740);
    await page.close();
  });

  it("has thrown nothing", () => {
    expect(problems).toEqual([]);
  });
});
