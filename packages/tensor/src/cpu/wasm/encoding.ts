// Byte-level encoding of the WebAssembly binary format: LEB128 numbers, floats, names, sections.
// Everything is plain arrays of byte values until a module is finished.

/** Bytes in the making. */
export type Bytes = readonly number[];

/** Unsigned LEB128 of an integer in [0, 2³²). */
export function unsignedLeb(value: number): Bytes {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest = Math.floor(rest / 128);
    out.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return out;
}

/** Signed LEB128 of a 32-bit integer; values in [2³¹, 2³²) wrap to their signed twin. */
export function signedLeb(value: number): Bytes {
  return signedLeb64(BigInt(value | 0));
}

/** Signed LEB128 of a 64-bit integer; values in [2⁶³, 2⁶⁴) wrap to their signed twin. */
export function signedLeb64(value: bigint): Bytes {
  const out: number[] = [];
  let rest = BigInt.asIntN(64, value);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
    out.push(done ? low : low | 0x80);
    if (done) return out;
  }
}

/** The four little-endian bytes of a float32. */
export function float32Bytes(value: number): Bytes {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** The eight little-endian bytes of a float64. */
export function float64Bytes(value: number): Bytes {
  return [...new Uint8Array(Float64Array.of(value).buffer)];
}

/** A UTF-8 name with its length before it. */
export function nameBytes(name: string): Bytes {
  return sized([...new TextEncoder().encode(name)]);
}

/** Content with its byte length before it. */
export function sized(content: Bytes): Bytes {
  return [...unsignedLeb(content.length), ...content];
}

/** Items with their count before them. */
export function vector(items: readonly Bytes[]): Bytes {
  return [...unsignedLeb(items.length), ...items.flat()];
}

/** All parts one after another. */
export function concatenate(parts: readonly (Bytes | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
