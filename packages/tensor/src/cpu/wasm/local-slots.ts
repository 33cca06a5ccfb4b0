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

interface Life {
  readonly local: number;
  readonly start: number;
  end: number;
}

/**
 * The body's bytes and the types of its slots after the parameters. A local that is assigned once, and used after that in the same
 * construct only, is alive from there to its last use, or to the end of a loop that it is used in but not assigned in; slots go
 * from one such local to the next. All others, and the first `pinned` of them (parameters), keep a slot of their own. `spans` lists
 * inner constructs before outer ones.
 */
export function assignSlots(
  body: readonly Code[],
  types: readonly ValueType[],
  pinned: number,
  spans: readonly Span[],
): { readonly bytes: Bytes; readonly declarations: Bytes } {
  const lives = new Map(findLives(body, pinned, spans).map((life) => [life.local, life]));
  const slots: ValueType[] = types.slice(0, pinned);
  const slotOf = types.map((type, local) => (local < pinned || lives.has(local) ? local : slots.push(type) - 1));

  const free = new Map<ValueType, number[]>();
  const freeOf = (type: ValueType) => free.get(type) ?? free.set(type, []).get(type) ?? [];
  let alive: Life[] = [];
  for (const life of [...lives.values()].sort((a, b) => a.start - b.start)) {
    const ended = alive.filter(({ end }) => end < life.start);
    alive = alive.filter(({ end }) => end >= life.start);
    for (const { local } of ended) freeOf(types[local] as ValueType).push(slotOf[local] as number);
    const type = types[life.local] as ValueType;
    slotOf[life.local] = freeOf(type).pop() ?? slots.push(type) - 1;
    alive.push(life);
  }
  const bytes = body.flatMap((code) =>
    typeof code === "number" ? code : [code.opcode, ...unsignedLeb(slotOf[code.local] as number)],
  );
  return { bytes, declarations: declare(slots.slice(pinned)) };
}

/** The lives of all locals that may share slots. */
function findLives(body: readonly Code[], pinned: number, spans: readonly Span[]): readonly Life[] {
  const lives = new Map<number, Life>();
  const excluded = new Set<number>();
  body.forEach((code, at) => {
    if (typeof code === "number" || code.local < pinned) return;
    const life = lives.get(code.local);
    if (code.opcode === localOpcode.get) {
      if (life) life.end = at;
      else excluded.add(code.local);
    } else if (life) excluded.add(code.local);
    else lives.set(code.local, { local: code.local, start: at, end: at });
  });
  return [...lives.values()].filter((life) => {
    if (excluded.has(life.local)) return false;
    // A use after the construct may see the value of an earlier turn of a loop around it.
    const construct = spans.find(({ start, end }) => start <= life.start && life.start < end);
    if (construct && life.end >= construct.end) return false;
    for (const { start, end, isLoop } of spans) {
      if (isLoop && life.start < start && life.end >= start && life.end < end) life.end = end;
    }
    return true;
  });
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
