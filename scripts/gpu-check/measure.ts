// Speeds on the GPU's own clock: row kernels as a share of what the driver's copy moves, products in operations a second.
import {
  type Backend,
  type BufferHandle,
  byteLengthOf,
  input,
  kernelOf,
  type Launch,
  makeProgram,
  type Program,
  type Role,
  RowBuilder,
  rowSize,
  scalarAlgebra as s,
  TensorError,
  toDeviceBytes,
} from "@torchium/tensor/backend";
import { type CudaBackend, createCudaBackend } from "../../packages/cuda-backend/src/index.js";

/** One measurement: bytes or operations, and the best time. */
export interface Speed {
  readonly name: string;
  readonly milliseconds: number;
  readonly gigabytesPerSecond?: number;
  /** Of what the driver's copy of as many bytes moves in a second. */
  readonly shareOfCopy?: number;
  readonly gigaflops?: number;
}

type Dtype = "float32" | "bfloat16";

const rounds = 10;
const launchesARound = 5;

const x = input(0, "float32", "full");
const buffer = (role: Role) => ({ kind: "buffer", type: "float32", role }) as const;

/** Programs over [rows, length], with operands given by their roles. */
const programs: Readonly<Record<string, Program>> = {
  GELU: makeProgram({
    inputs: [buffer("full")],
    scalars: [],
    reduces: [],
    outputs: [{ expr: s.mul(s.mul(x, 0.5), s.add(1, s.erf(s.mul(x, Math.SQRT1_2)))), role: "full" }],
  }),
  "bias and residual": makeProgram({
    inputs: [buffer("full"), buffer("lane"), buffer("full")],
    scalars: [],
    reduces: [],
    outputs: [{ expr: s.add(s.add(x, input(1, "float32", "lane")), input(2, "float32", "full")), role: "full" }],
  }),
  softmax: rowProgram((row) => {
    const e = s.exp(s.sub(x, row.max(x)));
    return s.div(e, row.sum(e));
  }, "full"),
  "layer norm": rowProgram((row) => {
    const n = rowSize("float32");
    const centred = s.sub(x, s.div(row.sum(x), n));
    return s.mul(centred, s.rsqrt(s.add(s.div(row.sum(s.square(centred)), n), 1e-5)));
  }, "full"),
  "sum of rows": rowProgram((row) => row.sum(x), "row"),
  "sum over rows": rowProgram(() => x, "lane"),
};

function rowProgram(body: (row: RowBuilder) => Program["outputs"][number]["expr"], role: Role): Program {
  const row = new RowBuilder();
  const expr = body(row);
  return makeProgram({ inputs: [buffer("full")], scalars: [], reduces: row.reduces, outputs: [{ expr, role }] });
}

const stridesOf = { full: (length: number) => [length, 1], row: () => [1, 0], lane: () => [0, 1] } as const;
const elementsOf = {
  full: (r: number, n: number) => r * n,
  row: (r: number) => r,
  lane: (_: number, n: number) => n,
} as const;

/** Best milliseconds of one launch. */
async function best(backend: Backend, launch: Launch): Promise<number> {
  const launches = Array.from({ length: launchesARound }, () => launch);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++)
    least = Math.min(least, (await backend.time!(launches)) / launchesARound);
  return least;
}

async function withBuffers<T>(
  backend: Backend,
  dtype: Dtype,
  counts: readonly number[],
  body: (buffers: readonly BufferHandle[]) => Promise<T>,
): Promise<T> {
  // One pattern, written again and again: making gigabytes of numbers on the host would take minutes.
  const pattern = toDeviceBytes(
    Float32Array.from({ length: 2 ** 20 }, (_, k) => (k % 17) / 17 - 0.5),
    dtype,
  );
  const buffers = counts.map((count) => backend.allocate(byteLengthOf(dtype) * count));
  for (const b of buffers)
    for (let at = 0; at < b.byteLength; at += pattern.byteLength)
      backend.write(b, pattern.subarray(0, b.byteLength - at), at);
  try {
    return await body(buffers);
  } finally {
    for (const b of buffers) backend.release(b);
  }
}

async function rowSpeed(
  backend: CudaBackend,
  name: string,
  program: Program,
  rows: number,
  length: number,
): Promise<Speed> {
  const roles = [...program.inputs, ...program.outputs].map(({ role }) => role);
  const counts = roles.map((role) => elementsOf[role](rows, length));
  const milliseconds = await withBuffers(backend, "float32", counts, (buffers) => {
    const map = program.reduces.length === 0 && program.outputs[0]!.role === "full";
    const strides = roles.map((role) => [...stridesOf[role](length)]);
    const executable = backend.compile(kernelOf(program, { sizes: [rows, length], strides }));
    const operands = buffers.map((b, i) => ({
      binding: { buffer: b },
      byteOffset: 0,
      strides: strides[i]!,
      offset: 0,
    }));
    return best(backend, {
      executable,
      sizes: [rows, length],
      operands,
      scalars: [],
      stage: 0,
      label: map ? "map" : "row",
    });
  });
  const bytes = 4 * counts.reduce((a, b) => a + b, 0);
  let copy = Number.POSITIVE_INFINITY;
  // A copy reads and writes each byte.
  for (let round = 0; round < rounds; round++) copy = Math.min(copy, await backend.timeCopy(bytes / 2));
  const speed = { name: `${name} [${rows}, ${length}]`, milliseconds, gigabytesPerSecond: bytes / milliseconds / 1e6 };
  return { ...speed, shareOfCopy: copy / milliseconds };
}

/** A bias and GELU's tanh form behind a product of 16 bits, what GELU is taken of kept for the gradient. */
function biasAndGelu(dtype: "bfloat16"): Program {
  const [y, bias] = [0, 1].map((i) => s.cast(input(i, dtype, "full"), "float32")) as [typeof x, typeof x];
  const z = s.cast(s.add(y, bias), dtype);
  const wide = s.cast(z, "float32");
  const inner = s.mul(Math.sqrt(2 / Math.PI), s.add(wide, s.mul(0.044715, s.mul(wide, s.mul(wide, wide)))));
  const gelu = s.cast(s.mul(s.mul(0.5, wide), s.add(1, s.tanh(inner))), dtype);
  return makeProgram({
    inputs: [0, 1].map(() => ({ kind: "buffer", type: dtype, role: "full" })),
    scalars: [],
    reduces: [],
    outputs: [gelu, z].map((expr) => ({ expr, role: "full" })),
  });
}

async function epilogueSpeed(backend: CudaBackend, n: number): Promise<Speed> {
  const dtype = "bfloat16";
  const behind = [
    [0, 1],
    [n, 1],
    [n, 1],
  ];
  const epilogue = kernelOf(biasAndGelu(dtype), { sizes: [n, n], strides: [[n, 1], ...behind] });
  const executable = backend.anchor({ op: "matmul", attributes: { type: dtype }, rank: 3, epilogue })!;
  const milliseconds = await withBuffers(backend, dtype, [n * n, n * n, n, n * n, n * n], (buffers) => {
    const strides = [[n, 0, 1], [0, 1, n], ...behind];
    const operands = buffers.map((b, i) => ({
      binding: { buffer: b },
      byteOffset: 0,
      strides: strides[i]!,
      offset: 0,
    }));
    return best(backend, { executable, sizes: [n, n, n], operands, scalars: [], stage: 0, label: "matmul" });
  });
  const name = `matmul, ${dtype}, bias and GELU [${n}, ${n}, ${n}]`;
  return { name, milliseconds, gigaflops: (2 * n ** 3) / milliseconds / 1e6 };
}

async function productSpeed(backend: CudaBackend, name: string, dtype: Dtype, n: number): Promise<Speed> {
  const executable = backend.anchor({ op: "matmul", attributes: { type: dtype }, rank: 3 })!;
  const milliseconds = await withBuffers(backend, dtype, [n * n, n * n, n * n], (buffers) => {
    const strides = [
      [n, 0, 1],
      [0, 1, n],
      [n, 1, 0],
    ];
    const operands = buffers.map((b, i) => ({
      binding: { buffer: b },
      byteOffset: 0,
      strides: strides[i]!,
      offset: 0,
    }));
    return best(backend, { executable, sizes: [n, n, n], operands, scalars: [], stage: 0, label: "matmul" });
  });
  return { name: `${name} [${n}, ${n}, ${n}]`, milliseconds, gigaflops: (2 * n ** 3) / milliseconds / 1e6 };
}

/** Causal attention of heads cut out of one projection [batch, length, 3, heads, width], and its gradient. */
async function attentionSpeed(backend: CudaBackend, dtype: Dtype, size: AttentionSize): Promise<readonly Speed[]> {
  const { batch, heads, length, width } = size;
  const sizes = [batch, heads, length, length, width, width];
  const row = 3 * heads * width;
  const over = (rowAxis: number, columnAxis: number, packed: boolean): number[] => {
    const strides = packed ? [length * row, width, 0, 0, 0, 0] : [heads * length * width, length * width, 0, 0, 0, 0];
    strides[rowAxis] = packed ? row : width;
    strides[columnAxis] = 1;
    return strides;
  };
  const logs = [heads * length, length, 1, 0, 0, 0];
  const elements = batch * heads * length * width;
  const attributes = { type: dtype, causal: true, scale: 1 / Math.sqrt(width) } as const;
  const [forward, backward] = await withBuffers(
    backend,
    dtype,
    [3 * elements, elements, elements, 3 * elements],
    (made) =>
      withBuffers(backend, "float32", [batch * heads * length], ([logTotals]) => {
        const [projected, output, gradient, ofProjected] = made as [Buffer, Buffer, Buffer, Buffer];
        const at = (buffer: BufferHandle, strides: readonly number[], part = 0) => ({
          ...{ binding: { buffer }, byteOffset: 0, strides },
          offset: part * heads * width,
        });
        const parts = (buffer: BufferHandle) => [
          at(buffer, over(2, 4, true), 0),
          at(buffer, over(3, 4, true), 1),
          at(buffer, over(3, 5, true), 2),
        ];
        const dense = (buffer: BufferHandle) => at(buffer, over(2, 5, false));
        const outputs = [dense(output), at(logTotals!, logs)];
        const time = (op: "attention" | "attentionGradient", operands: Launch["operands"]) => {
          const executable = backend.anchor({ op, attributes, rank: sizes.length })!;
          return best(backend, { executable, sizes, operands, scalars: [], stage: 0, label: op });
        };
        // The gradient reads what the forward pass has written.
        return time("attention", [...parts(projected), ...outputs]).then(async (first) => [
          first,
          await time("attentionGradient", [...parts(projected), ...outputs, dense(gradient), ...parts(ofProjected)]),
        ]);
      }),
  );
  // Two products of half of the pairs; backward five are needed, however often they are made.
  const flops = 2 * elements * length;
  const name = `causal attention, ${dtype} [${batch}, ${heads}, ${length}, ${width}]`;
  return [
    { name, milliseconds: forward!, gigaflops: flops / forward! / 1e6 },
    { name: `${name}, gradient`, milliseconds: backward!, gigaflops: (2.5 * flops) / backward! / 1e6 },
  ];
}

type Buffer = BufferHandle;
type AttentionSize = {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
};

/** A row that a small GPU has no memory for is left out. */
async function unlessOutOfMemory(measureRow: () => Promise<unknown>): Promise<void> {
  try {
    await measureRow();
  } catch (error) {
    if (!TensorError.is(error, "out-of-memory")) throw error;
    console.error(`left out: ${error.message}`);
  }
}

/** Measures everything. */
export async function measure(backend: CudaBackend, small: boolean): Promise<readonly Speed[]> {
  const speeds: Speed[] = [];
  const shapes = small
    ? [[8, 64]]
    : [
        [65_536, 1024],
        [8192, 8192],
        [4096, 50_304],
      ];
  for (const [rows, length] of shapes as [number, number][]) {
    for (const [name, program] of Object.entries(programs))
      await unlessOutOfMemory(async () => speeds.push(await rowSpeed(backend, name, program, rows, length)));
  }
  // As long as the gradient of GPT-2's embedding: what the norms of large gradients are.
  const longest = small ? 140_000 : 38_597_376;
  for (const name of ["sum of rows", "softmax"])
    await unlessOutOfMemory(async () => speeds.push(await rowSpeed(backend, name, programs[name]!, 1, longest)));
  const sizes = small ? [48] : [1024, 4096, 8192];
  for (const dtype of ["float32", "bfloat16"] as const)
    for (const n of sizes)
      await unlessOutOfMemory(async () => speeds.push(await productSpeed(backend, `matmul, ${dtype}`, dtype, n)));
  for (const n of sizes) await unlessOutOfMemory(async () => speeds.push(await epilogueSpeed(backend, n)));
  const attended: readonly AttentionSize[] = small
    ? [{ batch: 1, heads: 2, length: 40, width: 16 }]
    : [
        { batch: 32, heads: 12, length: 1024, width: 64 },
        { batch: 4, heads: 16, length: 4096, width: 128 },
      ];
  for (const dtype of ["float32", "bfloat16"] as const)
    for (const size of attended)
      await unlessOutOfMemory(async () => speeds.push(...(await attentionSpeed(backend, dtype, size))));
  const own = await createCudaBackend({ cublasLt: false });
  for (const n of sizes) speeds.push(await productSpeed(own, "matmul, float32, own kernel", "float32", n));
  own.dispose();
  return speeds;
}
