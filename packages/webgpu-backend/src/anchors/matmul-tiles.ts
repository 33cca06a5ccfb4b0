// How a matrix product is cut into tiles: a function of its sizes over a few choices.

/** A tile of the result for each work group, a block of it for each thread, and the depth of one round. */
export type Tiles = {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Rows of a thread's block. */
  readonly threadRows: number;
  /** Columns of a thread's block, a multiple of four. */
  readonly threadColumns: number;
  /** Whether threads read the factors from where they lie, each for itself, and never wait for each other. */
  readonly direct?: boolean;
};

const tiles = {
  large: { rows: 128, columns: 128, depth: 16, threadRows: 8, threadColumns: 8 },
  square: { rows: 64, columns: 64, depth: 16, threadRows: 4, threadColumns: 4 },
  flat: { rows: 8, columns: 128, depth: 16, threadRows: 1, threadColumns: 4 },
  tall: { rows: 128, columns: 8, depth: 16, threadRows: 1, threadColumns: 4 },
  small: { rows: 16, columns: 16, depth: 16, threadRows: 1, threadColumns: 4 },
  direct: { rows: 64, columns: 64, depth: 4, threadRows: 8, threadColumns: 8, direct: true },
} as const satisfies Record<string, Tiles>;

/** Name of a way to cut. */
export type TileName = keyof typeof tiles;

/** Tiles by name. */
export const tilesOf = (name: TileName): Tiles => tiles[name];

/** Threads of a work group. */
export const threadsOf = (t: Tiles): number => (t.rows / t.threadRows) * (t.columns / t.threadColumns);

/** Work groups that keep a GPU busy with large tiles. */
const manyGroups = 128;

/** What decides about tiles beside the sizes. */
export type TileLimits = {
  /** False where each element of the result takes much text. */
  readonly mayBeLarge: boolean;
  /** Whether barriers cost more than reading a factor again. */
  readonly dearBarriers: boolean;
};

/** The tiles of `batch` products [m, k] · [k, n]. */
export function chooseTiles(batch: number, m: number, n: number, { mayBeLarge, dearBarriers }: TileLimits): TileName {
  if (m <= 8 && n > 16) return "flat";
  if (n <= 8 && m > 16) return "tall";
  if (dearBarriers) return "direct";
  if (m <= 32 && n <= 32) return "small";
  const groups = (name: TileName): number =>
    batch * Math.ceil(m / tiles[name].rows) * Math.ceil(n / tiles[name].columns);
  return mayBeLarge && groups("large") >= manyGroups ? "large" : "square";
}
