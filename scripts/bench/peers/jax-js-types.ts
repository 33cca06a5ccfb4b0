// The part of jax-js that the benchmark uses; the package itself is no dependency of the project.

/** An array or a traced one. Every use takes a reference; `.ref` gives one more. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  add(x: JaxArray | number): JaxArray;
  sub(x: JaxArray | number): JaxArray;
  mul(x: JaxArray | number): JaxArray;
  div(x: JaxArray | number): JaxArray;
  sum(axis?: number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<ArrayLike<number>>;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}

type ArrayFunction = (x: JaxArray) => JaxArray;

/** The library. */
export interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): unknown;
  jit<F>(fn: F): F;
  grad(fn: (...x: JaxArray[]) => JaxArray, options?: { readonly argnums?: readonly number[] }): unknown;
  blockUntilReady(x: readonly JaxArray[]): Promise<unknown>;
  readonly numpy: {
    array(values: ArrayLike<number>): JaxArray;
    ones(shape: readonly number[]): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    swapaxes(x: JaxArray, a: number, b: number): JaxArray;
    take(x: JaxArray, at: JaxArray, axis: number): JaxArray;
    where(condition: JaxArray, a: JaxArray | number, b: JaxArray | number): JaxArray;
    split(x: JaxArray, parts: number, axis: number): JaxArray[];
    minimum(a: JaxArray | number, b: JaxArray | number): JaxArray;
    readonly exp: ArrayFunction;
    readonly log: ArrayFunction;
    readonly tanh: ArrayFunction;
    readonly sqrt: ArrayFunction;
    readonly square: ArrayFunction;
  };
  readonly nn: {
    readonly sigmoid: ArrayFunction;
    gelu(x: JaxArray, options: { readonly approximate: boolean }): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    oneHot(x: JaxArray, classes: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { readonly epsilon: number }): JaxArray;
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { readonly isCausal: boolean }): JaxArray;
  };
  readonly random: {
    key(seed: number): JaxArray;
    bernoulli(key: JaxArray, p: number, shape: readonly number[]): JaxArray;
  };
}
