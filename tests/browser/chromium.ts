// The Chromium that browser tests run in: an installed one, headless, with WebGPU on SwiftShader. Nothing is downloaded.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const places = [
  process.env.CHROMIUM_PATH ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

const flags = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  // See packages/webgpu-backend/src/testing/adapter.ts.
  "--enable-dawn-features=disable_workgroup_init",
  // A page that made the GPU process crash may use the next one.
  "--disable-domain-blocking-for-3d-apis",
  "--disable-gpu-process-crash-limit",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];

/** The path of an installed Chromium, or undefined; says so once when there is none. */
export function findChromium(): string | undefined {
  const path = places.find((place) => place !== "" && existsSync(place));
  if (path === undefined) {
    console.warn("browser tests are skipped: no Chromium is installed; apt-get install chromium, or set CHROMIUM_PATH");
  }
  return path;
}

/** Starts the browser at `executablePath`. */
export function launch(executablePath: string): Promise<Browser> {
  // Its sandbox does not start for root, which containers often are.
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, headless: true, args: [...flags, ...asRoot] });
}
