// The adapter that tests run on: the machine's own when TORCHIUM_TEST_GPU=1, else SwiftShader as Chromium ships it.

import { existsSync } from "node:fs";
import type { Gpu, GpuAdapter } from "../gpu.js";

const swiftShader = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];

// Dawn clears work group memory before every shader, and SwiftShader compiles that as one store a word: seconds for the
// tiles of a product, nine tenths of the time of these tests. No kernel counts on cleared memory.
const toggles = ["enable-dawn-features=disable_workgroup_init"];

let dawn: Gpu | undefined;

/** Points Vulkan to SwiftShader unless the environment chooses a driver. */
function chooseDriver(): void {
  const { env } = process;
  const driver = swiftShader.find((path) => existsSync(path));
  if (driver && !env.VK_ICD_FILENAMES && !env.VK_DRIVER_FILES && env.TORCHIUM_TEST_GPU !== "1")
    env.VK_ICD_FILENAMES = driver;
}

async function find(): Promise<GpuAdapter> {
  chooseDriver();
  const { create } = (await import("webgpu")) as unknown as { readonly create: (options: string[]) => Gpu };
  // Dawn does not keep itself alive for its adapters.
  dawn ??= create(toggles);
  const adapter = await dawn.requestAdapter();
  if (adapter) return adapter;
  throw new Error("no Vulkan driver gives a WebGPU adapter; on Debian: apt-get install chromium libvulkan1");
}

/** A new adapter, or undefined where there is none; says why once. */
export async function findTestAdapter(): Promise<GpuAdapter | undefined> {
  try {
    return await find();
  } catch (error) {
    console.warn(`WebGPU is not tested: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** A new adapter, where `findTestAdapter` has found one. */
export const testAdapter = find;
