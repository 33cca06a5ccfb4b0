// Pipelines and bind groups, each made once.

import { TensorError } from "@torchium/tensor/backend";
import { computeStage, type GpuBuffer, type GpuDevice, type GpuObject } from "../gpu.js";
import type { Block } from "../memory/buffer.js";
import type { Shader, Slots } from "../wgsl/module.js";

/** A pipeline and the layout of its buffers. */
export type Pipeline = { readonly gpu: GpuObject; readonly access: string };

/** Bytes of parameters that a dispatch sees: the most that any shader asks for. */
export const paramWindow = 4096;

const maxBindGroups = 4096;

/** What a device has compiled. */
export class Pipelines {
  readonly #device: GpuDevice;
  readonly #paramLayout: GpuObject;
  readonly #layouts = new Map<string, { readonly buffers: GpuObject; readonly pipeline: GpuObject }>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #bindGroups = new Map<string, GpuObject>();

  constructor(device: GpuDevice) {
    this.#device = device;
    this.#paramLayout = device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: computeStage, buffer: { type: "uniform", hasDynamicOffset: true } }],
    });
  }

  /** The pipeline of a shader whose operands share buffers as `slots` says. */
  pipeline(shader: Shader, slots: Slots): Pipeline {
    const access = slots.written.map((w) => (w ? "w" : "r")).join("");
    const key = `${shader.key}|${slots.of.join()}|${access}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      const code = shader.render(slots);
      const module = this.#device.createShaderModule({ code, label: shader.key });
      const layout = this.#layout(access).pipeline;
      const gpu = this.#device.createComputePipeline({
        layout,
        compute: { module, entryPoint: "main" },
        label: shader.key,
      });
      pipeline = { gpu, access };
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** The bind group of a pipeline's buffers. */
  bindGroup({ access }: Pipeline, blocks: readonly Block[]): GpuObject {
    const key = `${access}|${blocks.map((b) => b.id).join()}`;
    let group = this.#bindGroups.get(key);
    if (!group) {
      if (this.#bindGroups.size >= maxBindGroups) this.#bindGroups.clear();
      group = this.#device.createBindGroup({
        layout: this.#layout(access).buffers,
        entries: blocks.map(({ gpu }, binding) => ({ binding, resource: { buffer: gpu } })),
      });
      this.#bindGroups.set(key, group);
    }
    return group;
  }

  /** The bind group of a buffer of parameters, of which a dispatch sees a window. */
  paramGroup(buffer: GpuBuffer): GpuObject {
    return this.#device.createBindGroup({
      layout: this.#paramLayout,
      entries: [{ binding: 0, resource: { buffer, offset: 0, size: paramWindow } }],
    });
  }

  /** Forgets bind groups, whose buffers may be gone. */
  forgetBuffers(): void {
    this.#bindGroups.clear();
  }

  #layout(access: string) {
    let layout = this.#layouts.get(access);
    if (!layout) {
      const limit = this.#device.limits.maxStorageBuffersPerShaderStage;
      if (access.length > limit) {
        const message = `webgpu: a kernel binds too many buffers, got ${access.length}, expected at most ${limit}`;
        throw new TensorError("unsupported", message, { got: access.length, limit });
      }
      const buffers = this.#device.createBindGroupLayout({
        entries: [...access].map((a, binding) => ({
          binding,
          visibility: computeStage,
          buffer: { type: a === "w" ? "storage" : "read-only-storage" },
        })),
      });
      const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [buffers, this.#paramLayout] });
      layout = { buffers, pipeline };
      this.#layouts.set(access, layout);
    }
    return layout;
  }
}
