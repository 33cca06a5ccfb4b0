// Faults in what a kernel computes: addresses, reductions, numbers. Beside each, the case that must find it.

import { type Executable, isFloat, isHalf, type Kernel, type Launch } from "@torchium/tensor/backend";
import { float64Arithmetic } from "@torchium/tensor/reference";
import {
  broken,
  brokenLaunches,
  brokenNumbers,
  brokenOperands,
  brokenReductions,
  brokenScalars,
  type Faults,
  isKernel,
} from "./mutations.js";

/** The least element of an operand's buffer behind what the launch writes, in bytes. */
function endOf({ sizes, operands }: Launch, operand = operands.length - 1, size = 4) {
  const { binding, byteOffset, strides, offset } = operands[operand]!;
  const reach = strides.reduce((sum, stride, axis) => sum + Math.max(0, stride) * (sizes[axis]! - 1), 0);
  return { buffer: binding!.buffer!, byte: byteOffset + size * (offset + reach + 1) };
}

let noise = 0;

/** Kernels that are wrong. */
export const kernelFaults: Faults = {
  // Addresses.
  "operands read without their offset": {
    make: brokenOperands((o) => (o.strides.every((s) => s >= 0) ? { ...o, offset: 0 } : o)),
    foundBy: "layouts/classes of maps",
  },
  "positions without their offset": {
    make: brokenOperands((o) => (o.binding ? o : { ...o, offset: 0 })),
    foundBy: "layouts/scattered positions",
  },
  "bindings without their byte offset": {
    make: brokenOperands((o) => ({ ...o, byteOffset: 0 })),
    foundBy: "layouts/lengths of maps",
  },
  "an offset too small by one": {
    make: brokenOperands((o) => (o.offset > 0 && o.strides.every((s) => s >= 0) ? { ...o, offset: o.offset - 1 } : o)),
    foundBy: "layouts/scattered rows",
  },
  "a stride of 3 taken for 2": {
    make: brokenOperands((o) => ({ ...o, strides: o.strides.map((s) => (s === 3 ? 2 : s)) })),
    foundBy: "layouts/classes of maps",
  },
  "negative strides walked forwards": {
    make: brokenOperands((o, sizes) => ({
      ...o,
      offset: o.strides.reduce((at, s, axis) => (s < 0 ? at + s * (sizes[axis]! - 1) : at), o.offset),
      strides: o.strides.map(Math.abs),
    })),
    foundBy: "layouts/classes of rows",
  },
  "a tail without a mask": {
    make: broken((inner) => ({
      submit: (launches) => {
        inner.submit(launches);
        for (const launch of launches.filter((l) => isKernel(l) && l.sizes.at(-1)! % 4 !== 0)) {
          const { buffer, byte } = endOf(launch);
          if (byte + 4 <= buffer.byteLength) inner.write(buffer, new Uint8Array(4), byte);
        }
      },
    })),
    foundBy: "layouts/lengths of maps",
  },
  "numbers of 16 bits written as words": {
    make: broken((inner) => {
      const kernels = new Map<Executable, Kernel>();
      return {
        compile: (kernel) => {
          const executable = inner.compile(kernel);
          kernels.set(executable, kernel);
          return executable;
        },
        submit: (launches) => {
          inner.submit(launches);
          for (const launch of launches) {
            const { inputs = [], outputs = [] } = kernels.get(launch.executable)?.program ?? {};
            outputs.forEach(({ expr }, k) => {
              const { buffer, byte } = endOf(launch, inputs.length + k, 2);
              if (isHalf(expr.type) && byte % 4 === 2) inner.write(buffer, new Uint8Array(2), byte);
            });
          }
        },
      };
    }),
    foundBy: "layouts/lengths of halves",
  },
  "inputs overwritten": {
    make: broken((inner) => ({
      submit: (launches) => {
        inner.submit(launches);
        for (const { operands } of launches)
          if (operands[0]?.binding && operands.length > 2)
            inner.write(operands[0].binding.buffer!, new Uint8Array(4), operands[0].byteOffset);
      },
    })),
    foundBy: "layouts/lengths of rows",
  },
  "outputs cleared before inputs are read": {
    make: broken((inner) => ({
      submit: (launches) => {
        for (const { operands } of launches) {
          const { binding, byteOffset, offset } = operands[operands.length - 1]!;
          inner.write(binding!.buffer!, new Uint8Array(4), byteOffset + 4 * offset);
        }
        inner.submit(launches);
      },
    })),
    foundBy: "layouts/in place",
  },
  "65,535 rows at most": {
    make: brokenLaunches((l) => (isKernel(l) && l.sizes[0]! > 65_535 ? { ...l, sizes: l.sizes.with(0, 65_535) } : l)),
    foundBy: "layouts/many rows",
  },
  "launches over nothing skipped": {
    make: brokenLaunches((l) => (l.sizes.includes(0) ? undefined : l)),
    foundBy: "layouts/no elements",
  },
  // Reductions.
  "sums that miss the last element": {
    make: brokenReductions((op, values) => (op === "sum" ? values.slice(0, -1) : values)),
    foundBy: "layouts/lengths of rows",
  },
  "long sums that miss one element": {
    make: brokenReductions((op, values) => (op === "sum" && values.length > 1000 ? values.slice(1) : values)),
    foundBy: "layouts/long rows",
  },
  "maxima that start at 0": {
    make: brokenReductions((op, values) => (op === "max" ? [0, ...values] : values)),
    foundBy: "programs/maxima below zero and minima above",
  },
  "maxima that drop NaN": {
    make: brokenReductions((op, values) => (op === "max" ? values.filter((v) => !Number.isNaN(v)) : values)),
    foundBy: "programs/NaN and infinity in reductions",
  },
  "integer sums in floating point": {
    make: brokenNumbers({
      reducer: (op, type) => {
        let total = 0;
        if (isFloat(type) || op !== "sum") return float64Arithmetic.reducer(op, type);
        return {
          add: (v) => {
            total += v;
          },
          result: () => float64Arithmetic.apply("cast", type, "float64", [total]),
        };
      },
    }),
    foundBy: "programs/integers wrap",
  },
  "sums in half precision": {
    make: brokenReductions((op, values, type) =>
      op === "sum" && isFloat(type) ? values.map((v) => Math.fround(v * (1 + 2 ** -11))) : values,
    ),
    foundBy: "programs/gradients of a layer norm",
  },
  "a value counted once however long its row": {
    make: brokenReductions((op, values) =>
      op === "sum" && values.length > 1 && values.every((v) => v === values[0]) ? [values[0]!] : values,
    ),
    foundBy: "programs/reductions of what a row shares",
  },
  "an expression with other bits each time": {
    make: brokenScalars((op, type, _, right) =>
      op === "add" && isFloat(type) ? () => right * (1 + (noise++ % 2) * 2 ** -50) : undefined,
    ),
    foundBy: "programs/a maximum is found again",
  },
  // Numbers.
  "float64 computed in float32": {
    make: brokenScalars((_, type, __, right) => (type === "float64" ? () => Math.fround(right) : undefined)),
    foundBy: "programs/double precision",
  },
  "masks that multiply": {
    make: brokenScalars((op, type) =>
      op === "select" && isFloat(type) ? (c, t, f) => c * t + (1 - c) * f : undefined,
    ),
    foundBy: "programs/masks select",
  },
  "bools of all ones": {
    make: brokenScalars((_, type, __, right) => (type === "bool" ? () => -right : undefined)),
    foundBy: "scalars/lt/float32",
  },
  "exp to three digits": {
    make: brokenScalars((op, _, __, right) => (op === "exp" ? () => right * 1.0004 : undefined)),
    foundBy: "scalars/exp/float32",
  },
  "random words of nine rounds": {
    make: brokenScalars((op, _, __, right) => (op === "mulHigh" ? () => (right ^ 1) >>> 0 : undefined)),
    foundBy: "programs/dropout",
  },
};
