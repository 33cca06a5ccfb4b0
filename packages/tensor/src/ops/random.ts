// Random tensors and dropout. Element i of a tensor takes word i of its stream, whatever fuses around it.

import { applyProgram, makeProgramOp, type ProgramOp } from "../autograd/program-op.js";
import type { Variable } from "../autograd/variable.js";
import { arithmeticTypeOf, type DType, type WideFloat } from "../dtype.js";
import type { Device } from "../graph/device.js";
import { recorder } from "../graph/recorder.js";
import { type Expr, input, scalar } from "../kernel/expr.js";
import { normalFromWords, randomWord, uniformFromWord } from "../kernel/philox.js";
import { makeProgram } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import type { Generator } from "../random.js";
import { contiguous, type Shape } from "../shape.js";

const cache = new Map<string, ProgramOp>();

/** A map of the element's position, the stream (three uint32 scalars) and further scalars. */
function randomOp(
  key: string,
  scalars: readonly DType[],
  body: (word: (stride: number, shift: number) => Expr, x: readonly Expr[]) => Expr,
): ProgramOp {
  let op = cache.get(key);
  if (!op) {
    const all: DType[] = ["uint32", "uint32", "uint32", ...scalars];
    const state = { seedLow: scalar(0, "uint32"), seedHigh: scalar(1, "uint32"), stream: scalar(2, "uint32") };
    const index = input(0, "uint32", "full");
    const word = (stride: number, shift: number): Expr => randomWord(state, s.add(s.mul(index, stride), shift));
    const expr = body(
      word,
      scalars.map((t, i) => scalar(i + 3, t)),
    );
    op = makeProgramOp(
      key,
      makeProgram({
        inputs: [{ kind: "index", type: "uint32", role: "full" }],
        scalars: all,
        reduces: [],
        outputs: [{ expr, role: "full" }],
      }),
      false,
    );
    cache.set(key, op);
  }
  return op;
}

const draw = <T extends Variable>(
  op: ProgramOp,
  like: T,
  device: Device,
  shape: Shape,
  generator: Generator,
  scalars: readonly number[],
): T =>
  applyProgram(
    op,
    like,
    device,
    shape,
    [{ variable: undefined, layout: contiguous(shape) }],
    withStream(generator, scalars),
  )[0]!;

/** The next stream's three numbers, and further ones. A replayed step takes a new stream each time. */
function withStream(generator: Generator, scalars: readonly number[]): readonly number[] {
  const numbers = [...generator.nextStream(), ...scalars];
  recorder()?.live([numbers], () => () => {
    [numbers[0], numbers[1], numbers[2]] = generator.nextStream();
  });
  return numbers;
}

/** Uniform in [low, high). */
export function uniform<T extends Variable>(
  like: T,
  device: Device,
  shape: Shape,
  type: WideFloat,
  generator: Generator,
  low: number,
  high: number,
): T {
  const op = randomOp(`uniform ${type}`, [type, type], (word, [a, b]) =>
    s.add(a!, s.mul(uniformFromWord(word(1, 0), type), s.sub(b!, a!))),
  );
  return draw(op, like, device, shape, generator, [low, high]);
}

/** Normal with the given mean and standard deviation. */
export function normal<T extends Variable>(
  like: T,
  device: Device,
  shape: Shape,
  type: WideFloat,
  generator: Generator,
  mean: number,
  std: number,
): T {
  const op = randomOp(`normal ${type}`, [type, type], (word, [m, d]) =>
    s.add(m!, s.mul(normalFromWords(word(2, 0), word(2, 1), type), d!)),
  );
  return draw(op, like, device, shape, generator, [mean, std]);
}

/** Integers in [low, low + range), int32; range at most 2^31. */
export function integers<T extends Variable>(
  like: T,
  device: Device,
  shape: Shape,
  generator: Generator,
  low: number,
  range: number,
): T {
  const op = randomOp("randint", ["int32", "uint32"], (word, [a, n]) =>
    s.add(s.cast(s.mulHigh(word(1, 0), n!), "int32"), a!),
  );
  return draw(op, like, device, shape, generator, [low, range]);
}

const dropouts = new Map<DType, ProgramOp>();

/** x / (1 − p) where a uniform draw is at least p, else 0. The mask is recomputed in backward, never stored. */
export function dropout<T extends Variable>(x: T, p: number, generator: Generator): T {
  let op = dropouts.get(x.dtype);
  if (!op) {
    const type = arithmeticTypeOf(x.dtype);
    const inputs = [
      { kind: "buffer", type: x.dtype, role: "full" },
      { kind: "index", type: "uint32", role: "full" },
    ] as const;
    const state = { seedLow: scalar(0, "uint32"), seedHigh: scalar(1, "uint32"), stream: scalar(2, "uint32") };
    const kept = s.ge(uniformFromWord(randomWord(state, input(1, "uint32", "full")), "float32"), scalar(3, "float32"));
    const value = s.cast(input(0, x.dtype, "full"), type);
    const expr = s.cast(s.select(kept, s.mul(value, scalar(4, type)), 0), x.dtype);
    const scalars: DType[] = ["uint32", "uint32", "uint32", "float32", type];
    op = makeProgramOp(
      "dropout",
      makeProgram({ inputs, scalars, reduces: [], outputs: [{ expr, role: "full" }] }),
      false,
    );
    dropouts.set(x.dtype, op);
  }
  const operands = [
    { variable: x, layout: x.layout },
    { variable: undefined, layout: contiguous(x.shape) },
  ];
  return applyProgram(op, x, x.device, x.shape, operands, withStream(generator, [p, 1 / (1 - p)]))[0]!;
}
