// jax-js: the work of the rows, compiled by its jit.
import type { Row } from "../rows.js";
import { idWave, meanSize, type Work, type Works, wave } from "../work.js";
import { jaxGptStep } from "./jax-js-gpt.js";
import type { Jax, JaxArray } from "./jax-js-types.js";

type Sizes = Row["sizes"];
type ArrayFunction = (...x: JaxArray[]) => JaxArray;
type ListFunction = (...x: JaxArray[]) => JaxArray[];

const ids = (jax: Jax, count: number, limit: number): JaxArray => jax.numpy.array(idWave(count, limit));

/** AdamW at its first step, all that a step does: the new values with both moments. */
function adamw({ numpy: np }: Jax, p: JaxArray, m: JaxArray, v: JaxArray, g: JaxArray): JaxArray[] {
  const [rate, decay, beta1, beta2, eps] = [1e-3, 0.01, 0.9, 0.999, 1e-8];
  const m1 = m.mul(beta1).add(g.ref.mul(1 - beta1));
  const v1 = v.mul(beta2).add(np.square(g).mul(1 - beta2));
  const root = np.sqrt(v1.ref.mul(1 / (1 - beta2))).add(eps);
  return [p.mul(1 - rate * decay).sub(m1.ref.mul(rate / (1 - beta1)).div(root)), m1, v1];
}

/** The rows' works, by their `op`. */
export function jaxWorks(jax: Jax): Works {
  const { numpy: np, nn, random } = jax;
  const waveArray = (seed: number, ...shape: readonly number[]): JaxArray => {
    const count = shape.reduce((a, b) => a * b, 1);
    return np.array(wave(count, seed)).reshape(shape);
  };

  /** A jitted function on inputs that stay. The library counts references: each call is given one more of every input. */
  function several(inputs: readonly JaxArray[], fn: ListFunction): Work {
    const jitted = jax.jit(fn);
    const call = async (): Promise<JaxArray[]> => {
      const results = jitted(...inputs.map((x) => x.ref));
      await jax.blockUntilReady(results);
      return results;
    };
    return {
      run: async () => {
        for (const y of await call()) y.dispose();
      },
      check: async () => meanSize(await (await call())[0]!.data()),
      dispose: () => {
        for (const x of inputs) x.dispose();
      },
    };
  }
  const value = (inputs: readonly JaxArray[], fn: ArrayFunction): Work => several(inputs, (...x) => [fn(...x)]);

  const unary =
    (op: (x: JaxArray) => JaxArray) =>
    ({ count }: Sizes): Work =>
      value([np.array(wave(count!, 0).map((v) => v + 1.5))], (x) => op(x!));
  const onRows =
    (op: (x: JaxArray) => JaxArray) =>
    ({ rows, columns }: Sizes): Work =>
      value([waveArray(0, rows!, columns!)], (x) => op(x!));

  const swapped = (x: JaxArray): JaxArray => np.swapaxes(x, 1, 2).add(0);
  const gelu = (x: JaxArray): JaxArray => nn.gelu(x, { approximate: false });
  const layerNorm: ArrayFunction = (x, weight, bias) =>
    nn.standardize(x!, -1, { epsilon: 1e-5 }).mul(weight!).add(bias!);
  const attention: ArrayFunction = (q, k, v) => nn.dotProductAttention(q!, k!, v!, { isCausal: true });
  /** The gradients of a result towards all inputs but the last, which is the result's own gradient. */
  const gradientsOf = (fn: ArrayFunction, count: number): ListFunction =>
    jax.grad(
      (...x: JaxArray[]) =>
        fn(...x.slice(0, count))
          .mul(x[count]!)
          .sum(),
      {
        argnums: Array.from({ length: count }, (_, i) => i),
      },
    ) as ListFunction;
  /** The same numbers as everybody's, in the order that the library wants: heads within places. */
  const heads = ({ batch, heads, length, width }: Sizes, count: number): JaxArray[] =>
    Array.from({ length: count }, (_, seed) => swapped(waveArray(seed, batch!, heads!, length!, width!)));

  return {
    matmul: ({ m, n, k, batch, transposeA, transposeB }) => {
      const a = transposeA ? waveArray(0, batch!, k!, m!) : waveArray(0, batch!, m!, k!);
      const b = transposeB ? waveArray(1, batch!, n!, k!) : waveArray(1, batch!, k!, n!);
      return value([a, b], (x, y) =>
        np.matmul(transposeA ? np.swapaxes(x!, 1, 2) : x!, transposeB ? np.swapaxes(y!, 1, 2) : y!),
      );
    },
    linearGelu: ({ m, n, k }) =>
      value([waveArray(0, m!, k!), waveArray(1, n!, k!), waveArray(2, n!)], (x, weight, bias) =>
        gelu(np.matmul(x!, np.swapaxes(weight!, 0, 1)).add(bias!)),
      ),
    add: ({ count }) => value([waveArray(0, count!), waveArray(1, count!)], (a, b) => a!.add(b!)),
    exp: unary((x) => np.exp(x)),
    log: unary((x) => np.log(x)),
    tanh: unary((x) => np.tanh(x)),
    sigmoid: unary((x) => nn.sigmoid(x)),
    gelu: unary(gelu),
    sum: unary((x) => x.sum()),
    dropout: unary((x) => np.where(random.bernoulli(random.key(7), 0.9, x.shape), x.mul(1 / 0.9), 0)),
    softmax: onRows((x) => nn.softmax(x, -1)),
    columnSum: onRows((x) => x.sum(0)),
    transpose: onRows((x) => np.swapaxes(x, 0, 1).add(0)),
    permute: ({ batch, heads, length, width }) =>
      value([waveArray(0, batch!, length!, heads!, width!)], (x) => swapped(x!)),
    layerNorm: ({ rows, columns }) =>
      value([waveArray(0, rows!, columns!), waveArray(1, columns!), waveArray(2, columns!)], layerNorm),
    layerNormBackward: ({ rows, columns }) => {
      const inputs = [waveArray(0, rows!, columns!), waveArray(1, columns!), waveArray(2, columns!)];
      return several([...inputs, waveArray(3, rows!, columns!)], gradientsOf(layerNorm, 3));
    },
    crossEntropy: ({ rows, columns }) => {
      const loss: ArrayFunction = (x, at) =>
        nn
          .logSoftmax(x!, -1)
          .mul(nn.oneHot(at!, columns!))
          .sum()
          .mul(-1 / rows!);
      return value([waveArray(0, rows!, columns!), ids(jax, rows!, columns!)], jax.grad(loss) as ArrayFunction);
    },
    gather: ({ vocabulary, width, count }) =>
      value([waveArray(0, vocabulary!, width!), ids(jax, count!, vocabulary!)], (table, at) => np.take(table!, at!, 0)),
    scatterAdd: ({ vocabulary, width, count }) => {
      // It has no such function; a gather's gradient is one.
      const picked: ArrayFunction = (table, at, rows) => np.take(table!, at!, 0).mul(rows!).sum();
      const inputs = [ids(jax, count!, vocabulary!), waveArray(0, count!, width!)];
      return value(inputs, (at, rows) => {
        const table = np.zeros([vocabulary!, width!]);
        return (jax.grad(picked, { argnums: [0] }) as ListFunction)(table, at!, rows!)[0]!;
      });
    },
    attention: (sizes) => value(heads(sizes, 3), attention),
    attentionBackward: (sizes) => several(heads(sizes, 4), gradientsOf(attention, 3)),
    adamw: ({ count }) => {
      const zeros = (): JaxArray => np.zeros([count!]);
      const inputs = [waveArray(0, count!), zeros(), zeros(), waveArray(1, count!)];
      return several(inputs, (p, m, v, g) => adamw(jax, p!, m!, v!, g!));
    },
    chain: ({ nodes, count }) => {
      // Not jitted: the cost of an operation is the question.
      const x = waveArray(0, count!);
      return {
        run: async () => {
          let y = x.ref;
          for (let i = 0; i < nodes!; i += 2) y = y.mul(0.999).add(0.001);
          await y.blockUntilReady();
          y.dispose();
        },
      };
    },
    gptStep: (sizes) => jaxGptStep(jax, sizes),
  };
}
