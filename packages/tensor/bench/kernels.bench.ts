// Speed of single row programs on the CPU backend, one thread and all: elements per nanosecond, and gigabytes per
// second of what they must read and write. Report only; run it with nothing else running.

import type { Backend, Launch, LaunchOperand } from "../src/backend/backend.js";
import { joinAxes, kernelOf } from "../src/backend/kernel-geometry.js";
import { createCpuBackend } from "../src/cpu/backend.js";
import { constant, type Expr, input, rowSize } from "../src/kernel/expr.js";
import { randomWord, uniformFromWord } from "../src/kernel/philox.js";
import { makeProgram, type ProgramOutput, RowBuilder } from "../src/kernel/program.js";
import * as s from "../src/kernel/scalar.js";
import { contiguousStrides, sizeOf } from "../src/shape.js";

type Role = ProgramOutput["role"];
/** An operand: how it lies over the sizes, and whether it is memory or its own address. */
type Operand = {
  readonly kind: "buffer" | "index";
  readonly role: Role;
  readonly strides: (sizes: readonly number[]) => number[];
};
type Row = { readonly b: RowBuilder; readonly x: readonly Expr[] };
type Entry = {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly inputs: readonly Operand[];
  readonly outputs: (row: Row) => readonly ProgramOutput[];
};

const onAxes = (kept: (axis: number, last: number) => boolean) => (sizes: readonly number[]) => {
  const shape = sizes.map((size, axis) => (kept(axis, sizes.length - 1) ? size : 1));
  return contiguousStrides(shape).map((stride, axis) => (kept(axis, sizes.length - 1) ? stride : 0));
};
const strides = {
  full: onAxes(() => true),
  row: onAxes((axis, last) => axis < last),
  lane: onAxes((axis, last) => axis === last),
} as const satisfies Record<Role, Operand["strides"]>;
const buffer = (role: Role): Operand => ({ kind: "buffer", role, strides: strides[role] });
/** Dense beside the row. */
const columns: Operand = { kind: "buffer", role: "full", strides: ([rows]) => [1, rows!] };
const position = (role: Role, axis: number): Operand => ({
  kind: "index",
  role,
  strides: (sizes) => sizes.map((_, k) => +(k === axis)),
});

const full = (expr: Expr): ProgramOutput => ({ expr, role: "full" });
const map = (name: string, inputs: number, of: (...x: Expr[]) => Expr, count = 4 << 20): Entry => ({
  name,
  sizes: [count],
  inputs: new Array<Operand>(inputs).fill(buffer("full")),
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
    name: "dropout 1M",
    sizes: [1 << 20],
    inputs: [buffer("full"), position("full", 0)],
    outputs: ({ x: [x, index] }) => {
      const state = { seedLow: constant(7, "uint32"), seedHigh: constant(8, "uint32"), stream: rowSize("uint32") };
      const kept = s.ge(uniformFromWord(randomWord(state, index!), "float32"), 0.1);
      return [full(s.select(kept, s.mul(x!, 1 / 0.9), 0))];
    },
  },
  {
    name: "softmax [512, 1024]",
    sizes: [512, 1024],
    inputs: [buffer("full")],
    outputs: ({ b, x: [x] }) => {
      const e = s.exp(s.sub(x!, b.max(x!)));
      return [full(s.div(e, b.sum(e)))];
    },
  },
  {
    name: "causal softmax [48, 64, 64]",
    sizes: [48, 64, 64],
    inputs: [buffer("full"), position("full", 2), position("row", 1)],
    outputs: ({ b, x: [x, key, query] }) => {
      const seen = s.select(s.lt(query!, key!), Number.NEGATIVE_INFINITY, x!);
      const most = b.max(seen);
      const e = s.exp(s.sub(seen, s.select(s.lt(s.abs(most), Number.POSITIVE_INFINITY), most, 0)));
      const sum = b.sum(e);
      return [full(s.select(s.eq(sum, 0), 0, s.div(e, sum)))];
    },
  },
  {
    name: "softmax [3072, 64]",
    sizes: [3072, 64],
    inputs: [buffer("full")],
    outputs: ({ b, x: [x] }) => {
      const e = s.exp(s.sub(x!, b.max(x!)));
      return [full(s.div(e, b.sum(e)))];
    },
  },
  {
    name: "layerNorm [512, 1024]",
    sizes: [512, 1024],
    inputs: [buffer("full"), buffer("lane"), buffer("lane")],
    outputs: layerNorm,
  },
  {
    name: "layerNorm [768, 128]",
    sizes: [768, 128],
    inputs: [buffer("full"), buffer("lane"), buffer("lane")],
    outputs: layerNorm,
  },
  {
    name: "row sum [4096, 1024]",
    sizes: [4096, 1024],
    inputs: [buffer("full")],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "sum of 4M",
    sizes: [4 << 20],
    inputs: [buffer("full")],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "column sum [1024, 4096]",
    sizes: [1024, 4096],
    inputs: [columns],
    outputs: ({ b, x: [x] }) => [{ expr: b.sum(x!), role: "row" }],
  },
  {
    name: "sum over rows [4096, 1024]",
    sizes: [4096, 1024],
    inputs: [buffer("full")],
    outputs: ({ x: [x] }) => [{ expr: x!, role: "lane" }],
  },
];

function launchOf(backend: Backend, { name, sizes, inputs, outputs }: Entry): { launch: Launch; bytes: number } {
  const b = new RowBuilder();
  const type = (x: Operand) => (x.kind === "index" ? "uint32" : "float32");
  const results = outputs({ b, x: inputs.map((x, i) => input(i, type(x), x.role)) });
  const program = makeProgram({
    inputs: inputs.map((x) => ({ kind: x.kind, type: type(x), role: x.role })),
    scalars: [],
    reduces: b.reduces,
    outputs: results,
  });
  const all = [...inputs, ...results.map((o) => buffer(o.role))];
  const space = joinAxes(
    sizes,
    all.map((x) => x.strides(sizes)),
    1,
  );
  let bytes = 0;
  const operands = all.map((x, i): LaunchOperand => {
    const place = { byteOffset: 0, strides: space.strides[i]!, offset: 0 };
    if (x.kind === "index") return { ...place, binding: undefined };
    const length = sizeOf(sizes.filter((_, axis) => x.strides(sizes)[axis] !== 0));
    bytes += length * 4;
    const own = backend.allocate(length * 4);
    const data = Float32Array.from({ length }, (_, k) => Math.sin(k) * 3);
    backend.write(own, new Uint8Array(data.buffer));
    return { ...place, binding: { buffer: own } };
  });
  const executable = backend.compile(kernelOf(program, space));
  return { launch: { executable, sizes: space.sizes, operands, scalars: [], stage: 0, label: name }, bytes };
}

/** Nanoseconds a run, the best of many short rounds: other work on the machine spoils some of them, never all. */
function measure(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + 700;
  for (let turns = 1; performance.now() < until; ) {
    const start = performance.now();
    for (let turn = 0; turn < turns; turn++) run();
    const time = performance.now() - start;
    best = Math.min(best, (time * 1e6) / turns);
    turns = Math.max(1, Math.round(1e6 / best));
  }
  return best;
}

for (const options of [{ threads: 1 }, {}, { threads: 1, wideSimd: true }]) {
  const backend = await createCpuBackend(options);
  console.log(`${process.version}, ${backend.threads} threads${backend.wideSimd ? ", 256-bit SIMD" : ""}`);
  for (const entry of entries) {
    const { launch, bytes } = launchOf(backend, entry);
    const list = [launch];
    const time = measure(() => {
      backend.submit(list);
      // Waits at once, where the work is the CPU's.
      void backend.finish();
    });
    const rate = (sizeOf(entry.sizes) / time).toFixed(2).padStart(7);
    console.log(
      `${entry.name.padEnd(28)} ${(time / 1000).toFixed(1).padStart(9)} µs ${rate} elements/ns ${(bytes / time).toFixed(1).padStart(6)} GB/s`,
    );
    for (const o of launch.operands) if (o.binding) backend.release(o.binding.buffer!);
  }
  backend.dispose();
}
