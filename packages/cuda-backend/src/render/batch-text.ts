// One grid for several launches of one text: their arguments are a table in the grid's own arguments, which lie in constant
// memory, and each block finds its launch by where the launches' blocks start.

/** Where things lie in the arguments of a grid of up to `capacity` launches, whose own have `paramsBytes` bytes. */
export function batchLayout(capacity: number, paramsBytes: number) {
  const paramsAt = Math.ceil((4 * capacity) / 8) * 8;
  return { paramsAt, byteLength: paramsAt + capacity * paramsBytes };
}

/** The most launches whose arguments fit into `mostBytes`. */
export const mostLaunches = (paramsBytes: number, mostBytes: number): number =>
  Math.floor((mostBytes - 4) / (paramsBytes + 4));

/** The arguments: launches that are not there start behind every block. */
export const batchDeclaration = (capacity: number): string =>
  `struct __align__(8) Batch { int starts[${capacity}]; Params params[${capacity}]; };`;

/** Statements that give `P` and `block` of the launch that a block belongs to. */
export function batchStart(capacity: number): string[] {
  const half = 2 ** Math.max(0, Math.ceil(Math.log2(capacity)) - 1);
  return [
    "int mine = 0;",
    `for (int step = ${half}; step > 0; step /= 2)`,
    `  if (mine + step < ${capacity} && B.starts[mine + step] <= (int)blockIdx.x) mine += step;`,
    "const Params& P = B.params[mine];",
    "const unsigned block = blockIdx.x - B.starts[mine];",
  ];
}
