// Backends come, run out of memory, live beside each other, leave nothing behind, and go.

import { type Backend, TensorError } from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { check } from "../failure.js";
import { namedPrograms } from "../programs/named.js";
import { denseRun } from "../programs/run.js";
import { Random } from "../random.js";
import { kernelTrial } from "../trial.js";
import { bytesOf, checkNumbers, numbersIn, Workbench } from "../workbench.js";

/** Runs `body` on backends of its own and disposes them. */
async function withBackends(
  { createBackend }: CaseContext,
  count: number,
  body: (backends: readonly Backend[]) => Promise<void>,
): Promise<void> {
  const backends: Backend[] = [];
  try {
    for (let i = 0; i < count; i++) backends.push(await createBackend());
    await body(backends);
  } finally {
    for (const backend of backends) backend.dispose();
  }
}

/** Some real work, checked. */
async function work(backend: Backend, seed: number): Promise<void> {
  const runs = namedPrograms.softmax(new Random(seed), backend.capabilities);
  await new Workbench(backend).check(runs.map(kernelTrial));
}

/** What `body` throws. */
function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** From the first allocation to the last. */
export const lifecycleCases = {
  "lifecycle/out of memory": async (context) => {
    await withBackends(context, 1, async ([backend]) => {
      const { limitBytes } = backend!.memory();
      const most = Math.min(limitBytes, backend!.capabilities.maxBufferByteLength);
      const before = backend!.memory().liveBytes;
      for (const tooMuch of [most + 1024, 4 * limitBytes]) {
        const error = thrownBy(() => backend!.allocate(tooMuch));
        check(
          TensorError.is(error, "out-of-memory"),
          () => `allocate(${tooMuch}) of ${limitBytes}: expected an out-of-memory TensorError, got ${error}`,
        );
      }
      check(backend!.memory().liveBytes === before, "an allocation that failed counts as live");
      await work(backend!, context.seed);
    });
  },

  "lifecycle/two at once": async (context) => {
    await withBackends(context, 2, async ([one, two]) => {
      const buffers = [one!, two!].map((backend, i) => {
        const buffer = backend.allocate(16);
        backend.write(buffer, bytesOf("int32", [i, i, i, i]));
        return buffer;
      });
      await Promise.all([work(one!, 1), work(two!, 2)]);
      for (const [i, backend] of [one!, two!].entries()) {
        checkNumbers(numbersIn("int32", await backend.read(buffers[i]!, 0, 16)), [i, i, i, i], `backend ${i}`);
      }
      one!.dispose();
      await work(two!, 3);
    });
  },

  "lifecycle/nothing left behind": async (context) => {
    await withBackends(context, 1, async ([backend]) => {
      await work(backend!, 0);
      const start = backend!.memory();
      let pooled = start.pooledBytes;
      for (let round = 1; round <= 60; round++) {
        await work(backend!, round);
        const now = backend!.memory();
        check(
          now.liveBytes === start.liveBytes,
          () => `liveBytes went from ${start.liveBytes} to ${now.liveBytes} in round ${round}`,
        );
        if (round === 10) pooled = now.pooledBytes;
      }
      const end = backend!.memory().pooledBytes;
      check(end <= pooled, () => `pooledBytes went from ${pooled} in round 10 to ${end} in round 60 of the same work`);
    });
  },

  "lifecycle/recompiled": async (context) => {
    await withBackends(context, 1, async ([backend]) => {
      const random = new Random(context.seed);
      const [run] = namedPrograms["layer norm"](random, backend!.capabilities);
      // The same structure again, from other sizes: the executable must serve both.
      for (const sizes of [
        [3, 17],
        [8, 64],
        [1, 5],
      ]) {
        await new Workbench(backend!).check([
          kernelTrial(denseRun(random, `over [${sizes.join(", ")}]`, run!.program, sizes)),
        ]);
      }
    });
  },

  "lifecycle/alive": async (context) => {
    await withBackends(context, 1, async ([backend]) => {
      const alive = Symbol("alive");
      const state = await Promise.race([backend!.lost, Promise.resolve(alive)]);
      check(state === alive, "lost has settled although the device is there");
      await backend!.finish();
    });
  },

  "lifecycle/disposed in use": async (context) => {
    const backend = await context.createBackend();
    await work(backend, 1);
    backend.allocate(1024);
    backend.dispose();
    const [again] = await Promise.all([context.createBackend()]);
    await work(again, 2);
    again.dispose();
  },
} as const satisfies CaseTable;
