// Puts locals that are never needed at the same time into one slot. Kernels name every intermediate value; an engine makes
// each local that a loop assigns a value carried around that loop, so fewer slots compile faster and to better code.

import { type Bytes, unsignedLeb } from "./encoding.js";
import { type Code, localOpcode, type ValueType, valueTypeCode } from "./expression.js";

/** Positions in the body between which a block, a loop or an arm of an `if` runs. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly isLoop: boolean;
}

/** From where to where in the body a local is alive. */
interface Life {
  readonly local: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The slot of every local, and the types of the slots. A local that is assigned once, and used after that in the same construct
 * only, is alive from there to its last use, or to the end of a loop that it is used in but not assigned in; slots go from one
 * such local to the next. All others, and the first `pinned` of them (parameters), keep a slot of their own. `spans` lists inner
 * constructs before outer ones.
 */
function assignSlots(
  body: readonly Code[],
  types: readonly ValueType[],
  pinned: number,
  spans: readonly Span[],
): { readonly slotOf: readonly number[]; readonly slots: readonly ValueType[] } {
  const slots: ValueType[] = types.slice(0, pinned);
  const slotOf: number[] = types.map((_, local) => (local < pinned ? local : -1));
  // When each slot becomes free; those not shared never do.
  const busyUntil: number[] = slots.map(() => Number.POSITIVE_INFINITY);
  for (const { local, start, end } of findLives(body, types.length, pinned, spans)) {
    const type = types[local] as ValueType;
    let slot = slots.findIndex((other, i) => other === type && (busyUntil[i] as number) < start);
    if (slot < 0) slot = slots.push(type) - 1;
    busyUntil[slot] = end;
    slotOf[local] = slot;
  }
  types.forEach((type, local) => {
    if (slotOf[local] === -1) slotOf[local] = slots.push(type) - 1;
  });
  return { slotOf, slots };
}

/** The lives of all locals that may share slots, by their starts. */
function findLives(body: readonly Code[], count: number, pinned: number, spans: readonly Span[]): readonly Life[] {
  const starts = new Int32Array(count).fill(-1);
  const ends = new Int32Array(count);
  const isExcluded = new Uint8Array(count).fill(1, 0, pinned);
  const order: number[] = [];
  body.forEach((code, at) => {
    if (typeof code === "number") return;
    const { local, opcode } = code;
    if (opcode === localOpcode.get) {
      // A use before the assignment sees an earlier turn of a loop.
      if (starts[local] === -1) isExcluded[local] = 1;
    } else if (starts[local] === -1) {
      starts[local] = at;
      order.push(local);
    } else isExcluded[local] = 1;
    ends[local] = at;
  });
  return order.flatMap((local) => {
    const start = starts[local] as number;
    let end = ends[local] as number;
    if (isExcluded[local]) return [];
    // So may a use after the construct.
    const construct = spans.find((span) => span.start <= start && start < span.end);
    if (construct && end >= construct.end) return [];
    for (const span of spans) {
      if (span.isLoop && start < span.start && end >= span.start && end < span.end) end = span.end;
    }
    return [{ local, start, end }];
  });
}

/** The finished code: local declarations and body, with the accesses' bytes in place. */
export function encodeBody(
  body: readonly Code[],
  types: readonly ValueType[],
  pinned: number,
  spans: readonly Span[],
): Uint8Array {
  const { slotOf, slots } = assignSlots(body, types, pinned, spans);
  const declarations = declare(slots.slice(pinned));
  const indices = slotOf.map(unsignedLeb);
  const out = new Uint8Array(declarations.length + body.length * 4);
  out.set(declarations);
  let at = declarations.length;
  for (const code of body) {
    if (typeof code === "number") out[at++] = code;
    else {
      out[at++] = code.opcode;
      for (const byte of indices[code.local] as Bytes) out[at++] = byte;
    }
  }
  return out.subarray(0, at);
}

/** Declarations of locals: runs of one type together. */
function declare(types: readonly ValueType[]): Bytes {
  const runs: { readonly type: ValueType; count: number }[] = [];
  for (const type of types) {
    const last = runs[runs.length - 1];
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return [
    ...unsignedLeb(runs.length),
    ...runs.flatMap(({ type, count }) => [...unsignedLeb(count), valueTypeCode[type]]),
  ];
}
