// WebGPU for libraries that expect a browser: Dawn as `navigator.gpu`, with the constants that browsers have as globals.
import { existsSync } from "node:fs";
import { adapterName, findAdapter, type Gpu } from "@torchium/webgpu-backend";
import { create, globals } from "webgpu";

/** Where Chromium keeps its driver in software, for machines without a GPU. */
const softwareDriver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Makes Dawn the host's WebGPU; gives the adapter's name. @throws Error where there is no adapter */
export async function useDawn(): Promise<string> {
  const { env } = process;
  Object.assign(globalThis, globals);
  const navigator = { ...globalThis.navigator, userAgent: "Node", gpu: undefined as Gpu | undefined };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  navigator.gpu = create([]) as unknown as Gpu;
  let adapter = await findAdapter("high-performance");
  if (!adapter && !env.VK_ICD_FILENAMES && existsSync(softwareDriver)) {
    env.VK_ICD_FILENAMES = softwareDriver;
    navigator.gpu = create([]) as unknown as Gpu;
    adapter = await findAdapter("high-performance");
  }
  if (adapter) return adapterName(adapter);
  throw new Error(
    "Error: no WebGPU adapter; a GPU with a Vulkan, Metal or Direct3D 12 driver, or apt-get install chromium libvulkan1",
  );
}
