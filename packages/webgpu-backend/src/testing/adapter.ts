// The adapter that tests run on: the machine's own, or SwiftShader as Chromium ships it.

import { existsSync } from "node:fs";
import { isWebGpuAvailable } from "../index.js";

const swiftShader = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];

/** Points Vulkan to SwiftShader unless the environment chooses a driver, and says whether there is an adapter. */
export async function hasAdapter(): Promise<boolean> {
  const { env } = process;
  const driver = swiftShader.find((path) => existsSync(path));
  if (driver && !env.VK_ICD_FILENAMES && !env.VK_DRIVER_FILES && env.TORCHIUM_TEST_GPU !== "1")
    env.VK_ICD_FILENAMES = driver;
  return isWebGpuAvailable();
}
