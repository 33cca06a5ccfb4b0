// jax-js, compiled by its jit: `jax-js.ts THREADS [wasm|webgpu]`. Its WebAssembly backend shares work with Web Workers only,
// which Node does not have, so here it runs on one thread.
import { loadPeer, peerVersion } from "../installed.js";
import type { Row } from "../rows.js";
import { idWave, meanSize, serve, type Work, wave } from "../serve.js";
import { useDawn } from "./dawn.js";
import { jaxGptStep } from "./jax-js-gpt.js";
import type { Jax, JaxArray } from "./jax-js-types.js";

const jax = loadPeer<Jax>("@jax-js/jax");
const backend = process.argv[3] ?? "wasm";
if (backend === "webgpu") await useDawn();
await jax.init(backend);
jax.defaultDevice(backend);
const { numpy: np, nn, random } = jax;

type Sizes = Row["sizes"];
const waveArray = (seed: number, ...shape: readonly number[]): JaxArray => {
  const count = shape.reduce((a, b) => a * b, 1);
  return np.array(wave(count, seed)).reshape(shape);
};

/** A jitted function on inputs that stay. The library counts references: each call is given one more of every input. */
function value(inputs: readonly JaxArray[], fn: (...x: JaxArray[]) => JaxArray): Work {
  const jitted = jax.jit(fn);
  const call = async (): Promise<JaxArray> => {
    const y = jitted(...inputs.map((x) => x.ref));
    await y.blockUntilReady();
    return y;
  };
  return {
    run: async () => (await call()).dispose(),
    check: async () => meanSize(await (await call()).data()),
    dispose: () => {
      for (const x of inputs) x.dispose();
    },
  };
}

const unary =
  (op: (x: JaxArray) => JaxArray) =>
  ({ count }: Sizes): Work =>
    value([np.array(wave(count!, 0).map((v) => v + 1.5))], op);
const onRows =
  (op: (x: JaxArray) => JaxArray) =>
  ({ rows, columns }: Sizes): Work =>
    value([waveArray(0, rows!, columns!)], op);

const layerNorm = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray =>
  nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight).add(bias);

const works: Readonly<Record<string, (sizes: Sizes) => Work>> = {
  matmul: ({ m, n, k, batch, transposeA, transposeB }) => {
    const a = transposeA ? waveArray(0, batch!, k!, m!) : waveArray(0, batch!, m!, k!);
    const b = transposeB ? waveArray(1, batch!, n!, k!) : waveArray(1, batch!, k!, n!);
    return value([a, b], (x, y) =>
      np.matmul(transposeA ? np.swapaxes(x, 1, 2) : x, transposeB ? np.swapaxes(y, 1, 2) : y),
    );
  },
  add: ({ count }) => value([waveArray(0, count!), waveArray(1, count!)], (a, b) => a.add(b)),
  exp: unary((x) => np.exp(x)),
  log: unary((x) => np.log(x)),
  tanh: unary((x) => np.tanh(x)),
  sigmoid: unary((x) => nn.sigmoid(x)),
  gelu: unary((x) => nn.gelu(x, { approximate: false })),
  sum: unary((x) => x.sum()),
  dropout: ({ count }) =>
    value([np.array(wave(count!, 0).map((v) => v + 1.5))], (x) =>
      np.where(random.bernoulli(random.key(7), 0.9, [count!]), x.mul(1 / 0.9), 0),
    ),
  softmax: onRows((x) => nn.softmax(x, -1)),
  columnSum: onRows((x) => x.sum(0)),
  transpose: onRows((x) => np.swapaxes(x, 0, 1).add(0)),
  layerNorm: ({ rows, columns }) =>
    value([waveArray(0, rows!, columns!), waveArray(1, columns!), waveArray(2, columns!)], layerNorm),
  layerNormBackward: ({ rows, columns }) => {
    const inputs = [waveArray(0, rows!, columns!), waveArray(1, columns!), waveArray(2, columns!)];
    const gradient = waveArray(3, rows!, columns!);
    const gradients = jax.grad((x, weight, bias, g) => layerNorm(x!, weight!, bias!).mul(g!).sum(), {
      argnums: [0, 1, 2],
    });
    return several([...inputs, gradient], gradients as (...x: JaxArray[]) => JaxArray[]);
  },
  crossEntropy: ({ rows, columns }) => {
    const target = np.array(idWave(rows!, columns!));
    const loss = (x: JaxArray, at: JaxArray): JaxArray =>
      nn
        .logSoftmax(x, -1)
        .mul(nn.oneHot(at, columns!))
        .sum()
        .mul(-1 / rows!);
    const gradient = jax.grad(loss as (...x: JaxArray[]) => JaxArray);
    return value([waveArray(0, rows!, columns!), target], gradient as (...x: JaxArray[]) => JaxArray);
  },
  gather: ({ vocabulary, width, count }) =>
    value([waveArray(0, vocabulary!, width!), np.array(idWave(count!, vocabulary!))], (table, at) =>
      np.take(table, at, 0),
    ),
  attention: ({ batch, heads, length, width }) =>
    value(
      [0, 1, 2].map((seed) => waveArray(seed, batch!, length!, heads!, width!)),
      (q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: true }),
    ),
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

/** Like `value` for a function with several results. */
function several(inputs: readonly JaxArray[], fn: (...x: JaxArray[]) => JaxArray[]): Work {
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

await serve({ name: "jax-js", version: peerVersion("@jax-js/jax"), threads: 1 }, ({ op, sizes }) => works[op]?.(sizes));
