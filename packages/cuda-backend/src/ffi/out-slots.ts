// Where C functions put what they return through a pointer: one array for all calls, read right after each.

/** Eight bytes that a call fills. */
export class OutSlot {
  readonly #buffer = new ArrayBuffer(8);
  /** What to pass as `void *`. */
  readonly bytes = new Uint8Array(this.#buffer);
  readonly #int32 = new Int32Array(this.#buffer);
  readonly #uint64 = new BigUint64Array(this.#buffer);
  readonly #float32 = new Float32Array(this.#buffer);

  /** An `int` that the last call returned. */
  get int(): number {
    return this.#int32[0]!;
  }

  /** A handle, address or size that the last call returned. */
  get word(): number {
    return Number(this.#uint64[0]!);
  }

  /** A `float` that the last call returned. */
  get float(): number {
    return this.#float32[0]!;
  }
}
