// What cuBLASLt is asked to compute behind products, counted on the emulator, and that the numbers are those of the product
// and the map apart.

import {
  type Expr,
  type FloatType,
  fromDeviceBytes,
  input,
  kernelOf,
  type LaunchOperand,
  makeProgram,
  type Program,
  scalarAlgebra as s,
  toDeviceBytes,
} from "@torchium/tensor/backend";
import { afterEach, expect, it } from "vitest";
import type { CudaBackend } from "../backend.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";
import type { EmulatorCounter } from "../testing/emulator.js";
import { geluTanh, gradientOfGelu } from "../testing/gelu.js";

const [m, n, k] = [5, 16, 3];
type Type = Exclude<FloatType, "float64">;
/** An operand or a result of an epilogue: its type, and how it lies over [M, N]. */
type Laid = { readonly type: Type; readonly strides: readonly [number, number]; readonly offset?: number };

const counters = [
  "biases",
  "accumulations",
  "gelus",
  "gelu_gradients",
  "launches",
] as const satisfies EmulatorCounter[];
type Counts = Partial<Record<(typeof counters)[number], number>>;

describeOnEmulator("cuBLASLt behind products", (emulator) => {
  const open: CudaBackend[] = [];
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
  });

  /** Runs a product with an epilogue: what it gives, and what the product and the map give one after the other. */
  async function run(type: Type, exprs: readonly Expr[], operands: readonly Laid[], outputs: readonly Laid[]) {
    const backend = await emulator.backend({ memoryLimit: 2 ** 26 });
    open.push(backend);
    const make = ({ type: own, strides: [down, across], offset = 0 }: Laid, seed?: number): LaunchOperand => {
      const count = offset + (m - 1) * down + (n - 1) * across + 1;
      const numbers = Float32Array.from({ length: count }, (_, i) =>
        seed === undefined ? 0 : Math.sin(i * 1.3 + seed),
      );
      const bytes = toDeviceBytes(numbers, own);
      const buffer = backend.allocate(bytes.byteLength);
      backend.write(buffer, bytes);
      return { binding: { buffer }, byteOffset: 0, strides: [down, across], offset };
    };
    const factor = (seed: number, strides: readonly number[]): LaunchOperand => ({
      ...make({ type, strides: [n, 1] }, seed),
      strides,
    });
    const factors = [factor(1, [k, 0, 1]), factor(2, [0, 1, n])];
    const others = operands.map((o, i) => make(o, 3 + i));
    const program: Program = makeProgram({
      inputs: [type, ...operands.map((o) => o.type)].map(
        (own) => ({ kind: "buffer", type: own, role: "full" }) as const,
      ),
      scalars: [],
      reduces: [],
      outputs: exprs.map((expr) => ({ expr, role: "full" })),
    });
    const lie = [[n, 1], ...[...operands, ...outputs].map((o) => [...o.strides])];
    const epilogue = kernelOf(program, { sizes: [m, n], strides: lie });
    const call = { op: "matmul", attributes: { type }, rank: 3 } as const;
    const common = { scalars: [], stage: 0, label: "matmul" };
    const read = (results: readonly LaunchOperand[]) =>
      Promise.all(
        results.map(async ({ binding, offset }, i) => {
          const { type: own, strides } = outputs[i]!;
          const all = fromDeviceBytes(own, await backend.read(binding!.buffer!));
          return Array.from({ length: m * n }, (_, e) =>
            Number(all[offset + Math.floor(e / n) * strides[0] + (e % n) * strides[1]]),
          );
        }),
      );
    const together = outputs.map((o) => make(o));
    const real = [...factors, ...others, ...together];
    // A replay binds the operands of a launch anew: all of them, from others than they had.
    const decoys = [
      [k, 1],
      [n, 1],
    ].map((s) => make({ type, strides: s as [number, number] }, 9));
    const bound = [...decoys, ...operands.map((o, i) => make(o, 20 + i)), ...outputs.map((o) => make(o))].map(
      (o, i) => ({
        ...o,
        strides: real[i]!.strides,
      }),
    );
    const executable = backend.anchor({ ...call, epilogue })!;
    const launch = { ...common, executable, sizes: [m, n, k], operands: bound };
    backend.submit([launch]);
    bound.forEach((o, i) => {
      o.binding!.buffer = real[i]!.binding!.buffer;
    });
    const before = counters.map((name) => emulator.get(name));
    backend.submit([launch]);
    const counts = Object.fromEntries(counters.map((name, i) => [name, emulator.get(name) - before[i]!]));
    const [plain, apart] = [make({ type, strides: [n, 1] }), outputs.map((o) => make(o))];
    const follows = { ...plain, strides: [n, 1, 0] };
    backend.submit([
      { ...common, executable: backend.anchor(call)!, sizes: [m, n, k], operands: [...factors, follows] },
      {
        ...common,
        executable: backend.compile(epilogue),
        sizes: [m, n],
        operands: [plain, ...others, ...apart],
        stage: 1,
      },
    ]);
    return { counts, got: await read(together), wanted: await read(apart) };
  }

  const none = { biases: 0, accumulations: 0, gelus: 0, gelu_gradients: 0, launches: 0 };
  const [product, first, second] = [0, 1, 2].map((i) => input(i, "float32", "full")) as [Expr, Expr, Expr];
  const over = (type: Type) =>
    ({
      row: { type, strides: [0, 1] },
      spread: { type, strides: [0, 2] },
      column: { type, strides: [1, 0] },
      matrix: { type, strides: [n, 1] },
      padded: { type, strides: [n + 8, 1] },
      odd: { type, strides: [n + 4, 1] },
      moved: { type, strides: [n, 1], offset: 2 },
      turned: { type, strides: [1, m] },
    }) as const satisfies Record<string, Laid>;
  const wide = over("float32");
  const both = s.add(s.add(product, first), second);

  it.each<[string, Expr, readonly Laid[], Counts]>([
    ["nothing", product, [], {}],
    ["a bias", s.add(product, first), [wide.row], { biases: 1 }],
    ["a residual", s.add(product, first), [wide.matrix], { accumulations: 1 }],
    ["a residual, then a bias", both, [wide.matrix, wide.row], { biases: 1, accumulations: 1 }],
    ["a bias, then a residual: the other order", both, [wide.row, wide.matrix], { launches: 1 }],
    ["two matrices", both, [wide.matrix, wide.matrix], { launches: 1 }],
    ["two vectors", both, [wide.row, wide.row], { launches: 1 }],
    ["one number a row", s.add(product, first), [wide.column], { launches: 1 }],
    ["a bias with gaps", s.add(product, first), [wide.spread], { launches: 1 }],
    ["a residual that lies across", s.add(product, first), [wide.turned], { launches: 1 }],
  ])("float32, to the bit: %s", async (_, expr, operands, expected) => {
    const { counts, got, wanted } = await run("float32", [expr], operands, [wide.matrix]);
    expect(counts).toEqual({ ...none, ...expected });
    expect(got).toEqual(wanted);
  });

  const type = "bfloat16";
  const half = over(type);
  const narrow = (e: Expr) => s.cast(e, type);
  const widened = (i: number) => s.cast(input(i, type, "full"), "float32");
  const z = narrow(s.add(widened(0), s.cast(narrow(first), "float32")));
  const gelu = narrow(geluTanh(s.cast(z, "float32")));
  const slope = gradientOfGelu(type, input(0, type, "full"), input(1, type, "full"));

  it.each<[string, readonly Expr[], readonly Laid[], readonly Laid[], Counts]>([
    ["a result in float32", [widened(0)], [], [wide.matrix], {}],
    ["a bias of float32, which is converted", [z], [wide.row], [half.matrix], { biases: 1, launches: 1 }],
    ["a bias with gaps, which is converted", [z], [wide.spread], [half.matrix], { biases: 1, launches: 1 }],
    ["a bias as it is", [narrow(s.add(widened(0), widened(1)))], [half.row], [half.matrix], { biases: 1 }],
    [
      "a bias and a residual of float32",
      [s.add(second, s.cast(z, "float32"))],
      [wide.row, wide.matrix],
      [wide.matrix],
      { biases: 1, accumulations: 1 },
    ],
    ["GELU", [narrow(geluTanh(widened(0)))], [], [half.matrix], { gelus: 1 }],
    ["a bias and GELU", [gelu], [wide.row], [half.odd], { biases: 1, gelus: 1, launches: 1 }],
    ["GELU, its input kept", [gelu, z], [wide.row], [half.matrix, half.matrix], { biases: 1, gelus: 1, launches: 1 }],
    ["the same in wider rows", [z, gelu], [wide.row], [half.padded, half.odd], { biases: 1, gelus: 1, launches: 1 }],
    [
      "GELU's input at rows that the library cannot keep",
      [gelu, z],
      [wide.row],
      [half.matrix, half.odd],
      { launches: 1 },
    ],
    ["GELU's input at a place that it cannot keep", [gelu, z], [wide.row], [half.matrix, half.moved], { launches: 1 }],
    ["GELU's gradient", [slope], [half.matrix], [half.matrix], { gelu_gradients: 1 }],
    ["GELU's gradient, rows apart", [slope], [half.padded], [half.odd], { gelu_gradients: 1 }],
    ["GELU's gradient, rows oddly apart", [slope], [half.odd], [half.matrix], { launches: 1 }],
    ["GELU's gradient, its input across", [slope], [half.turned], [half.matrix], { launches: 1 }],
  ])("16 bits, as exact as apart or more so: %s", async (_, exprs, operands, outputs, expected) => {
    const { counts, got, wanted } = await run(type, exprs, operands, outputs);
    expect(counts).toEqual({ ...none, ...expected });
    got.flat().forEach((value, i) => {
      const apart = wanted.flat()[i]!;
      // Three roundings to 8 bits on the way.
      expect(Math.abs(value - apart), `${value} and ${apart}`).toBeLessThanOrEqual(3 * 2 ** -8 * (1 + Math.abs(apart)));
    });
  });
});
