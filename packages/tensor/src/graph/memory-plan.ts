// Places short-lived buffers in as few bytes as their lifetimes allow.

/** A temporary: its size and the first and last stage that touches it. */
export type Temporary = { readonly byteLength: number; readonly from: number; to: number };

/** Where a temporary lies: in which block, at which byte. */
export type Place = { readonly block: number; readonly byteOffset: number };

export type MemoryPlan = { readonly places: readonly Place[]; readonly blockBytes: readonly number[] };

/**
 * Greedy by size: the largest first, each at the lowest free offset of the first block that has room. Temporaries that
 * meet in a stage never overlap. Blocks stay within `maxBlockBytes`, unless a single temporary is larger.
 */
export function planMemory(temporaries: readonly Temporary[], alignment: number, maxBlockBytes: number): MemoryPlan {
  const round = (n: number): number => Math.ceil(Math.max(n, 1) / alignment) * alignment;
  const order = temporaries
    .map((_, i) => i)
    .sort((a, b) => temporaries[b]!.byteLength - temporaries[a]!.byteLength || a - b);
  const places = new Array<Place>(temporaries.length);
  const blocks: { placed: number[]; bytes: number }[] = [];
  for (const i of order) {
    const t = temporaries[i]!;
    const size = round(t.byteLength);
    for (let b = 0; ; b++) {
      blocks[b] ??= { placed: [], bytes: 0 };
      const block = blocks[b]!;
      const busy = block.placed
        .filter((j) => temporaries[j]!.from <= t.to && temporaries[j]!.to >= t.from)
        .map((j) => [places[j]!.byteOffset, places[j]!.byteOffset + round(temporaries[j]!.byteLength)] as const)
        .sort((x, y) => x[0] - y[0]);
      let at = 0;
      for (const [start, end] of busy) {
        if (start - at >= size) break;
        at = Math.max(at, end);
      }
      if (at + size > maxBlockBytes && block.placed.length > 0) continue;
      places[i] = { block: b, byteOffset: at };
      block.placed.push(i);
      block.bytes = Math.max(block.bytes, at + size);
      break;
    }
  }
  return { places, blockBytes: blocks.map((b) => b.bytes) };
}
