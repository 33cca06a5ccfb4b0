// Ids outside their table, told by kernels: each guarded launch has a word on the device, where the first bad row and
// its id appear. Words are read when the user reads, so that nothing waits.

import type { LaunchError } from "@torchium/tensor/backend";
import type { Transfers } from "../memory/transfers.js";
import type { Session } from "../run/session.js";

/** Guarded launches before the words must be read. */
const capacity = 4096;
/** Guarded launches of a submission that always have words left after `makeRoom`. */
export const roomForGuards = capacity / 2;
const wordBytes = 8;

type Guarded = { readonly label: string; readonly tableRows: number };

/** The helper that kernels tell faults with. */
export const faultHelper = `__device__ __forceinline__ void tell_fault(void* word, long long row, int id) {
  atomicMin((unsigned long long*)word, (unsigned long long)row << 32 | (unsigned)id);
}`;

/** The words of one device. */
export class FaultTable {
  readonly #session: Session;
  readonly #transfers: Transfers;
  #address: number | undefined;
  #guarded: Guarded[] = [];
  /** Faults of words that have been read already. */
  readonly #told: LaunchError[] = [];
  /** Words that were ever given out. */
  claims = 0;

  constructor(session: Session, transfers: Transfers) {
    this.#session = session;
    this.#transfers = transfers;
  }

  /** The address of a fresh word for one run of a launch. */
  claim(label: string, tableRows: number): number {
    if (this.#address === undefined) {
      // Not from the pool: it lives as long as the device, and nobody should count it.
      const { driver } = this.#session.gpu;
      driver.check(driver.functions.cuMemAlloc_v2(driver.out.bytes, capacity * wordBytes), "allocate fault words");
      this.#address = driver.out.word;
      this.#clear(capacity);
    }
    if (this.#guarded.length === capacity) this.#collectNow(this.#address);
    this.claims++;
    this.#guarded.push({ label, tableRows });
    return this.#address + (this.#guarded.length - 1) * wordBytes;
  }

  /** Reads the words where many are in use: a graph cannot stop in the middle to do it. */
  makeRoom(): void {
    if (this.#guarded.length > capacity - roomForGuards) this.#collectNow(this.#address!);
  }

  /** Faults since the last call, in the order of launches, after all work so far. */
  async collect(): Promise<readonly LaunchError[]> {
    const guarded = this.#guarded;
    this.#guarded = [];
    if (guarded.length > 0) {
      const read = this.#transfers.read(this.#address!, guarded.length * wordBytes);
      this.#clear(guarded.length);
      this.#told.push(...faultsIn(await read, guarded));
    }
    return this.#told.splice(0);
  }

  /** Frees the words. */
  close(): void {
    if (this.#address !== undefined) this.#session.gpu.driver.functions.cuMemFree_v2(this.#address);
  }

  #collectNow(address: number): void {
    const guarded = this.#guarded;
    this.#guarded = [];
    this.#told.push(...faultsIn(this.#transfers.readNow(address, guarded.length * wordBytes), guarded));
    this.#clear(guarded.length);
  }

  #clear(count: number): void {
    const { gpu, stream } = this.#session;
    const { driver } = gpu;
    driver.check(
      driver.functions.cuMemsetD8Async(this.#address!, 0xff, count * wordBytes, stream.handle),
      "clear fault words",
    );
  }
}

function faultsIn(bytes: Uint8Array, guarded: readonly Guarded[]): LaunchError[] {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return guarded.flatMap(({ label, tableRows }, i): LaunchError[] => {
    const row = words.getUint32(i * wordBytes + 4, true);
    if (row === 0xffffffff) return [];
    const id = words.getInt32(i * wordBytes, true);
    const message = `${label}: id is out of range, got ${id}, expected an integer from 0 to ${tableRows - 1}`;
    return [{ label, code: "index", message }];
  });
}
