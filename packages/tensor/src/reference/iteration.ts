// Walking an iteration space: operands laid over it, indices in order, addresses. Counted in elements.

/** An operand laid over an iteration space; `index` operands of programs are never read or written. */
export interface OperandView<V> {
  /** How far one step along each axis moves. */
  readonly strides: readonly number[];
  /** Address of index (0, …, 0). */
  readonly offset: number;
  /** The element at an address. */
  read(address: number): V;
  /** Stores an element at an address. */
  write(address: number, value: V): void;
}

/** Calls `visit` with every index of a space in row-major order; the array is reused. */
export function forEachIndex(sizes: readonly number[], visit: (index: readonly number[]) => void): void {
  if (sizes.includes(0)) return;
  const index = sizes.map(() => 0);
  for (;;) {
    visit(index);
    let axis = sizes.length - 1;
    while (axis >= 0 && ++index[axis]! === sizes[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** The address of an index; axes that it leaves out count as 0. */
export function addressOf(view: Pick<OperandView<unknown>, "strides" | "offset">, index: readonly number[]): number {
  let address = view.offset;
  for (let axis = 0; axis < index.length; axis++) address += index[axis]! * view.strides[axis]!;
  return address;
}
