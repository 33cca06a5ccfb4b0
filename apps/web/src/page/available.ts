// What this browser offers, in words.

import { adapterName, findAdapter } from "@torchium/webgpu-backend";

/** Whether WebGPU can be used, and what to tell the reader of it. */
export async function webGpuAvailable(): Promise<{ readonly available: boolean; readonly note: string }> {
  const threads = crossOriginIsolated
    ? `The processor works with ${navigator.hardwareConcurrency} threads.`
    : "The processor works with one thread, because this page is not cross-origin isolated.";
  try {
    const adapter = await findAdapter("high-performance");
    if (adapter) return { available: true, note: `WebGPU: ${adapterName(adapter)}. ${threads}` };
  } catch {
    // The same to the reader as no adapter.
  }
  const why = "gpu" in navigator ? "this browser finds no GPU that it can use" : "this browser does not have it";
  return { available: false, note: `WebGPU is not available: ${why}. ${threads}` };
}
