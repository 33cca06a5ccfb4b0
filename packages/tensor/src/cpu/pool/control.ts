// The control memory of a pool as its owner sees it: commands, kernel records, failures.
// Commands are written while the submit is closed. Kernels may be added while a late worker still looks at the last submit: a
// record is whole before it counts.

import { TensorError } from "../../errors.js";
import { commandByteLength, heapStart, layout, recordHeaderByteLength } from "./layout.js";
import { createMemory, growTo } from "./memory.js";

const maxPages = 4096;
const maxNameByteLength = 112;

/** The control memory as the caller sees it. */
export class Control {
  readonly memory = createMemory(true, 1, maxPages);
  /** Address of the first kernel record. */
  readonly records: number;
  readonly #modules = new WeakMap<Uint8Array, number>();
  #heap = heapStart;
  #nextRecord: number;
  #kernels = 0;
  #commandCapacity = 0;
  #words: Int32Array;

  constructor() {
    this.#words = new Int32Array(this.memory.buffer);
    this.records = this.#allocate(recordHeaderByteLength + maxNameByteLength);
    this.#nextRecord = this.records;
  }

  word(address: number): number {
    return Atomics.load(this.#words, address / 4);
  }

  setWord(address: number, value: number): void {
    Atomics.store(this.#words, address / 4, value);
  }

  /** Writes the commands of a submit that is closed. */
  setCommands(commands: Int32Array, count: number, threads: number): void {
    if (count > this.#commandCapacity) {
      this.#commandCapacity = 2 * count;
      this.setWord(layout.commands, this.#allocate(this.#commandCapacity * commandByteLength));
    }
    this.#words.set(commands.subarray(0, 4 * count), this.word(layout.commands) / 4);
    this.setWord(layout.commandCount, count);
    for (const address of [layout.barrier, layout.taken, layout.done]) this.setWord(address, 0);
    for (let thread = 0; thread < threads; thread++) {
      this.setWord(layout.progress + layout.threadStride * thread + layout.sectionsTaken, 0);
    }
  }

  /** Makes a kernel known to the workers, who load it before their next submit. */
  addKernel(module: Uint8Array, name: string): void {
    const nameBytes = new TextEncoder().encode(name);
    if (nameBytes.length > maxNameByteLength)
      throw new TensorError("internal", `cpu: kernel name too long, got ${name}`);
    const record = this.#nextRecord;
    this.#nextRecord = this.#allocate(recordHeaderByteLength + maxNameByteLength);
    const header = [this.#place(module), module.length, nameBytes.length, this.#nextRecord];
    this.#words.set(header, record / 4);
    new Uint8Array(this.memory.buffer).set(nameBytes, record + recordHeaderByteLength);
    this.setWord(layout.kernelCount, ++this.#kernels);
  }

  /** Notes a failure on a thread, unless one is noted already, and tells all threads to leave the submit. */
  fail(thread: number, message: string): void {
    if (Atomics.compareExchange(this.#words, layout.failure / 4, 0, 1) === 0) {
      const bytes = new TextEncoder().encode(message).subarray(0, layout.failureMessageCapacity);
      this.#words.set([thread, bytes.length], layout.failure / 4 + 1);
      new Uint8Array(this.memory.buffer).set(bytes, layout.failure + 12);
    }
    this.setWord(layout.aborted, 1);
  }

  /** Whether a thread of the submit has failed. */
  get failed(): boolean {
    return this.word(layout.aborted) !== 0;
  }

  /** The failure of the closed submit, of the share of `thread`; afterwards the pool is as new. */
  takeFailure(): { readonly kernel: number; readonly thread: number; readonly message: string } {
    const [runner = 0, length = 0] = this.#words.subarray(layout.failure / 4 + 1);
    const from = layout.failure + 12;
    // A decoder takes no shared memory, so from a copy.
    const message = new TextDecoder().decode(new Uint8Array(this.memory.buffer).slice(from, from + length));
    const progress = layout.progress + layout.threadStride * runner;
    for (const address of [layout.aborted, layout.failure]) this.setWord(address, 0);
    return { kernel: this.word(this.word(progress)), thread: this.word(progress + layout.progressShare), message };
  }

  #place(module: Uint8Array): number {
    const known = this.#modules.get(module);
    if (known !== undefined) return known;
    const address = this.#allocate(module.length);
    new Uint8Array(this.memory.buffer).set(module, address);
    this.#modules.set(module, address);
    return address;
  }

  #allocate(byteLength: number): number {
    const address = this.#heap;
    this.#heap += Math.ceil(byteLength / 16) * 16;
    if (!growTo(this.memory, this.#heap)) {
      throw new TensorError("out-of-memory", `cpu: no room for more kernels, got ${this.#kernels} already`);
    }
    this.#words = new Int32Array(this.memory.buffer);
    return address;
  }
}
