// The suite is worth what it catches: each backend here has one fault, and the case named beside it must find it by
// what comes back, not by a crash.

import {
  type Backend,
  type BufferHandle,
  type DType,
  isFloat,
  type Launch,
  type LaunchError,
  type ScalarOp,
  scalarOps,
} from "@torchium/tensor/backend";
import { createReferenceBackend, float64Arithmetic } from "@torchium/tensor/reference";
import * as vitest from "vitest";
import { type CaseName, conformanceCases } from "../all-cases.js";
import { describeConformance } from "../describe-conformance.js";
import { runConformance } from "../run-conformance.js";
import {
  broken,
  brokenLaunches,
  brokenNumbers,
  brokenOperands,
  brokenReductions,
  brokenScalars,
  roundingArithmetic,
} from "./mutations.js";

const { describe, expect, it } = vitest;

const isAnchor = (key: string, name: string): boolean => key.startsWith(`${name}/`);
const isKernel = (launch: Launch): boolean =>
  launch.executable.key.includes("|") && !/^[a-zA-Z]+\/\{/.test(launch.executable.key);

/** The least element of an operand's buffer behind what the launch writes, in bytes. */
function endOf(launch: Launch): { buffer: BufferHandle; byte: number } {
  const last = launch.operands.at(-1)!;
  const reach = last.strides.reduce((sum, stride, axis) => sum + Math.max(0, stride) * (launch.sizes[axis]! - 1), 0);
  return { buffer: last.buffer!, byte: last.byteOffset + 4 * (last.offset + reach + 1) };
}

let released = 0;
let noise = 0;

const faults: Record<string, { readonly make: () => Backend; readonly foundBy: CaseName }> = {
  // Addresses.
  "operands read without their offset": {
    make: brokenOperands((o) => (o.strides.every((s) => s >= 0) ? { ...o, offset: 0 } : o)),
    foundBy: "layouts/classes of maps",
  },
  "positions without their offset": {
    make: brokenOperands((o) => (o.buffer ? o : { ...o, offset: 0 })),
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
  "inputs overwritten": {
    make: broken((inner) => ({
      submit: (launches) => {
        inner.submit(launches);
        for (const { operands } of launches)
          if (operands[0]?.buffer && operands.length > 2)
            inner.write(operands[0].buffer, new Uint8Array(4), operands[0].byteOffset);
      },
    })),
    foundBy: "layouts/lengths of rows",
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
  // Launches.
  "stages in any order": {
    make: brokenLaunches((l) => ({ ...l, stage: 0 })),
    foundBy: "launches/stages in order",
  },
  "scalars kept from the first run": {
    make: () => {
      const kept = new WeakMap<Launch, number[]>();
      return brokenLaunches((l) => {
        const scalars = kept.get(l) ?? [...l.scalars];
        kept.set(l, scalars);
        return { ...l, scalars };
      })();
    },
    foundBy: "launches/replayed with other bindings, scalars and offsets",
  },
  "buffers kept from the first run": {
    make: () => {
      const kept = new WeakMap<Launch, Launch["operands"]>();
      return brokenLaunches((l) => {
        const operands = kept.get(l) ?? l.operands.map((o) => ({ ...o }));
        kept.set(l, operands);
        return { ...l, operands };
      })();
    },
    foundBy: "launches/replayed with other bindings, scalars and offsets",
  },
  "submissions that run at the next read": {
    make: broken((inner) => {
      const waiting: (readonly Launch[])[] = [];
      const flush = (): void => waiting.splice(0).forEach((launches) => inner.submit(launches));
      return {
        submit: (launches) => void waiting.push(launches),
        read: async (...range) => {
          flush();
          return inner.read(...range);
        },
        finish: async () => flush(),
      };
    }),
    foundBy: "launches/read when submitted",
  },
  "recordings with fixed scalars": {
    make: broken((inner) => ({
      capture: (launches) => inner.capture!(launches.map((l) => ({ ...l, scalars: [...l.scalars] }))),
    })),
    foundBy: "launches/captured",
  },
  // Memory.
  "released memory that is not": {
    make: broken((inner) => ({ release: (buffer) => (released++ % 10 === 9 ? undefined : inner.release(buffer)) })),
    foundBy: "lifecycle/nothing left behind",
  },
  "live memory handed out again": {
    make: broken((inner) => {
      const bySize = new Map<number, BufferHandle>();
      return {
        allocate: (byteLength) => {
          const known = bySize.get(byteLength);
          if (known && byteLength === 400) return known;
          const buffer = inner.allocate(byteLength);
          bySize.set(byteLength, buffer);
          return buffer;
        },
        release: (buffer) => (buffer.byteLength === 400 ? undefined : inner.release(buffer)),
      };
    }),
    foundBy: "memory/buffers apart",
  },
  "writes that keep the caller's bytes": {
    make: broken((inner) => {
      const waiting: Parameters<Backend["write"]>[] = [];
      return {
        write: (...args) => void waiting.push(args),
        read: async (...range) => {
          for (const args of waiting.splice(0)) inner.write(...args);
          return inner.read(...range);
        },
      };
    }),
    foundBy: "memory/copies",
  },
  "reads that see later writes": {
    make: broken((inner) => ({
      read: async (...range) => {
        await Promise.resolve();
        return inner.read(...range);
      },
    })),
    foundBy: "memory/copies",
  },
  "partial writes at the start": {
    make: broken((inner) => ({ write: (buffer, bytes) => inner.write(buffer, bytes) })),
    foundBy: "memory/parts",
  },
  "no readSync although it is promised": {
    make: broken(() => ({ readSync: undefined })),
    foundBy: "memory/read at once",
  },
  "memory that is not counted": {
    make: broken((inner) => ({ memory: () => ({ ...inner.memory(), liveBytes: 0 }) })),
    foundBy: "memory/counted",
  },
  "out of memory without a code": {
    make: broken((inner) => ({
      allocate: (byteLength) => {
        if (byteLength > 2 ** 28) throw new RangeError("array buffer allocation failed");
        return inner.allocate(byteLength);
      },
    })),
    foundBy: "lifecycle/out of memory",
  },
  "one device for everybody": {
    make: (() => {
      const one = createReferenceBackend({ limitBytes: 2 ** 28 });
      return () => one;
    })(),
    foundBy: "lifecycle/two at once",
  },
  "a device that is lost from the start": {
    make: broken(() => ({ lost: Promise.resolve(undefined as never) })),
    foundBy: "lifecycle/alive",
  },
  // Anchors.
  "products that share the second factor of a batch": {
    make: brokenOperands((o, sizes, key) =>
      isAnchor(key, "matmul") && sizes.length > 3 && o.strides.at(-1) !== 0 && o.strides.at(-3) === 0
        ? { ...o, strides: o.strides.with(0, 0) }
        : o,
    ),
    foundBy: "anchors/matmul in batches",
  },
  "products without the last term": {
    make: brokenLaunches((l) =>
      isAnchor(l.executable.key, "matmul") && l.sizes.at(-1)! > 1
        ? { ...l, sizes: l.sizes.with(-1, l.sizes.at(-1)! - 1) }
        : l,
    ),
    foundBy: "anchors/matmul of small sizes",
  },
  "rows added in another order": {
    make: brokenOperands((o, sizes, key) => {
      if (!isAnchor(key, "scatterAdd")) return o;
      const stride = o.strides[2]!;
      return { ...o, offset: o.offset + stride * Math.max(0, sizes[2]! - 1), strides: o.strides.with(2, 0 - stride) };
    }),
    foundBy: "anchors/scatterAdd in order",
  },
  "faults kept quiet": {
    make: broken(() => ({ checkErrors: async () => [] })),
    foundBy: "anchors/gather outside",
  },
  "faults told twice": {
    make: broken((inner) => {
      let last: readonly LaunchError[] = [];
      return {
        checkErrors: async () => {
          const errors = [...last, ...(await inner.checkErrors())];
          last = errors;
          return errors;
        },
      };
    }),
    foundBy: "anchors/scatterAdd outside",
  },
  "faults out of order": {
    make: broken((inner) => ({ checkErrors: async () => [...(await inner.checkErrors())].reverse() })),
    foundBy: "anchors/gather faults in order",
  },
  "prefix sums from the wrong end": {
    make: broken((inner) => ({
      anchor: (call) =>
        inner.anchor(
          call.op === "scan"
            ? { ...call, attributes: { ...call.attributes, reverse: !call.attributes.reverse } }
            : call,
        ),
    })),
    foundBy: "anchors/scan",
  },
  "descending order by reading backwards": {
    make: broken((inner) => ({
      anchor: (call) =>
        inner.anchor(call.op === "sort" ? { ...call, attributes: { ...call.attributes, descending: false } } : call),
    })),
    foundBy: "anchors/sort descending",
  },
};

describe("a backend with a fault is found", () => {
  it.each(Object.keys(faults))("%s", async (name) => {
    const { make, foundBy } = faults[name]!;
    const [result] = await runConformance({ name, createBackend: make }, { cases: [foundBy] });
    expect(result).toMatchObject({ name: foundBy, outcome: "failed" });
    expect(result!.message).not.toMatch(/internal:/);
  });
});

describe("every scalar case is alive", () => {
  const wrongBy = (type: DType, right: number): number => {
    if (type === "bool") return 1 - right;
    return isFloat(type) ? right * (1 + 2 ** -16) + 1e-4 : float64Arithmetic.apply("xor", type, type, [right, 1]);
  };
  it.each(Object.keys(scalarOps) as ScalarOp[])("%s", async (op) => {
    const own = conformanceCases.filter((c) => c.name.startsWith(`scalars/${op}/`)).map((c) => c.name);
    expect(own.length).toBeGreaterThan(0);
    const createBackend = brokenScalars((at, type, _, right) => (at === op ? () => wrongBy(type, right) : undefined));
    const results = await runConformance({ name: op, createBackend }, { cases: own });
    expect(results.filter((r) => r.outcome !== "failed").map((r) => r.name)).toEqual([]);
  });
});

// A device that rounds as hardware does, and adds in another order, is right.
describeConformance(
  vitest,
  {
    name: "a rounding device",
    createBackend: () => createReferenceBackend({ limitBytes: 2 ** 28, arithmetic: roundingArithmetic }),
  },
  { levels: ["scalars", "layouts", "programs"] },
);
