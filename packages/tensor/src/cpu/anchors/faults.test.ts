// Faults are read back where the threads that ran a launch noted them, and nowhere else.

import { expect, it } from "vitest";
import type { LaunchOperand } from "../../backend/backend.js";
import { createCpuBackend } from "../backend.js";

it("small launches of a pool of many threads report no faults that are none", async () => {
  const backend = await createCpuBackend({ threads: 8 });
  const [ids, table, out] = [12, 60, 36].map((bytes) => backend.allocate(bytes));
  backend.write(ids!, new Uint8Array(new Int32Array([1, 0, 4]).buffer));
  backend.write(table!, new Uint8Array(new Float32Array(15).fill(7).buffer));
  const operand = (buffer: typeof ids, strides: number[]): LaunchOperand => ({
    binding: { buffer },
    byteOffset: 0,
    strides,
    offset: 0,
  });
  const executable = backend.anchor({ op: "gather", attributes: { type: "float32" }, rank: 3 })!;
  const operands = [operand(table, [0, 1, 3]), operand(ids, [1, 0, 0]), operand(out, [3, 1, 0])];
  const launch = { executable, sizes: [3, 3, 5], operands, scalars: [], label: "gather" };
  backend.submit([0, 1, 2].map((stage) => ({ ...launch, stage })));
  expect(await backend.checkErrors()).toEqual([]);
  backend.dispose();
});
