// Faults that would end the process's use of the GPU, each in a child: the child says how it ended.
import { input, kernelOf, makeProgram, TensorError } from "@torchium/tensor/backend";
import { createCudaBackend } from "../../packages/cuda-backend/src/index.js";
import { runChild } from "./child.js";

/** What was tried and whether it ended as it should. */
export interface FaultResult {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

const copy = makeProgram({
  inputs: [{ kind: "buffer", type: "float32", role: "full" }],
  scalars: [],
  reduces: [],
  outputs: [{ expr: input(0, "float32", "full"), role: "full" }],
});

/** Reads far behind a buffer, so that the GPU finds no memory there. */
async function readWild(): Promise<void> {
  const backend = await createCudaBackend();
  const executable = backend.compile(kernelOf(copy, { sizes: [4], strides: [[2], [1]] }));
  const buffer = backend.allocate(64);
  const operand = (stride: number, offset: number) => ({
    binding: { buffer },
    byteOffset: 0,
    strides: [stride],
    offset,
  });
  backend.submit([
    { executable, sizes: [4], operands: [operand(2, 2 ** 41), operand(1, 0)], scalars: [], stage: 0, label: "wild" },
  ]);
  await backend.finish();
}

async function askTooMuch(): Promise<void> {
  const backend = await createCudaBackend();
  backend.allocate(2 * backend.memory().limitBytes);
}

const faults = {
  "device-lost": readWild,
  "out-of-memory": askTooMuch,
  device: async () => void (await createCudaBackend({ ordinal: 4096 })),
} as const;

/** A fault by the code of its error. */
export type FaultName = keyof typeof faults;

/** Causes a fault in this process and prints its error. Gives the exit code. */
export async function causeFault(name: FaultName): Promise<number> {
  try {
    await faults[name]();
    console.log("nothing failed");
  } catch (error) {
    console.log(`${TensorError.is(error) ? error.code : "no TensorError"}: ${String(error)}`);
  }
  // A dead context may not close: leave at once.
  process.exit(0);
}

/** Causes every fault in a child. */
export function checkFaults(): readonly FaultResult[] {
  return Object.keys(faults).map((name) => {
    const child = runChild(["--fault", name], true);
    const detail = (child.stdout ?? "").trim().split("\n")[0] || String(child.error ?? child.stderr);
    return { name, passed: child.status === 0 && detail.startsWith(`${name}:`), detail };
  });
}
