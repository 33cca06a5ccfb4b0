import { TensorError } from "@torchium/tensor/backend";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, BlockAllocator } from "./block-allocator.js";

const mebibyte = 2 ** 20;

/** A driver that hands out addresses and remembers what it was asked. */
function driver(capacity = Number.POSITIVE_INFINITY) {
  let next = 2 ** 40;
  const segments = new Map<number, number>();
  const held = (): number => [...segments.values()].reduce((a, b) => a + b, 0);
  return {
    segments,
    take: (byteLength: number): number | undefined => {
      if (held() + byteLength > capacity) return undefined;
      const address = next;
      next += byteLength + 2 ** 30;
      segments.set(address, byteLength);
      return address;
    },
    free: (address: number): void => {
      expect(segments.delete(address)).toBe(true);
    },
    freeBytes: () => Math.min(capacity, 2 ** 50) - held(),
  };
}

describe("segments", () => {
  it.each([
    ["small requests share 2 MiB", 1, 2 * mebibyte],
    ["up to 1 MiB", mebibyte, 2 * mebibyte],
    ["medium requests share 20 MiB", mebibyte + 1, 20 * mebibyte],
    ["large requests have segments of their own, rounded to 2 MiB", 11 * mebibyte + 1, 12 * mebibyte],
  ])("%s", (_, request, segment) => {
    const source = driver();
    new BlockAllocator(source, 2 ** 40).allocate(request);
    expect([...source.segments.values()]).toEqual([segment]);
  });

  it("sizes are rounded to 512 bytes", () => {
    const memory = new BlockAllocator(driver(), 2 ** 40);
    expect([1, 512, 513].map((n) => memory.allocate(n).byteLength)).toEqual([512, 512, 1024]);
    expect(memory.liveBytes).toBe(2048);
  });

  it("the block that fits best is taken, the lower one of two", () => {
    const memory = new BlockAllocator(driver(), 2 ** 40);
    const sizes = [4096, 512, 1024, 512, 1024, 512];
    const blocks = sizes.map((n) => memory.allocate(n));
    const [large, , first, , second] = blocks as [Block, Block, Block, Block, Block];
    const at = [first.address, second.address];
    for (const b of [large, second, first]) memory.release(b);
    expect([1024, 1024].map((n) => memory.allocate(n).address)).toEqual(at);
  });

  it("is kept when it is released, and given back when memory runs out", () => {
    const source = driver(32 * mebibyte);
    const memory = new BlockAllocator(source, 2 ** 40);
    memory.release(memory.allocate(16 * mebibyte));
    expect(memory).toMatchObject({ liveBytes: 0, peakBytes: 16 * mebibyte, pooledBytes: 16 * mebibyte });
    memory.allocate(24 * mebibyte);
    expect([...source.segments.values()]).toEqual([24 * mebibyte]);
  });

  it("a segment just large enough is taken near the limit", () => {
    const memory = new BlockAllocator(driver(), 3 * mebibyte);
    memory.allocate(2 * mebibyte);
    memory.allocate(512 * 1024);
    expect(memory.pooledBytes).toBeLessThanOrEqual(3 * mebibyte);
  });

  it("running out names what was asked for and what is left, and changes nothing", () => {
    const memory = new BlockAllocator(driver(8 * mebibyte), 2 ** 40);
    memory.allocate(512);
    const error = (() => {
      try {
        return memory.allocate(64 * mebibyte);
      } catch (e) {
        return e;
      }
    })();
    expect(TensorError.is(error, "out-of-memory")).toBe(true);
    expect((error as TensorError).details).toMatchObject({
      requested: 64 * mebibyte,
      free: 6 * mebibyte,
      live: 512,
      pooled: 2 * mebibyte,
    });
    expect(memory.liveBytes).toBe(512);
    memory.allocate(512);
  });
});

describe("any sequence of allocations and releases", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ take: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 30 * mebibyte })) }),
      fc.record({ give: fc.nat(1000) }),
    ),
    { maxLength: 120 },
  );

  it("never hands out a byte twice, counts right, and ends as one block a segment", () => {
    const check = (sequence: ({ take: number } | { give: number })[]): void => {
      const source = driver();
      const memory = new BlockAllocator(source, 2 ** 45);
      const live: Block[] = [];
      for (const step of sequence) {
        if ("take" in step) {
          const block = memory.allocate(step.take);
          expect(block.byteLength).toBeGreaterThanOrEqual(step.take);
          const inside = [...source.segments].some(
            ([start, n]) => block.address >= start && block.address + block.byteLength <= start + n,
          );
          expect(inside).toBe(true);
          for (const b of live)
            expect(b.address + b.byteLength <= block.address || block.address + block.byteLength <= b.address).toBe(
              true,
            );
          live.push(block);
        } else if (live.length > 0) {
          memory.release(live.splice(step.give % live.length, 1)[0]!);
        }
        expect(memory.liveBytes).toBe(live.reduce((n, b) => n + b.byteLength, 0));
      }
      for (const block of live) memory.release(block);
      memory.trim();
      expect(source.segments.size).toBe(0);
      expect(memory).toMatchObject({ liveBytes: 0, pooledBytes: 0 });
    };
    fc.assert(fc.property(steps, check), { numRuns: 200 });
  });
});
