import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TensorError } from "../errors.js";
import { Allocator, alignment, type CpuBuffer } from "./allocator.js";

const page = 65536;
const make = (pages: number, maximum: number, start = 100) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum });
  return { memory, allocator: new Allocator(memory, start, maximum * page) };
};

describe("allocator", () => {
  it("gives aligned pieces that never overlap, with room to read past the end, and gets all back", () => {
    const action = fc.record({ byteLength: fc.integer({ min: 0, max: 200_000 }), release: fc.nat() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const { memory, allocator } = make(2, 400);
        const live: CpuBuffer[] = [];
        for (const { byteLength, release } of actions) {
          if (release % 3 === 0 && live.length > 0) allocator.release(live.splice(release % live.length, 1)[0]!);
          const buffer = allocator.allocate(byteLength);
          expect(buffer.address % alignment).toBe(0);
          expect(buffer.address).toBeGreaterThanOrEqual(100);
          expect(buffer.address + byteLength + 64).toBeLessThanOrEqual(memory.buffer.byteLength);
          for (const other of live) {
            const [first, second] = buffer.address < other.address ? [buffer, other] : [other, buffer];
            expect(first.address + first.byteLength + 64).toBeLessThanOrEqual(second.address);
          }
          live.push(buffer);
          expect(allocator.info().liveBytes).toBe(live.reduce((sum, b) => sum + b.byteLength, 0));
        }
        for (const buffer of live) allocator.release(buffer);
        expect(allocator.info().liveBytes).toBe(0);
        // Everything has been joined again: the whole heap is one block.
        const { pooledBytes } = allocator.info();
        const whole = allocator.allocate(pooledBytes - alignment);
        expect(allocator.info().pooledBytes).toBe(pooledBytes);
        allocator.release(whole);
      }),
      { numRuns: 60 },
    );
  });

  it("reuses what was released instead of growing", () => {
    const { allocator, memory } = make(1, 1000);
    const first = allocator.allocate(50 * page);
    allocator.release(first);
    const size = memory.buffer.byteLength;
    for (let turn = 0; turn < 20; turn++) allocator.release(allocator.allocate(50 * page - turn * 1000));
    expect(memory.buffer.byteLength).toBe(size);
    expect(allocator.info().peakBytes).toBe(50 * page);
  });

  it("takes the smallest block that fits", () => {
    const { allocator } = make(16, 16);
    const [large, , small] = [4096, 64, 1024, 64].map((n) => allocator.allocate(n));
    const address = small!.address;
    allocator.release(large!);
    allocator.release(small!);
    expect(allocator.allocate(1000).address).toBe(address);
  });

  it("says what was asked for when memory runs out, and goes on working", () => {
    const { allocator } = make(1, 4);
    const buffer = allocator.allocate(2 * page);
    const error = (() => {
      try {
        return allocator.allocate(3 * page);
      } catch (e) {
        return e;
      }
    })();
    expect(TensorError.is(error, "out-of-memory")).toBe(true);
    expect((error as TensorError).details).toMatchObject({ requested: 3 * page, live: 2 * page, limit: 4 * page });
    allocator.release(buffer);
    expect(allocator.allocate(3 * page).byteLength).toBe(3 * page);
  });

  it("refuses to release twice or to use what was released", () => {
    const { allocator } = make(1, 4);
    const buffer = allocator.allocate(8);
    allocator.release(buffer);
    expect(() => allocator.release(buffer)).toThrow(/twice/);
    expect(() => buffer.address).toThrow(/released/);
  });
});
