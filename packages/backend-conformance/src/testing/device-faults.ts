// Faults around kernels: submissions, memory, life cycle, anchors. Beside each, the case that must find it.

import type { Backend, BufferHandle, Launch, LaunchError } from "@torchium/tensor/backend";
import { createReferenceBackend } from "@torchium/tensor/reference";
import { broken, brokenLaunches, brokenOperands, type Faults } from "./mutations.js";

const isAnchor = (key: string, name: string): boolean => key.startsWith(`${name}/`);

let released = 0;

/** Devices that are wrong. */
export const deviceFaults: Faults = {
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
    foundBy: "launches/replayed with other bindings and scalars",
  },
  "buffers kept from the first run": {
    make: () => {
      const kept = new WeakMap<Launch, Launch["operands"]>();
      return brokenLaunches((l) => {
        const operands = kept.get(l) ?? l.operands.map((o) => ({ ...o, binding: o.binding && { ...o.binding } }));
        kept.set(l, operands);
        return { ...l, operands };
      })();
    },
    foundBy: "launches/replayed with other bindings and scalars",
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
  "tables that forget what they held": {
    make: broken((inner) => ({
      anchor: (call) => {
        if (call.op !== "scatterInto") return inner.anchor(call);
        const { type } = call.attributes;
        return inner.anchor({ op: "scatterAdd", attributes: { type }, rank: call.rank });
      },
    })),
    foundBy: "anchors/scatterInto add",
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
