// TensorFlow.js: the work of the rows, in its kernels one after the other, as its users compose them.
import type { Row } from "../rows.js";
import { idWave, meanSize, type Work, type Works, wave } from "../work.js";

interface TfTensor {
  readonly shape: readonly number[];
  dispose(): void;
  dataSync(): ArrayLike<number>;
}
type Make = (...args: readonly unknown[]) => TfTensor;
type TfFunction = (...x: TfTensor[]) => TfTensor;
type Named =
  | ("tensor" | "zeros" | "matMul" | "add" | "sub" | "mul" | "div" | "sum" | "mean" | "square" | "sqrt" | "rsqrt")
  | ("exp" | "log" | "tanh" | "sigmoid" | "erf" | "softmax" | "transpose" | "gather" | "oneHot" | "dropout")
  | "scatterND";

/** The part of the library that the benchmark uses; the package itself is no dependency of the project. */
export interface Tf extends Readonly<Record<Named, Make>> {
  setBackend(name: string): Promise<boolean>;
  tidy<T>(of: () => T): T;
  grads(fn: TfFunction): (x: readonly TfTensor[], gradient?: TfTensor) => TfTensor[];
}

type Sizes = Row["sizes"];

/** The rows' works, by their `op`. */
export function tfjsWorks(tf: Tf): Works {
  const waveTensor = (seed: number, ...shape: readonly number[]): TfTensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    return tf.tensor(wave(count, seed), shape);
  };
  const ids = (count: number, limit: number): TfTensor => tf.tensor(idWave(count, limit), [count], "int32");

  function several(inputs: readonly TfTensor[], of: () => readonly TfTensor[]): Work {
    const call = (): readonly TfTensor[] => tf.tidy(of);
    const free = (results: readonly TfTensor[]): void => {
      for (const y of results) y.dispose();
    };
    return {
      run: () => free(call()),
      check: () => {
        const results = call();
        const size = meanSize(results[0]!.dataSync());
        free(results);
        return size;
      },
      dispose: () => free(inputs),
    };
  }
  const value = (inputs: readonly TfTensor[], of: TfFunction): Work => several(inputs, () => [of(...inputs)]);

  const unary =
    (op: TfFunction) =>
    ({ count }: Sizes): Work =>
      value([tf.tensor(wave(count!, 0).map((v) => v + 1.5))], op);
  const onRows =
    (op: TfFunction) =>
    ({ rows, columns }: Sizes): Work =>
      value([waveTensor(0, rows!, columns!)], op);

  const gelu: TfFunction = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const layerNorm: TfFunction = (x, weight, bias) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
    return tf.add(tf.mul(tf.mul(centred, scale), weight), bias);
  };
  /** Attention in which nobody looks ahead; `mask` is 0 where a place may be seen and −10⁹ elsewhere. */
  const attention = (mask: TfTensor, width: number): TfFunction => {
    return (q, k, v) => {
      const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width)), mask);
      return tf.matMul(tf.softmax(scores), v);
    };
  };
  const maskOf = (length: number): TfTensor => {
    const above = (i: number): number => (i % length > Math.floor(i / length) ? -1e9 : 0);
    return tf.tensor(
      Float32Array.from({ length: length * length }, (_, i) => above(i)),
      [length, length],
    );
  };
  const heads = ({ batch, heads, length, width }: Sizes, count: number): TfTensor[] =>
    Array.from({ length: count }, (_, seed) => waveTensor(seed, batch!, heads!, length!, width!));

  return {
    matmul: ({ m, n, k, batch, transposeA, transposeB }) => {
      const a = transposeA ? waveTensor(0, batch!, k!, m!) : waveTensor(0, batch!, m!, k!);
      const b = transposeB ? waveTensor(1, batch!, n!, k!) : waveTensor(1, batch!, k!, n!);
      return value([a, b], (x, y) => tf.matMul(x, y, transposeA === 1, transposeB === 1));
    },
    linearGelu: ({ m, n, k }) =>
      value([waveTensor(0, m!, k!), waveTensor(1, n!, k!), waveTensor(2, n!)], (x, weight, bias) =>
        gelu(tf.add(tf.matMul(x, weight, false, true), bias)),
      ),
    add: ({ count }) => value([waveTensor(0, count!), waveTensor(1, count!)], (a, b) => tf.add(a, b)),
    exp: unary((x) => tf.exp(x)),
    log: unary((x) => tf.log(x)),
    tanh: unary((x) => tf.tanh(x)),
    sigmoid: unary((x) => tf.sigmoid(x)),
    gelu: unary(gelu),
    sum: unary((x) => tf.sum(x)),
    dropout: unary((x) => tf.dropout(x, 0.1)),
    softmax: onRows((x) => tf.softmax(x)),
    columnSum: onRows((x) => tf.sum(x, 0)),
    transpose: onRows((x) => tf.transpose(x)),
    permute: ({ batch, heads, length, width }) =>
      value([waveTensor(0, batch!, length!, heads!, width!)], (x) => tf.transpose(x, [0, 2, 1, 3])),
    layerNorm: ({ rows, columns }) =>
      value([waveTensor(0, rows!, columns!), waveTensor(1, columns!), waveTensor(2, columns!)], layerNorm),
    layerNormBackward: ({ rows, columns }) => {
      const inputs = [waveTensor(0, rows!, columns!), waveTensor(1, columns!), waveTensor(2, columns!)];
      const gradient = waveTensor(3, rows!, columns!);
      return several([...inputs, gradient], () => tf.grads(layerNorm)(inputs, gradient));
    },
    crossEntropy: ({ rows, columns }) =>
      value([waveTensor(0, rows!, columns!), ids(rows!, columns!)], (x, target) =>
        tf.mul(tf.sub(tf.softmax(x), tf.oneHot(target, columns)), 1 / rows!),
      ),
    gather: ({ vocabulary, width, count }) =>
      value([waveTensor(0, vocabulary!, width!), ids(count!, vocabulary!)], (table, at) => tf.gather(table, at)),
    scatterAdd: ({ vocabulary, width, count }) => {
      const at = tf.tensor(idWave(count!, vocabulary!), [count, 1], "int32");
      return value([at, waveTensor(0, count!, width!)], (places, rows) =>
        tf.scatterND(places, rows, [vocabulary, width]),
      );
    },
    attention: (sizes) => {
      const mask = maskOf(sizes.length!);
      return value([...heads(sizes, 3), mask], (q, k, v) => attention(mask, sizes.width!)(q!, k!, v!));
    },
    attentionBackward: (sizes) => {
      const mask = maskOf(sizes.length!);
      const [q, k, v, gradient] = heads(sizes, 4) as [TfTensor, TfTensor, TfTensor, TfTensor];
      const gradients = tf.grads(attention(mask, sizes.width!));
      return several([q, k, v, gradient, mask], () => gradients([q, k, v], gradient));
    },
    adamw: ({ count }) => {
      const [rate, decay, beta1, beta2, eps] = [1e-3, 0.01, 0.9, 0.999, 1e-8];
      const inputs = [waveTensor(0, count!), tf.zeros([count]), tf.zeros([count]), waveTensor(1, count!)];
      const [p, m, v, g] = inputs as [TfTensor, TfTensor, TfTensor, TfTensor];
      return several(inputs, () => {
        const m1 = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
        const v1 = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
        const root = tf.add(tf.sqrt(tf.mul(v1, 1 / (1 - beta2))), eps);
        const step = tf.div(tf.mul(m1, rate / (1 - beta1)), root);
        return [tf.sub(tf.mul(p, 1 - rate * decay), step), m1, v1];
      });
    },
    chain: ({ nodes, count }) =>
      value([waveTensor(0, count!)], (x) => {
        let y = x;
        for (let i = 0; i < nodes!; i += 2) y = tf.add(tf.mul(y, 0.999), 0.001);
        return y;
      }),
  };
}
