// TensorFlow.js on its WebAssembly backend: `tfjs.ts THREADS`.
import { loadPeer, peerVersion } from "../installed.js";
import type { Row } from "../rows.js";
import { idWave, meanSize, serve, threadsAsked, type Work, wave } from "../serve.js";

interface TfTensor {
  dispose(): void;
  dataSync(): ArrayLike<number>;
}
type Make = (...args: readonly unknown[]) => TfTensor;
interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor: Make;
  matMul: Make;
  add: Make;
  mul: Make;
  sum: Make;
  exp: Make;
  log: Make;
  tanh: Make;
  sigmoid: Make;
  softmax: Make;
  transpose: Make;
  gather: Make;
  tidy: Make;
}

const tf = loadPeer<Tf>("@tensorflow/tfjs-core");
const wasm = loadPeer<{ setThreadsCount(count: number): void; getThreadsCount(): number }>(
  "@tensorflow/tfjs-backend-wasm",
);
wasm.setThreadsCount(threadsAsked());
await tf.setBackend("wasm");

type Sizes = Row["sizes"];
const waveTensor = (seed: number, ...shape: readonly number[]): TfTensor =>
  tf.tensor(
    wave(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

function value(inputs: readonly TfTensor[], of: () => TfTensor): Work {
  return {
    run: () => of().dispose(),
    check: () => {
      const y = of();
      const size = meanSize(y.dataSync());
      y.dispose();
      return size;
    },
    dispose: () => {
      for (const x of inputs) x.dispose();
    },
  };
}

const unary =
  (op: Make) =>
  ({ count }: Sizes): Work => {
    const x = tf.tensor(wave(count!, 0).map((v) => v + 1.5));
    return value([x], () => op(x));
  };
const onRows =
  (op: Make) =>
  ({ rows, columns }: Sizes): Work => {
    const x = waveTensor(0, rows!, columns!);
    return value([x], () => op(x));
  };

const works: Readonly<Record<string, (sizes: Sizes) => Work>> = {
  matmul: ({ m, n, k, batch, transposeA, transposeB }) => {
    const a = transposeA ? waveTensor(0, batch!, k!, m!) : waveTensor(0, batch!, m!, k!);
    const b = transposeB ? waveTensor(1, batch!, n!, k!) : waveTensor(1, batch!, k!, n!);
    return value([a, b], () => tf.matMul(a, b, transposeA === 1, transposeB === 1));
  },
  add: ({ count }) => {
    const [a, b] = [waveTensor(0, count!), waveTensor(1, count!)];
    return value([a, b], () => tf.add(a, b));
  },
  exp: unary((x) => tf.exp(x)),
  log: unary((x) => tf.log(x)),
  tanh: unary((x) => tf.tanh(x)),
  sigmoid: unary((x) => tf.sigmoid(x)),
  sum: unary((x) => tf.sum(x)),
  softmax: onRows((x) => tf.softmax(x)),
  columnSum: onRows((x) => tf.sum(x, 0)),
  transpose: onRows((x) => tf.transpose(x)),
  gather: ({ vocabulary, width, count }) => {
    const table = waveTensor(0, vocabulary!, width!);
    const at = tf.tensor(idWave(count!, vocabulary!), [count], "int32");
    return value([table, at], () => tf.gather(table, at));
  },
  chain: ({ nodes, count }) => {
    const x = waveTensor(0, count!);
    return value([x], () =>
      tf.tidy(() => {
        let y = x;
        for (let i = 0; i < nodes!; i += 2) y = tf.add(tf.mul(y, 0.999), 0.001);
        return y;
      }),
    );
  },
};

const threads = wasm.getThreadsCount();
await serve({ name: "tfjs", version: peerVersion("@tensorflow/tfjs-core"), threads }, ({ op, sizes }) =>
  works[op]?.(sizes),
);
