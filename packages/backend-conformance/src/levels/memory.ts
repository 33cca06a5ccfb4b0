// Bytes go in and come out, at any offset; buffers never share memory; nothing relies on what fresh memory holds.

import type { BufferHandle } from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { check } from "../failure.js";
import { Random } from "../random.js";

const randomBytes = (random: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => random.integer(0, 255));

function checkBytes(got: Uint8Array, expected: Uint8Array, what: string): void {
  check(
    got.byteLength === expected.byteLength,
    `${what}: got ${got.byteLength} bytes, expected ${expected.byteLength}`,
  );
  const wrong = expected.findIndex((byte, i) => byte !== got[i]);
  check(wrong < 0, () => `${what}: byte ${wrong} is ${got[wrong]}, expected ${expected[wrong]}`);
}

/** Runs `body` with buffers of given byte lengths and releases them. */
async function withBuffers(
  { bench: { backend } }: CaseContext,
  lengths: readonly number[],
  body: (buffers: readonly BufferHandle[]) => Promise<void>,
): Promise<void> {
  const buffers = lengths.map((n) => backend.allocate(n));
  try {
    await body(buffers);
  } finally {
    for (const buffer of buffers) backend.release(buffer);
  }
}

const lengths = [0, 4, 8, 12, 60, 64, 68, 252, 256, 260, 4092, 4096, 65_536, 1_048_580];

/** Storing and fetching bytes. */
export const memoryCases = {
  "memory/round trip": async (context) => {
    const { backend } = context.bench;
    const random = new Random(context.seed);
    await withBuffers(context, lengths, async (buffers) => {
      const all = lengths.map((n) => randomBytes(random, n));
      buffers.forEach((buffer, i) => {
        check(buffer.byteLength >= lengths[i]!, `a buffer of ${lengths[i]} bytes says it has ${buffer.byteLength}`);
        backend.write(buffer, all[i]!);
      });
      for (const [i, buffer] of buffers.entries())
        checkBytes(await backend.read(buffer, 0, lengths[i]!), all[i]!, `${lengths[i]} bytes`);
    });
  },

  "memory/parts": async (context) => {
    const { backend } = context.bench;
    const random = new Random(context.seed);
    await withBuffers(context, [1024], async ([buffer]) => {
      const mirror = randomBytes(random, 1024);
      backend.write(buffer!, mirror);
      for (let i = 0; i < 50; i++) {
        const from = 4 * random.integer(0, 255);
        const part = randomBytes(random, 4 * random.integer(0, (1024 - from) / 4));
        backend.write(buffer!, part, from);
        mirror.set(part, from);
        const start = 4 * random.integer(0, 255);
        const count = 4 * random.integer(0, (1024 - start) / 4);
        checkBytes(
          await backend.read(buffer!, start, count),
          mirror.slice(start, start + count),
          `bytes ${start} to ${start + count}`,
        );
      }
      checkBytes((await backend.read(buffer!)).slice(0, 1024), mirror, "the whole buffer");
      checkBytes((await backend.read(buffer!, 512)).slice(0, 512), mirror.slice(512), "from byte 512 to the end");
    });
  },

  "memory/copies": async (context) => {
    const { backend } = context.bench;
    await withBuffers(context, [16], async ([buffer]) => {
      const source = new Uint8Array(24).fill(1);
      backend.write(buffer!, source.subarray(4, 20));
      source.fill(9);
      const first = backend.read(buffer!, 0, 16);
      backend.write(buffer!, new Uint8Array(16).fill(2));
      const second = await backend.read(buffer!, 0, 16);
      checkBytes(await first, new Uint8Array(16).fill(1), "a read that was asked for before a write");
      second.fill(7);
      checkBytes(
        await backend.read(buffer!, 0, 16),
        new Uint8Array(16).fill(2),
        "a buffer whose read bytes were changed",
      );
    });
  },

  "memory/buffers apart": async (context) => {
    const { backend } = context.bench;
    const random = new Random(context.seed);
    const sizes = Array.from({ length: 200 }, () => 4 * random.integer(1, 200));
    const live: { buffer: BufferHandle; bytes: Uint8Array }[] = [];
    try {
      for (const size of sizes) {
        const bytes = randomBytes(random, size);
        const buffer = backend.allocate(size);
        backend.write(buffer, bytes);
        live.push({ buffer, bytes });
        if (!random.chance(0.4)) continue;
        // Memory that has been given back may be handed out again, but only that.
        const [gone] = live.splice(random.integer(0, live.length - 1), 1);
        backend.release(gone!.buffer);
      }
      for (const { buffer, bytes } of live)
        checkBytes(await backend.read(buffer, 0, bytes.byteLength), bytes, "one of many buffers");
    } finally {
      for (const { buffer } of live) backend.release(buffer);
    }
  },

  "memory/read at once": async (context) => {
    const { backend } = context.bench;
    check(
      (backend.readSync !== undefined) === backend.capabilities.synchronousRead,
      "readSync must exist exactly when capabilities.synchronousRead says so",
    );
    if (!backend.readSync) return;
    await withBuffers(context, [64], async ([buffer]) => {
      const bytes = randomBytes(new Random(context.seed), 64);
      backend.write(buffer!, bytes);
      checkBytes(backend.readSync!(buffer!).slice(0, 64), bytes, "readSync");
      checkBytes(backend.readSync!(buffer!, 8, 12), bytes.slice(8, 20), "readSync of a part");
    });
  },

  "memory/counted": async (context) => {
    const { backend } = context.bench;
    const before = backend.memory();
    await withBuffers(context, [4096, 8192], async () => {
      const during = backend.memory();
      const grown = during.liveBytes - before.liveBytes;
      check(grown >= 12_288, `two buffers of 12288 bytes raised liveBytes by ${grown}`);
      check(
        during.peakBytes >= during.liveBytes,
        `peakBytes ${during.peakBytes} is less than liveBytes ${during.liveBytes}`,
      );
      check(
        during.pooledBytes >= during.liveBytes,
        `pooledBytes ${during.pooledBytes} is less than liveBytes ${during.liveBytes}`,
      );
      check(
        during.limitBytes >= during.pooledBytes,
        `limitBytes ${during.limitBytes} is less than pooledBytes ${during.pooledBytes}`,
      );
    });
    const { liveBytes } = backend.memory();
    check(
      liveBytes === before.liveBytes,
      `liveBytes is ${liveBytes} after everything was released, expected ${before.liveBytes}`,
    );
  },

  "memory/capabilities": async ({ bench: { backend } }) => {
    const { capabilities } = backend;
    check((backend.interfaceVersion as number) === 1, `interfaceVersion is ${backend.interfaceVersion}, expected 1`);
    check(/^[a-z][a-z0-9-]*$/.test(backend.name), `name is ${JSON.stringify(backend.name)}, expected lower-case words`);
    for (const type of ["float32", "int32", "uint32", "bool"] as const)
      check(capabilities.dtypes.has(type), `dtype ${type} is missing`);
    check(
      capabilities.maxBuffersPerLaunch >= 8,
      `maxBuffersPerLaunch is ${capabilities.maxBuffersPerLaunch}, expected at least 8`,
    );
    const alignment = capabilities.bindingAlignment;
    check(
      alignment >= 4 && alignment <= 256 && Number.isInteger(Math.log2(alignment)),
      `bindingAlignment is ${alignment}, expected a power of two from 4 to 256`,
    );
  },
} as const satisfies CaseTable;
