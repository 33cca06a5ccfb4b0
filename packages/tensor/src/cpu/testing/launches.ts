// Test support: runs one kernel on two backends with the same bytes and compares what they wrote.

import type { Backend, Launch, LaunchOperand } from "../../backend/backend.js";
import { kernelOf, type Space } from "../../backend/kernel-geometry.js";
import { byteLengthOf, type DataArray, type DType, fromDeviceBytes, toDeviceBytes } from "../../dtype.js";
import type { Program } from "../../kernel/program.js";

/** Contents of an operand's buffer, as JavaScript arrays; undefined for `index` operands. */
export type Content = DataArray | undefined;

/** One kernel, its space and its operands: what each holds before, and where it starts. */
export type Case = {
  readonly program: Program;
  readonly space: Space;
  readonly contents: readonly Content[];
  readonly offsets: readonly number[];
  readonly scalars: readonly number[];
};

/** Types of a program's operands, inputs first. */
export const operandTypes = (program: Program): readonly DType[] => [
  ...program.inputs.map((x) => x.type),
  ...program.outputs.map((o) => o.expr.type),
];

/** What every operand holds after the kernel has run. */
export function runCase(backend: Backend, test: Case): readonly Content[] {
  const { program, space, contents, offsets } = test;
  const types = operandTypes(program);
  const operands = contents.map((content, i): LaunchOperand => {
    const place = { strides: space.strides[i]!, offset: offsets[i]!, byteOffset: 0 };
    if (!content) return { ...place, binding: undefined };
    const buffer = backend.allocate(content.length * byteLengthOf(types[i]!));
    backend.write(buffer, toDeviceBytes(content, types[i]!));
    return { ...place, binding: { buffer } };
  });
  const executable = backend.compile(kernelOf(program, space));
  const launch: Launch = {
    executable,
    sizes: space.sizes,
    operands,
    scalars: [...test.scalars],
    stage: 0,
    label: "test",
  };
  backend.submit([launch]);
  return operands.map((o, i) => {
    const buffer = o.binding?.buffer;
    if (!buffer) return undefined;
    const data = fromDeviceBytes(types[i]!, backend.readSync!(buffer));
    backend.release(buffer);
    return data;
  });
}

/** How far two results are apart, in units of `1 + |expected|`; infinite where only one is NaN or infinite. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) continue;
    const apart = Math.abs(a - e) / (1 + Math.abs(e));
    worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
  }
  return worst;
}
