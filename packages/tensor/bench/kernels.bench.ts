// Speed of single row programs on the CPU backend, one thread and all: elements per nanosecond, and gigabytes per
// second of what they must read and write. Report only; run it with nothing else running.

import type { Backend, Launch, LaunchOperand } from "../src/backend/backend.js";
import { joinAxes, kernelOf } from "../src/backend/kernel-geometry.js";
import { createCpuBackend } from "../src/cpu/backend.js";
import { type Expr, input, rowSize } from "../src/kernel/expr.js";
import { makeProgram, type ProgramOutput, RowBuilder } from "../src/kernel/program.js";
import * as s from "../src/kernel/scalar.js";
import { contiguousStrides, sizeOf } from "../src/shape.js";

type Role = ProgramOutput["role"];
type Row = { readonly b: RowBuilder; readonly x: readonly Expr[] };
type Entry = {
  readonly name: string;
  readonly sizes: readonly number[];
  /** Role of each input; `column` is a full input whose row strides and whose columns are dense. */
  readonly inputs: readonly (Role | "column")[];
  readonly outputs: (row: Row) => readonly ProgramOutput[];
};

const full = (expr: Expr): ProgramOutput => ({ expr, role: "full" });
const map = (name: string, inputs: number, of: (...x: Expr[]) => Expr, count = 4 << 20): Entry => ({
  name,
  sizes: [count],
  inputs: new Array<Role>(inputs).fill("full"),
  outputs: ({ x }) => [full(of(...x))],
});
const mean = ({ b }: Row, e: Expr): Expr => s.div(b.sum(e), rowSize("float32"));

function layerNorm(row: Row): readonly ProgramOutput[] {
  const [x, gamma, beta] = row.x as [Expr, Expr, Expr];
  const centred = s.sub(x, mean(row, x));
  const scale = s.rsqrt(s.add(mean(row, s.square(centred)), 1e-5));
  return [full(s.add(s.mul(s.mul(centred, scale), gamma), beta))];
}

const gelu = (x: Expr): Expr => s.mul(s.mul(x, 0.5), s.add(1, s.erf(s.mul(x, Math.SQRT1_2))));

const entries: readonly Entry[] = [
  map("copy 4M", 1, (x) => s.mul(x, 1)),
  map("add 4M", 2, (x, y) => s.add(x, y)),
  map("relu(a·b + c) 4M", 3, (a, b, c) => s.max(s.add(s.mul(a, b), c), 0)),
  map("add 4096", 2, (x, y) => s.add(x, y), 4096),
  map("exp 4096", 1, s.exp, 4096),
  map("tanh 4096", 1, s.tanh, 4096),
  map("gelu 4096", 1, gelu, 4096),
  map("gelu 4M", 1, gelu),
  {
    name: "softmax [512, 1024]",
    sizes: [512, 1024],
    inputs: ["full"],
    outputs: ({ b, x: [x] }) => {
      const e = s.exp(s.sub(x!, b.max(x!)));
      return [full(s.div(e, b.sum(e)))];
    },
  },
  {
    name: "softmax [3072, 64]",
    sizes: [3072, 64],
    inputs: ["full"],
    outputs: ({ b, x: [x] }) => {
      const e = s.exp(s.sub(x!, b.max(x!)));
      return [full(s.div(e, b.sum(e)))];
    },
  },
  { name: "layerNorm [512, 1024]", sizes: [512, 1024], inputs: ["full", "lane", "lane"], outputs: layerNorm },
  { name: "layerNorm [768, 128]", sizes: [768, 128], inputs: ["full", "lane", "lane"], outputs: layerNorm },
  {
    name: "row sum [4096, 1024]",
    sizes: [4096, 1024],
    inputs: ["full"],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "sum of 4M",
    sizes: [4 << 20],
    inputs: ["full"],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "column sum [1024, 4096]",
    sizes: [1024, 4096],
    inputs: ["column"],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "sum over rows [4096, 1024]",
    sizes: [4096, 1024],
    inputs: ["full"],
    outputs: ({ x: [x] }) => [{ expr: x!, role: "lane" }],
  },
];

function launchOf(backend: Backend, { name, sizes, inputs, outputs }: Entry): { launch: Launch; bytes: number } {
  const b = new RowBuilder();
  const x = inputs.map((role, i) => input(i, "float32", role === "column" ? "full" : role));
  const results = outputs({ b, x });
  const program = makeProgram({
    inputs: inputs.map((role) => ({ kind: "buffer", type: "float32", role: role === "column" ? "full" : role })),
    scalars: [],
    reduces: b.reduces,
    outputs: results,
  });
  const strides = [...inputs, ...results.map((o) => o.role)].map((role) => stridesOf(role, sizes));
  const space = joinAxes(sizes, strides, 1);
  let bytes = 0;
  const operands = space.strides.map((own, i): LaunchOperand => {
    const length = sizeOf(sizes.filter((_, axis) => strides[i]![axis] !== 0));
    bytes += length * 4;
    const buffer = backend.allocate(length * 4);
    if (i < inputs.length) {
      const data = Float32Array.from({ length }, (_, k) => Math.sin(k) * 3);
      backend.write(buffer, new Uint8Array(data.buffer));
    }
    return { buffer, byteOffset: 0, strides: own, offset: 0 };
  });
  const executable = backend.compile(kernelOf(program, space));
  return { launch: { executable, sizes: space.sizes, operands, scalars: [], stage: 0, label: name }, bytes };
}

function stridesOf(role: Role | "column", sizes: readonly number[]): readonly number[] {
  const own = contiguousStrides(sizes);
  if (role === "full") return own;
  if (role === "column") return [1, sizes[0]!];
  const last = sizes.length - 1;
  return role === "row"
    ? [...contiguousStrides(sizes.slice(0, -1)), 0]
    : sizes.map((_, axis) => (axis === last ? 1 : 0));
}

/** Best of several rounds, in nanoseconds a run. */
function measure(run: () => void): number {
  const until = performance.now() + 300;
  while (performance.now() < until) run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    let turns = 0;
    while (performance.now() - start < 20) {
      run();
      turns++;
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / turns);
  }
  return best;
}

for (const options of [{ threads: 1 }, {}]) {
  const backend = await createCpuBackend(options);
  console.log(`${process.version}, ${backend.threads} threads`);
  for (const entry of entries) {
    const { launch, bytes } = launchOf(backend, entry);
    const list = [launch];
    const time = measure(() => backend.submit(list));
    const rate = (sizeOf(entry.sizes) / time).toFixed(2).padStart(7);
    console.log(
      `${entry.name.padEnd(28)} ${(time / 1000).toFixed(1).padStart(9)} µs ${rate} elements/ns ${(bytes / time).toFixed(1).padStart(6)} GB/s`,
    );
    for (const o of launch.operands) if (o.buffer) backend.release(o.buffer);
  }
  backend.dispose();
}
