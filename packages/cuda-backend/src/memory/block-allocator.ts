// A caching allocator by PyTorch's rules: memory comes from the driver in large segments, is cut into blocks, and is
// kept when it is released. Knows addresses only, so that it can be tested without a GPU.

import { TensorError } from "@torchium/tensor/backend";

/** Where segments come from. `take` gives undefined when there is no more. */
export type SegmentSource = {
  readonly take: (byteLength: number) => number | undefined;
  readonly free: (address: number) => void;
  /** Bytes that the device has left, for messages. */
  readonly freeBytes: () => number;
};

const mebibyte = 2 ** 20;
/** Blocks start and end at multiples of this. */
const granularity = 512;
/** Requests up to this share small segments. */
const smallRequest = mebibyte;
const smallSegment = 2 * mebibyte;
/** Requests below this share medium segments; greater ones have segments of their own. */
const largeRequest = 10 * mebibyte;
const mediumSegment = 20 * mebibyte;
const largeRounding = 2 * mebibyte;

/** A piece of a segment. Neighbours of one segment form a list. */
export class Block {
  address: number;
  byteLength: number;
  readonly small: boolean;
  live = false;
  previous: Block | undefined;
  next: Block | undefined;

  constructor(address: number, byteLength: number, small: boolean) {
    this.address = address;
    this.byteLength = byteLength;
    this.small = small;
  }
}

const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** The index of the first free block that is not before `(byteLength, address)`, in order of size, then address. */
function position(free: readonly Block[], byteLength: number, address: number): number {
  let [low, high] = [0, free.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const b = free[middle]!;
    if (b.byteLength < byteLength || (b.byteLength === byteLength && b.address < address)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Hands out blocks. */
export class BlockAllocator {
  readonly #source: SegmentSource;
  readonly limitBytes: number;
  readonly #free = { small: [] as Block[], large: [] as Block[] };
  readonly #segments = new Map<number, number>();
  #live = 0;
  #peak = 0;
  #pooled = 0;

  constructor(source: SegmentSource, limitBytes: number) {
    this.#source = source;
    this.limitBytes = limitBytes;
  }

  /** Bytes handed out, rounded as they are. */
  get liveBytes(): number {
    return this.#live;
  }

  get peakBytes(): number {
    return this.#peak;
  }

  /** Bytes taken from the driver. */
  get pooledBytes(): number {
    return this.#pooled;
  }

  /** A block of at least `byteLength` bytes, more than 0. @throws TensorError `out-of-memory` */
  allocate(byteLength: number): Block {
    const needed = roundUp(byteLength, granularity);
    const small = needed <= smallRequest;
    const block = this.#best(needed, small) ?? this.#grow(needed, small) ?? this.#growAfterFreeing(needed, small);
    if (!block) throw this.#exhausted(byteLength);
    this.#cut(block, needed);
    block.live = true;
    this.#live += block.byteLength;
    this.#peak = Math.max(this.#peak, this.#live);
    return block;
  }

  /** Takes a block back. Work already queued may still use it: all work runs in one order. */
  release(block: Block): void {
    block.live = false;
    this.#live -= block.byteLength;
    this.#join(block, block.previous);
    this.#join(block, block.next);
    this.#put(block);
  }

  /** Gives segments that nothing uses back to the driver. */
  trim(): void {
    for (const free of [this.#free.small, this.#free.large]) {
      const whole = free.filter((b) => !b.previous && !b.next);
      for (const block of whole) {
        free.splice(position(free, block.byteLength, block.address), 1);
        this.#segments.delete(block.address);
        this.#pooled -= block.byteLength;
        this.#source.free(block.address);
      }
    }
  }

  /** Gives everything back to the driver. */
  clear(): void {
    for (const address of this.#segments.keys()) this.#source.free(address);
    this.#segments.clear();
    this.#free.small.length = 0;
    this.#free.large.length = 0;
    this.#live = 0;
    this.#pooled = 0;
  }

  #list(small: boolean): Block[] {
    return small ? this.#free.small : this.#free.large;
  }

  #best(needed: number, small: boolean): Block | undefined {
    const free = this.#list(small);
    const at = position(free, needed, 0);
    return at < free.length ? free.splice(at, 1)[0] : undefined;
  }

  #grow(needed: number, small: boolean): Block | undefined {
    const usual = small ? smallSegment : needed < largeRequest ? mediumSegment : roundUp(needed, largeRounding);
    // Near the limit a segment of just the right size may still fit.
    const room = this.limitBytes - this.#pooled;
    const byteLength = usual <= room ? usual : needed <= room ? needed : undefined;
    if (byteLength === undefined) return undefined;
    const address = this.#source.take(byteLength);
    if (address === undefined) return undefined;
    this.#segments.set(address, byteLength);
    this.#pooled += byteLength;
    return new Block(address, byteLength, small);
  }

  #growAfterFreeing(needed: number, small: boolean): Block | undefined {
    this.trim();
    return this.#grow(needed, small);
  }

  /** Leaves what a block has too much as a free block behind it. */
  #cut(block: Block, needed: number): void {
    const rest = block.byteLength - needed;
    if (block.small ? rest < granularity : rest <= smallRequest) return;
    const remainder = new Block(block.address + needed, rest, block.small);
    remainder.previous = block;
    remainder.next = block.next;
    if (block.next) block.next.previous = remainder;
    block.next = remainder;
    block.byteLength = needed;
    this.#put(remainder);
  }

  #put(block: Block): void {
    const free = this.#list(block.small);
    free.splice(position(free, block.byteLength, block.address), 0, block);
  }

  /** Makes a free neighbour part of `block`. */
  #join(block: Block, neighbour: Block | undefined): void {
    if (!neighbour || neighbour.live) return;
    const free = this.#list(neighbour.small);
    free.splice(position(free, neighbour.byteLength, neighbour.address), 1);
    if (neighbour === block.previous) {
      block.address = neighbour.address;
      block.previous = neighbour.previous;
      if (neighbour.previous) neighbour.previous.next = block;
    } else {
      block.next = neighbour.next;
      if (neighbour.next) neighbour.next.previous = block;
    }
    block.byteLength += neighbour.byteLength;
  }

  #exhausted(requested: number): TensorError {
    const free = this.#source.freeBytes();
    const cached = this.#pooled - this.#live;
    const facts = { requested, free, live: this.#live, pooled: this.#pooled, cached, limit: this.limitBytes };
    const message =
      `allocate: out of GPU memory, got a request of ${requested} bytes, ` +
      `expected at most what is left: ${free} bytes free on the GPU, ${this.#live} live and ${cached} cached ` +
      `of ${this.#pooled} pooled, limit ${this.limitBytes}`;
    return new TensorError("out-of-memory", message, facts);
  }
}
