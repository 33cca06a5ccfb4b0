// Finds WebGPU: what the host has (browsers, Deno), else Dawn from the optional package `webgpu` (Node). Loading this
// file touches nothing.

import { TensorError } from "@torchium/tensor/backend";
import type { Gpu, GpuAdapter, PowerPreference } from "./gpu.js";

let dawn: Promise<Gpu | undefined> | undefined;

/** The host's entry to WebGPU, or undefined where there is none. Never throws. */
function findGpu(): Promise<Gpu | undefined> {
  const host = (globalThis as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu;
  if (host) return Promise.resolve(host);
  dawn ??= loadDawn();
  return dawn;
}

// A parameter, so that bundlers for browsers do not look for a package that only Node needs.
const load = (name: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ name);

async function loadDawn(): Promise<Gpu | undefined> {
  const host = (globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } }).process;
  if (host?.versions?.node === undefined) return undefined;
  try {
    const { create } = (await load("webgpu")) as { readonly create: (options: string[]) => Gpu };
    return create([]);
  } catch {
    return undefined;
  }
}

/** What to call an adapter: its description, or what else the host tells of it. */
export function adapterName({ info }: Pick<GpuAdapter, "info">): string {
  const { vendor = "", architecture = "", device = "", description = "" } = info ?? {};
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed adapter";
}

/** An adapter of the host, or undefined where there is none. Each gives one device. */
export async function findAdapter(powerPreference?: PowerPreference): Promise<GpuAdapter | undefined> {
  const gpu = await findGpu();
  const adapter = await gpu?.requestAdapter(powerPreference ? { powerPreference } : {});
  return adapter ?? undefined;
}

/** An adapter of the host. @throws TensorError `unsupported` where there is none */
export async function requireAdapter(powerPreference?: PowerPreference): Promise<GpuAdapter> {
  const adapter = await findAdapter(powerPreference);
  if (adapter) return adapter;
  const gpu = await findGpu();
  const why = gpu
    ? "no adapter was found, expected a GPU with a driver for Vulkan, Metal or Direct3D 12"
    : "WebGPU is missing, expected a browser that has it, or in Node the package webgpu";
  throw new TensorError("unsupported", `createWebGpuDevice: ${why}`);
}
