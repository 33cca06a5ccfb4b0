// A buffer as core sees it: a handle on a GPU buffer that may be a little larger.

import type { BufferHandle } from "@torchium/tensor/backend";
import type { GpuBuffer } from "../gpu.js";

/** Memory handed out; `id` names the GPU buffer behind it. */
export class WebGpuBuffer implements BufferHandle {
  readonly byteLength: number;
  readonly block: Block;
  released = false;

  constructor(byteLength: number, block: Block) {
    this.byteLength = byteLength;
    this.block = block;
  }
}

/** A GPU buffer of the pool. */
export type Block = { readonly id: number; readonly gpu: GpuBuffer; readonly byteLength: number };
