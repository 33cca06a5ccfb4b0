// The function around every kernel: reads its parameter block, takes its thread's share, walks the outer axes.

import { type FunctionBuilder, i32, type Local, type Operand } from "../wasm/assembler.js";
import type { Word } from "./lanes.js";
import type { HeaderWord, ParameterLayout } from "./parameters.js";

/** The parameters every kernel function takes. */
export const kernelParams = { params: "i32", thread: "i32", threads: "i32" } as const;

/** Elements that the main loop takes in one turn. */
export const mainRun = 16;

/** A range of positions, `from` inclusive, `to` exclusive. */
export type Range = { readonly from: Word; readonly to: Word };

/** Typed reads of one kernel's parameter block. */
export class Parameters {
  readonly #f: FunctionBuilder;
  readonly #address: Local<"i32">;
  readonly layout: ParameterLayout;

  constructor(f: FunctionBuilder, address: Local<"i32">, layout: ParameterLayout) {
    this.#f = f;
    this.#address = address;
    this.layout = layout;
  }

  /** Reads a word where it stands: for what is used once. */
  word(index: number): Operand<"i32"> {
    return i32.load(this.#address, index * 4);
  }

  /** Reads a word into a local: for what is used often. */
  local(index: number): Word {
    return this.#f.local("i32", this.word(index));
  }

  /** A header word in a local. */
  header(word: HeaderWord): Word {
    return this.local(this.layout.header(word));
  }

  /** The address of a word. */
  addressOf(index: number): Operand<"i32"> {
    return i32.add(this.#address, index * 4);
  }
}

/** The share of `count` that falls to `thread`, in whole multiples of `grain`. */
export function shareOf(f: FunctionBuilder, thread: Word, threads: Word, count: Word, grain: number): Range {
  const grains = i32.divU(i32.add(count, grain - 1), grain);
  const each = f.local("i32", i32.mul(i32.divU(i32.add(grains, i32.sub(threads, 1)), threads), grain));
  const from = f.local("i32", least(f, i32.mul(thread, each), count));
  const to = f.local("i32", least(f, i32.add(from, each), count));
  return { from, to };
}

function least(f: FunctionBuilder, a: Operand<"i32">, b: Word): Operand<"i32"> {
  const x = f.local("i32", a);
  return i32.select(x, b, i32.ltS(x, b));
}

/** The shares of a thread: of the outer positions and of the lanes, one of them whole. */
export function takeShares(
  f: FunctionBuilder,
  parameters: Parameters,
  thread: Word,
  threads: Word,
): { readonly outer: Range; readonly lanes: Range } {
  const whole = (count: HeaderWord): Range => ({ from: f.local("i32", 0), to: parameters.header(count) });
  const [outer, lanes] = [whole("outerCount"), whole("laneCount")];
  const narrow = ({ from, to }: Range, grain: number) => {
    const share = shareOf(f, thread, threads, to, grain);
    f.set(from, share.from);
    f.set(to, share.to);
  };
  f.if(
    parameters.header("splitLanes"),
    () => narrow(lanes, mainRun),
    () => narrow(outer, 1),
  );
  return { outer, lanes };
}

/**
 * Runs `body` for every outer position of `range`, in order, with `pointers` (one an operand) at that position.
 * Leaves the function when the range is empty.
 */
export function walkOuter(
  f: FunctionBuilder,
  parameters: Parameters,
  range: Range,
  pointers: readonly Word[],
  body: () => void,
): void {
  const { layout } = parameters;
  f.if(i32.geS(range.from, range.to), () => f.return());
  const indices = startAt(f, parameters, range.from, pointers);
  const position = f.local("i32", range.from);
  f.loop((next) => {
    body();
    f.increment(position, 1);
    f.if(i32.ltS(position, range.to), () => {
      f.block((moved) => {
        for (let axis = layout.outer - 1; axis >= 0; axis--) {
          const index = indices[axis]!;
          const move = () => {
            pointers.forEach((pointer, i) => f.increment(pointer, parameters.word(layout.step(i, axis))));
            f.br(moved);
          };
          f.increment(index, 1);
          if (axis === 0) move();
          else f.if(i32.ltS(index, parameters.word(layout.size(axis))), move);
          f.set(index, 0);
        }
      });
      f.br(next);
    });
  });
}

/** Moves the pointers from position 0 to position `from`; gives the indices there. */
export function startAt(
  f: FunctionBuilder,
  parameters: Parameters,
  from: Word,
  pointers: readonly Word[],
): readonly Word[] {
  const { layout } = parameters;
  const rest = f.local("i32", from);
  const indices: Word[] = [];
  for (let axis = layout.outer - 1; axis >= 0; axis--) {
    const size = parameters.local(layout.size(axis));
    const index = f.local("i32", axis === 0 ? rest : i32.remU(rest, size));
    if (axis > 0) f.set(rest, i32.divU(rest, size));
    pointers.forEach((pointer, i) => f.increment(pointer, i32.mul(index, parameters.word(layout.stride(i, axis)))));
    indices[axis] = index;
  }
  return indices;
}

/** Runs `body` for one stretch of at most `lanes` of `range` after the other. */
export function eachTile(f: FunctionBuilder, range: Range, lanes: number, body: (tile: Range) => void): void {
  const from = f.local("i32");
  f.for(from, range.from, range.to, lanes, () => {
    body({ from, to: f.local("i32", least(f, i32.add(from, lanes), range.to)) });
  });
}

/** What happens each time so many turns of the main loop have run. */
export type Block = { readonly turns: number; readonly after: () => void };

/** Runs `body` over `range` in runs of 16 elements and then of 4, the last of which may be incomplete. */
export function walkLanes(
  f: FunctionBuilder,
  range: Range,
  block: Block | undefined,
  body: (at: Word, fours: 4 | 1, remaining?: Word) => void,
): void {
  const at = f.local("i32", range.from);
  const whole = f.local("i32", i32.add(range.from, i32.and(i32.sub(range.to, range.from), -mainRun)));
  const turns = (end: Word) =>
    f.while(i32.ltS(at, end), () => {
      body(at, 4);
      f.increment(at, mainRun);
    });
  if (!block) turns(whole);
  else {
    f.while(i32.ltS(at, whole), () => {
      const end = f.local("i32", least(f, i32.add(at, block.turns * mainRun), whole));
      turns(end);
      block.after();
    });
  }
  f.while(i32.ltS(at, range.to), () => {
    body(at, 1, f.local("i32", i32.sub(range.to, at)));
    f.increment(at, 4);
  });
}
