// Functions that kernels may call outside WebAssembly, other than JavaScript's Math. A thread cannot be handed a function,
// so each makes its own.

/** Functions by name, of numbers that WebAssembly knows. */
export type NativeFunctions = Readonly<Record<string, (...args: number[]) => void>>;

/** Functions that kernels import from the namespace `native`. */
export interface Natives<F extends NativeFunctions = NativeFunctions> {
  /** Makes those of the calling thread, over the data memory. */
  connect(memory: WebAssembly.Memory): F;
  /**
   * How other threads make theirs: the text of a JavaScript function that stands alone, called with the data memory, with `data`
   * (which must survive a structured clone) and, in Node, with `require`.
   */
  readonly worker: { readonly source: string; readonly data: unknown };
}
