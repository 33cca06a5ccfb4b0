import { afterAll, describe, expect, it } from "vitest";
import { input } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import { createReferenceBackend } from "../reference/backend.js";
import { seededNumbers } from "../reference/random-order.js";
import { type CpuBackend, createCpuBackend } from "./backend.js";
import { difference, runCase } from "./testing/launches.js";
import { randomCase } from "./testing/random-cases.js";

const reference = createReferenceBackend();
const configurations = [
  { threads: 1, relaxedSimd: false },
  { threads: 1 },
  { threads: 2, parallelNanoseconds: 0 },
  { threads: 3, parallelNanoseconds: 0 },
] as const;
const backends: CpuBackend[] = [];
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

describe.each(configurations)("random programs with %o", (options) => {
  const wishes = [
    { type: "float32", reduces: false, sums: false },
    { type: "float32", reduces: true, sums: false },
    { type: "float32", reduces: true, sums: true },
    { type: "float32", reduces: false, sums: true },
    { type: "float64", reduces: true, sums: false },
    { type: "float64", reduces: false, sums: true },
  ] as const;

  it.each(wishes)("%o", async (wish) => {
    const backend = await createCpuBackend(options);
    backends.push(backend);
    for (let seed = 1; seed <= 40; seed++) {
      const test = randomCase(seededNumbers(seed), wish);
      const expected = runCase(reference, test);
      const actual = runCase(backend, test);
      const limit = wish.type === "float32" ? 1e-4 : 1e-5;
      expected.forEach((e, i) => {
        if (!e) return;
        expect(
          difference(actual[i]!, e),
          `seed ${seed}, operand ${i}, ${test.program.key} over ${test.space.sizes}`,
        ).toBeLessThan(limit);
      });
    }
    expect(backend.memory().liveBytes).toBe(0);
  });
});

describe("memory", () => {
  it("that runs out while a launch is prepared leaves the backend usable", async () => {
    const backend = await createCpuBackend({ threads: 1, limitBytes: 2 ** 24 });
    backends.push(backend);
    const rows = 3;
    // Sums over the rows need scratch memory as long as a row.
    const sums = (width: number) => {
      const program = makeProgram({
        inputs: [{ kind: "buffer", type: "float32", role: "full" }],
        scalars: [],
        reduces: [],
        outputs: [{ expr: input(0, "float32", "full"), role: "lane" }],
      });
      const data = Float32Array.from({ length: rows * width }, (_, i) => i % 7);
      const space = {
        sizes: [rows, width],
        strides: [
          [width, 1],
          [0, 1],
        ],
      };
      return { program, space, contents: [data, new Float32Array(width)], offsets: [0, 0], scalars: [] };
    };
    expect(() => runCase(backend, sums(900_000))).toThrow(/out of memory/);
    const small = sums(1000);
    expect(runCase(backend, small)[1]).toEqual(runCase(reference, small)[1]);
  });

  it("is read and written in place, refused outside, and gone after dispose", async () => {
    const backend = await createCpuBackend({ threads: 1 });
    const buffer = backend.allocate(12);
    backend.write(buffer, Uint8Array.of(1, 2, 3, 4), 4);
    expect([...(await backend.read(buffer, 4, 4))]).toEqual([1, 2, 3, 4]);
    for (const bad of [() => backend.readSync(buffer, 8, 8), () => backend.write(buffer, new Uint8Array(16))]) {
      expect(bad).toThrow(/bytes .* of a buffer of 12/);
    }
    const other = await createCpuBackend({ threads: 1 });
    expect(() => other.release(buffer)).toThrow(/another device/);
    other.dispose();
    backend.dispose();
    expect(() => backend.allocate(4)).toThrow(/disposed/);
    expect(() => backend.submit([])).toThrow(/disposed/);
  });
});
