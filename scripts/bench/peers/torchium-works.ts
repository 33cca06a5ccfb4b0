// Ours: the work of every row in the public API, the same on every device and in every engine. Every run computes its
// result anew and frees it.
import { AdamW } from "@torchium/optim";
import { addRows, compile, fromTypedArray, grad, scope, type Tensor, zeros } from "@torchium/tensor";
import { functional as F, Parameter } from "@torchium/tensor/nn";
import type { Row } from "../rows.js";
import { idWave, meanSize, type Work, type Works, wave } from "../work.js";
import { stepWorks } from "./torchium-steps.js";

type Sizes = Row["sizes"];
const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const waveTensor = (seed: number, ...shape: readonly number[]): Tensor =>
  fromTypedArray(wave(elements(shape), seed), shape);
const leaf = (seed: number, ...shape: readonly number[]): Tensor =>
  fromTypedArray(wave(elements(shape), seed), shape, { requiresGrad: true });
const ids = (count: number, limit: number): Tensor => fromTypedArray(idWave(count, limit), [count]);

/** Work that is the value of an expression; the check looks at its first result. */
function value(of: () => Tensor | readonly Tensor[]): Work {
  const realize = compile(of);
  return {
    run: () => {
      scope(() => {
        realize();
        return undefined;
      });
    },
    check: async () => {
      const result = of();
      return meanSize((await ("data" in result ? result : result[0]!).data()) as Float32Array);
    },
  };
}

const unary =
  (op: (x: Tensor) => Tensor) =>
  ({ count }: Sizes): Work => {
    const x = fromTypedArray(
      wave(count!, 0).map((v) => v + 1.5),
      [count!],
    );
    return value(() => op(x));
  };

const onRows =
  (op: (x: Tensor) => Tensor) =>
  ({ rows, columns }: Sizes): Work => {
    const x = waveTensor(0, rows!, columns!);
    return value(() => op(x));
  };

function matmulOf({ m, n, k, batch, transposeA, transposeB }: Sizes): Work {
  const a = transposeA ? waveTensor(0, batch!, k!, m!).transpose(1, 2) : waveTensor(0, batch!, m!, k!);
  const b = transposeB ? waveTensor(1, batch!, n!, k!).transpose(1, 2) : waveTensor(1, batch!, k!, n!);
  return value(() => a.matmul(b));
}

function heads({ batch, heads, length, width }: Sizes): readonly [Tensor, Tensor, Tensor] {
  const one = (seed: number): Tensor => leaf(seed, batch!, heads!, length!, width!);
  return [one(0), one(1), one(2)];
}

function adamw({ count }: Sizes): Work {
  const p = new Parameter(waveTensor(0, count!));
  const gradient = waveTensor(1, count!);
  const optimizer = new AdamW([p], { lr: 1e-3 });
  return {
    run: () => {
      p.grad = gradient;
      optimizer.step();
    },
    check: async () => {
      p.grad = gradient;
      optimizer.step();
      return meanSize((await p.data()) as Float32Array);
    },
  };
}

/** By the rows' `op`. */
export const torchiumWorks: Works = {
  matmul: matmulOf,
  linearGelu: ({ m, n, k }) => {
    const [x, weight, bias] = [waveTensor(0, m!, k!), waveTensor(1, n!, k!), waveTensor(2, n!)];
    return value(() => F.gelu(F.linear(x, weight, bias)));
  },
  add: ({ count }) => {
    const [a, b] = [waveTensor(0, count!), waveTensor(1, count!)];
    return value(() => a.add(b));
  },
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  gelu: unary((x) => F.gelu(x)),
  sum: unary((x) => x.sum()),
  dropout: unary((x) => F.dropout(x, 0.1)),
  softmax: onRows((x) => x.softmax(-1)),
  columnSum: onRows((x) => x.sum(0)),
  transpose: onRows((x) => x.transpose(0, 1).contiguous()),
  permute: ({ batch, heads, length, width }) => {
    const x = waveTensor(0, batch!, length!, heads!, width!);
    return value(() => x.transpose(1, 2).contiguous());
  },
  layerNorm: ({ rows, columns }) => {
    const [x, weight, bias] = [waveTensor(0, rows!, columns!), waveTensor(1, columns!), waveTensor(2, columns!)];
    return value(() => F.layerNorm(x, columns!, { weight, bias }));
  },
  layerNormBackward: ({ rows, columns }) => {
    const x = leaf(0, rows!, columns!);
    const weight = leaf(1, columns!);
    const bias = leaf(2, columns!);
    const gradient = waveTensor(3, rows!, columns!);
    return value(() => grad(F.layerNorm(x, columns!, { weight, bias }), [x, weight, bias], { gradients: [gradient] }));
  },
  crossEntropy: ({ rows, columns }) => {
    const logits = leaf(0, rows!, columns!);
    const target = ids(rows!, columns!);
    return value(() => grad(F.crossEntropy(logits, target), [logits]));
  },
  gather: ({ vocabulary, width, count }) => {
    const [table, rows] = [waveTensor(0, vocabulary!, width!), ids(count!, vocabulary!)];
    return value(() => F.embedding(rows, table));
  },
  scatterAdd: ({ vocabulary, width, count }) => {
    const [rows, at] = [waveTensor(0, count!, width!), ids(count!, vocabulary!)];
    return value(() => addRows(zeros(vocabulary!, width!), at, rows));
  },
  attention: (sizes) => {
    const [q, k, v] = heads(sizes).map((x) => x.detach()) as [Tensor, Tensor, Tensor];
    return value(() => F.scaledDotProductAttention(q, k, v, { isCausal: true }));
  },
  attentionBackward: (sizes) => {
    const [q, k, v] = heads(sizes);
    const gradients = [waveTensor(3, sizes.batch!, sizes.heads!, sizes.length!, sizes.width!)];
    return value(() => grad(F.scaledDotProductAttention(q, k, v, { isCausal: true }), [q, k, v], { gradients }));
  },
  adamw,
  ...stepWorks,
  chain: ({ nodes, count }) => {
    const x = waveTensor(0, count!);
    // Not compiled: what an operation costs when it is recorded and its plan is looked up.
    return {
      run: () => {
        scope(() => {
          let y = x;
          for (let i = 0; i < nodes!; i += 2) y = y.mul(0.999).add(0.001);
          x.device.realize([y.value]);
          return undefined;
        });
      },
    };
  },
};
