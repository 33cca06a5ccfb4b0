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
  const blocks: Block[] = [];
  for (const i of order) {
    const { byteLength, from, to } = temporaries[i]!;
    const size = round(byteLength);
    for (let b = 0; ; b++) {
      blocks[b] ??= { placed: [], bytes: 0 };
      const block = blocks[b]!;
      const { placed } = block;
      let byteOffset = 0;
      for (const other of placed) {
        // Nothing that starts later can be in the way.
        if (other.byteOffset - byteOffset >= size) break;
        if (other.from <= to && other.to >= from) byteOffset = Math.max(byteOffset, other.end);
      }
      const end = byteOffset + size;
      if (end > maxBlockBytes && placed.length > 0) continue;
      places[i] = { block: b, byteOffset };
      let at = placed.length;
      while (at > 0 && placed[at - 1]!.byteOffset > byteOffset) at--;
      placed.splice(at, 0, { from, to, byteOffset, end });
      block.bytes = Math.max(block.bytes, end);
      break;
    }
  }
  return { places, blockBytes: blocks.map((b) => b.bytes) };
}

type Placed = { readonly from: number; readonly to: number; readonly byteOffset: number; readonly end: number };
/** What lies in a block, by where it starts. */
type Block = { readonly placed: Placed[]; bytes: number };
