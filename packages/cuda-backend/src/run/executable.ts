// What a compiled kernel or anchor is to a submission: something that makes work of a launch. Work is kept with the
// launch, and reads the launch's bindings and scalars anew each time it runs.

import {
  type BufferHandle,
  type Executable,
  type Launch,
  type LaunchOperand,
  unreachable,
} from "@torchium/tensor/backend";
import type { Block, BlockAllocator } from "../memory/block-allocator.js";
import type { Session } from "./session.js";

/** Bytes of one backend, and their place in device memory. */
abstract class DeviceBytes implements BufferHandle {
  readonly byteLength: number;
  readonly owner: BlockAllocator;
  abstract readonly address: number;

  constructor(owner: BlockAllocator, byteLength: number) {
    this.byteLength = byteLength;
    this.owner = owner;
  }
}

/** A buffer of one backend. Empty buffers have no block. */
export class CudaBuffer extends DeviceBytes {
  readonly block: Block | undefined;
  released = false;

  constructor(owner: BlockAllocator, byteLength: number, block: Block | undefined) {
    super(owner, byteLength);
    this.block = block;
  }

  get address(): number {
    return this.block?.address ?? 0;
  }
}

/** What passes between two kernels of one launch: its place is told anew each time. */
export class ScratchBuffer extends DeviceBytes {
  address = 0;
}

/** A launch made ready: `enqueue` puts it on the stream. */
export type Work = { readonly enqueue: () => void };

/** Work that does nothing. */
export const noWork: Work = { enqueue: () => {} };

/** A compiled kernel or anchor. */
export abstract class CudaExecutable implements Executable {
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }

  /** Makes work of a launch; what it depends on beside bindings and scalars does not change. */
  abstract work(session: Session, launch: Launch): Work;
}

/** The address of element (0, …, 0) of an operand, whose elements have `unit` bytes. */
export function addressOf({ binding, byteOffset, offset }: LaunchOperand, unit: number): number {
  const buffer = binding?.buffer;
  if (!(buffer instanceof DeviceBytes)) return unreachable("a buffer of another device");
  return buffer.address + byteOffset + offset * unit;
}
