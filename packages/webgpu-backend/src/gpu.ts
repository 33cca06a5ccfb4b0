// The part of WebGPU that this package uses, as types: browsers, Deno and Dawn all provide it, and nothing of the DOM is
// needed. A `GPUDevice` of any of them fits.

/** A block of device memory. */
export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<undefined>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** A compiled piece of WGSL, an opaque object. */
export interface GpuShaderModule {
  getCompilationInfo(): Promise<{
    readonly messages: ReadonlyArray<{ readonly type: string; readonly message: string; readonly lineNum: number }>;
  }>;
}

/** Opaque objects that are only passed on. */
export type GpuObject = object;

/** Records the dispatches of a submission. */
export interface GpuComputePass {
  setPipeline(pipeline: GpuObject): void;
  setBindGroup(index: number, group: GpuObject, dynamicOffsets?: readonly number[]): void;
  dispatchWorkgroups(x: number, y?: number): void;
  end(): void;
}

/** Two time stamps around a pass. */
export type GpuTimestampWrites = {
  readonly querySet: GpuObject;
  readonly beginningOfPassWriteIndex: number;
  readonly endOfPassWriteIndex: number;
};

/** Records one submission. */
export interface GpuCommandEncoder {
  beginComputePass(descriptor?: { readonly timestampWrites?: GpuTimestampWrites }): GpuComputePass;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
  clearBuffer(buffer: GpuBuffer, offset?: number, size?: number): void;
  resolveQuerySet(set: GpuObject, first: number, count: number, to: GpuBuffer, offset: number): void;
  finish(): GpuObject;
}

/** Limits of a device that matter here. */
export type GpuLimits = {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxUniformBufferBindingSize: number;
  readonly minUniformBufferOffsetAlignment: number;
  readonly maxComputeWorkgroupsPerDimension: number;
};

/** What an error scope caught. */
export type GpuError = { readonly message: string };

/** How a binding of a layout is used. */
export type GpuLayoutEntry = {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: {
    readonly type: "uniform" | "storage" | "read-only-storage";
    readonly hasDynamicOffset?: boolean;
  };
};

/** A logical device: `GPUDevice`. */
export interface GpuDevice {
  readonly adapterInfo?: GpuAdapterInfo;
  readonly limits: GpuLimits;
  readonly features: { has(name: string): boolean };
  readonly lost: Promise<{ readonly reason: string | undefined; readonly message: string }>;
  readonly queue: {
    writeBuffer(
      buffer: GpuBuffer,
      offset: number,
      data: ArrayBufferView<ArrayBuffer>,
      dataOffset?: number,
      size?: number,
    ): void;
    submit(commands: GpuObject[]): void;
    onSubmittedWorkDone(): Promise<undefined>;
  };
  createBuffer(descriptor: { readonly size: number; readonly usage: number; readonly label?: string }): GpuBuffer;
  createShaderModule(descriptor: { readonly code: string; readonly label?: string }): GpuShaderModule;
  createBindGroupLayout(descriptor: { readonly entries: GpuLayoutEntry[] }): GpuObject;
  createPipelineLayout(descriptor: { readonly bindGroupLayouts: GpuObject[] }): GpuObject;
  createBindGroup(descriptor: {
    readonly layout: GpuObject;
    readonly entries: ReadonlyArray<{
      readonly binding: number;
      readonly resource: { readonly buffer: GpuBuffer; readonly offset?: number; readonly size?: number };
    }>;
  }): GpuObject;
  createComputePipeline(descriptor: {
    readonly layout: GpuObject;
    readonly compute: { readonly module: GpuShaderModule; readonly entryPoint: string };
    readonly label?: string;
  }): GpuObject;
  createCommandEncoder(): GpuCommandEncoder;
  createQuerySet(descriptor: { readonly type: "timestamp"; readonly count: number }): GpuObject & { destroy(): void };
  pushErrorScope(filter: "validation" | "out-of-memory" | "internal"): void;
  popErrorScope(): Promise<GpuError | null>;
  destroy(): void;
}

/** What an adapter says of itself, as far as the host lets it. */
export type GpuAdapterInfo = {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
};

/** A way to a GPU: `GPUAdapter`. */
export interface GpuAdapter {
  readonly info?: GpuAdapterInfo;
  readonly limits: GpuLimits;
  readonly features: { has(name: string): boolean };
  requestDevice(descriptor?: {
    readonly requiredLimits?: Record<string, number>;
    readonly requiredFeatures?: string[];
  }): Promise<GpuDevice>;
}

/** What `navigator.gpu` is. */
export interface Gpu {
  requestAdapter(options?: { readonly powerPreference?: PowerPreference }): Promise<GpuAdapter | null>;
}

/** Which of several GPUs to take: a laptop's fast one, or the one that saves its battery. */
export type PowerPreference = "low-power" | "high-performance";

/** `GPUBufferUsage`: not every host has the global names. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyDestination: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;
/** `GPUMapMode.READ`. */
export const mapModeRead = 0x1;
/** `GPUShaderStage.COMPUTE`. */
export const computeStage = 0x4;
