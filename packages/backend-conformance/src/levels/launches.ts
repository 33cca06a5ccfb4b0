// Submissions: stages in order, launches read when they are submitted, recordings replayed, and the order of copies.

import {
  type Binding,
  type BufferHandle,
  type Executable,
  input,
  kernelOf,
  type Launch,
  makeProgram,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { check, NotOffered } from "../failure.js";
import { bytesOf, checkNumbers, numbersIn } from "../workbench.js";

const length = 1000;
const byteLength = 4 * length;
const x = input(0, "float32", "full");
const strides = [[1], [1]];

/** y0 = 2·x0 + s0: neither commutes with itself nor gives the same twice. */
const step = makeProgram({
  inputs: [{ kind: "buffer", type: "float32", role: "full" }],
  scalars: ["float32"],
  reduces: [],
  outputs: [{ expr: s.add(s.mul(x, 2), scalar(0, "float32")), role: "full" }],
});
const kernel = kernelOf(step, { sizes: [length], strides });

/** Some buffers of 1000 float32 and the kernel y = 2x + s between them. */
class Desk {
  readonly #context: CaseContext;
  readonly executable: Executable;
  readonly #buffers: BufferHandle[] = [];

  constructor(context: CaseContext) {
    this.#context = context;
    this.executable = this.backend.compile(kernel);
  }

  get backend() {
    return this.#context.bench.backend;
  }

  /** A buffer filled with one number, or with garbage. */
  buffer(value?: number): BufferHandle {
    const buffer = this.backend.allocate(byteLength);
    this.#buffers.push(buffer);
    if (value !== undefined) this.fill(buffer, value);
    return buffer;
  }

  fill(buffer: BufferHandle, value: number): void {
    this.backend.write(buffer, bytesOf("float32", new Array<number>(length).fill(value)));
  }

  /** to = 2·from + add. */
  launch(from: BufferHandle, to: BufferHandle, add: number, stage: number): Launch {
    const operands = [from, to].map((buffer) => ({ binding: { buffer }, byteOffset: 0, strides: [1], offset: 0 }));
    return { executable: this.executable, sizes: [length], operands, scalars: [add], stage, label: `step ${stage}` };
  }

  async expect(buffer: BufferHandle, value: number, what: string): Promise<void> {
    const got = numbersIn("float32", await this.backend.read(buffer, 0, byteLength));
    checkNumbers(got, new Array<number>(length).fill(value), what);
  }

  /** Releases all buffers but those that the case has released. */
  clear(released: readonly BufferHandle[] = []): void {
    for (const buffer of this.#buffers) if (!released.includes(buffer)) this.backend.release(buffer);
  }
}

/** Runs `body` at a desk and clears it. */
const atDesk =
  (body: (desk: Desk) => Promise<readonly BufferHandle[] | undefined>) =>
  async (context: CaseContext): Promise<void> => {
    const desk = new Desk(context);
    let released: readonly BufferHandle[] | undefined;
    try {
      released = await body(desk);
    } finally {
      desk.clear(released);
    }
  };

/** Submissions and their order. */
export const launchCases = {
  "launches/stages in order": atDesk(async (desk) => {
    const [a, b] = [desk.buffer(1), desk.buffer()];
    const launches: Launch[] = [];
    let value = 1;
    for (let stage = 0; stage < 40; stage++) {
      const [from, to] = stage % 2 ? [b, a] : [a, b];
      const add = stage % 7 === 0 ? 1 - 2 * value : 1;
      value = 2 * value + add;
      launches.push(desk.launch(from, to, add, stage));
    }
    desk.backend.submit(launches);
    await desk.expect(a, value, "a chain of 40 stages");
    return undefined;
  }),

  "launches/stages with gaps": atDesk(async (desk) => {
    const [a, b, c, d] = [desk.buffer(1), desk.buffer(), desk.buffer(), desk.buffer()];
    desk.backend.submit([desk.launch(a, b, 0, 3), desk.launch(a, c, 1, 3), desk.launch(c, d, 5, 17)]);
    await desk.expect(b, 2, "the first of a stage");
    await desk.expect(d, 11, "a stage after a gap");
    return undefined;
  }),

  "launches/wide stages": atDesk(async (desk) => {
    const source = desk.buffer(3);
    const middle = Array.from({ length: 30 }, () => desk.buffer());
    const ends = middle.map(() => desk.buffer());
    desk.backend.submit([
      ...middle.map((to, i) => desk.launch(source, to, i, 0)),
      ...middle.map((from, i) => desk.launch(from, ends[i]!, 0, 1)),
    ]);
    for (const [i, end] of ends.entries()) await desk.expect(end, 2 * (6 + i), `launch ${i} of a stage of 30`);
    return undefined;
  }),

  "launches/submissions in order": atDesk(async (desk) => {
    const [a, b] = [desk.buffer(1), desk.buffer()];
    desk.backend.submit([desk.launch(a, b, 1, 0)]);
    desk.backend.submit([desk.launch(b, a, 1, 0)]);
    desk.fill(b, 5);
    desk.backend.submit([]);
    await desk.expect(a, 7, "the second submission");
    await desk.expect(b, 5, "a write after a submission");
    desk.backend.submit([desk.launch(b, a, 0, 0)]);
    desk.fill(b, 9);
    await desk.expect(a, 10, "a submission before a write to what it reads");
    return undefined;
  }),

  "launches/replayed with other bindings and scalars": atDesk(async (desk) => {
    const [a, b, c] = [desk.buffer(1), desk.buffer(0), desk.buffer(4)];
    const launch = desk.launch(a, b, 1, 0);
    const launches = [launch];
    desk.backend.submit(launches);
    await desk.expect(b, 3, "the first run");
    launch.scalars[0] = 10;
    desk.backend.submit(launches);
    await desk.expect(b, 12, "a run with another scalar");
    launch.operands[0]!.binding!.buffer = c;
    launch.operands[1]!.binding!.buffer = a;
    desk.backend.submit(launches);
    await desk.expect(a, 18, "a run with other buffers");
    await desk.expect(b, 12, "a buffer that the launch has left");
    return undefined;
  }),

  "launches/replayed with a binding that they share": atDesk(async (desk) => {
    const { bindingAlignment: start } = desk.backend.capabilities;
    const binding: Binding = { buffer: undefined };
    const behind = { binding, byteOffset: start, strides: [1], offset: 0 };
    const [first, second] = [0, 1].map((stage) => desk.launch(desk.buffer(3), desk.buffer(), 1, stage));
    const launches = [
      { ...first!, operands: [first!.operands[0]!, behind] },
      { ...second!, operands: [behind, { ...behind }] },
    ];
    const buffers = [0, 1, 2].map(() => desk.backend.allocate(start + byteLength));
    for (const buffer of buffers) {
      binding.buffer = buffer;
      desk.backend.submit(launches);
    }
    for (const buffer of buffers) {
      const got = numbersIn("float32", await desk.backend.read(buffer, start, byteLength));
      checkNumbers(got, new Array<number>(length).fill(15), "a run in a buffer of its own");
      desk.backend.release(buffer);
    }
    return undefined;
  }),

  "launches/read when submitted": atDesk(async (desk) => {
    const [a, b, c] = [desk.buffer(1), desk.buffer(0), desk.buffer(0)];
    const launch = desk.launch(a, b, 1, 0);
    desk.backend.submit([launch]);
    launch.scalars[0] = 100;
    launch.operands[1]!.binding!.buffer = c;
    await desk.expect(b, 3, "a launch that was changed after its submission");
    await desk.expect(c, 0, "a buffer bound after the submission");
    return undefined;
  }),

  "launches/released behind": atDesk(async (desk) => {
    const [a, b] = [desk.buffer(2), desk.buffer()];
    desk.backend.submit([desk.launch(a, b, 1, 0)]);
    desk.backend.release(a);
    const reused = desk.buffer(77);
    await desk.expect(b, 5, "a launch whose input was released after it was submitted");
    await desk.expect(reused, 77, "a buffer allocated after a release");
    return [a];
  }),

  "launches/captured": atDesk(async (desk) => {
    if (!desk.backend.capture) throw new NotOffered("capture");
    const [a, b, c, d] = [desk.buffer(1), desk.buffer(), desk.buffer(), desk.buffer()];
    const launches = [desk.launch(a, b, 1, 0), desk.launch(b, c, 1, 1)];
    const executable = desk.backend.capture(launches);
    const replay: Launch = { executable, sizes: [], operands: [], scalars: [], stage: 0, label: "replay" };
    desk.backend.submit([replay]);
    await desk.expect(c, 7, "a recording");
    launches[0]!.scalars[0] = 5;
    launches[1]!.operands[1]!.binding!.buffer = d;
    desk.backend.submit([replay]);
    await desk.expect(d, 15, "a recording with another scalar and buffer");
    await desk.expect(c, 7, "a buffer that the recording has left");
    // A backend may do better the more often it runs a recording, and must stay right.
    for (const [first, last] of [
      [2, 8],
      [2, 8],
      [11, 30],
    ] as const) {
      launches[0]!.scalars[0] = first;
      launches[1]!.scalars[0] = last - 2 * (2 + first);
      desk.backend.submit([replay]);
      await desk.expect(d, last, "a recording that runs again");
    }
    launches[1]!.operands[1]!.binding!.buffer = c;
    desk.backend.submit([replay]);
    await desk.expect(c, 30, "a recording with the buffer that it had at first");
    return undefined;
  }),

  "launches/prepared": atDesk(async (desk) => {
    if (!desk.backend.prepare) throw new NotOffered("prepare");
    await desk.backend.prepare([
      kernel,
      kernelOf(step, {
        sizes: [2, 2],
        strides: [
          [4, 2],
          [2, 1],
        ],
      }),
    ]);
    const [a, b] = [desk.buffer(1), desk.buffer()];
    desk.backend.submit([desk.launch(a, b, 1, 0)]);
    await desk.expect(b, 3, "a prepared kernel");
    return undefined;
  }),

  "launches/timed": atDesk(async (desk) => {
    if (!desk.backend.time) throw new NotOffered("time");
    const milliseconds = await desk.backend.time([desk.launch(desk.buffer(1), desk.buffer(), 1, 0)]);
    check(Number.isFinite(milliseconds) && milliseconds >= 0, `time gave ${milliseconds}, expected milliseconds`);
    return undefined;
  }),

  "launches/no false alarms": atDesk(async (desk) => {
    desk.backend.submit([desk.launch(desk.buffer(1), desk.buffer(), 1, 0)]);
    await desk.backend.finish();
    const errors = await desk.backend.checkErrors();
    check(errors.length === 0, () => `checkErrors after a sound launch: ${JSON.stringify(errors)}`);
    return undefined;
  }),
} as const satisfies CaseTable;
