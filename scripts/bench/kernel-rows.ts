// The kernels of the table: products, functions of every element, rows and columns, gathers, attention.
import type { Row } from "./rows.js";

const million = 1 << 20;

/** A product of [m, k] and [k, n] matrices. */
export function product(m: number, n: number, k: number, more: Readonly<Record<string, number>> = {}, label = ""): Row {
  const { batch = 1 } = more;
  const sides = m === n && n === k ? `${m}³` : `${batch > 1 ? `${batch} of ` : ""}${m}×${n}×${k}`;
  return {
    name: `matmul ${sides}${label && ` ${label}`}`,
    group: "kernels",
    op: "matmul",
    sizes: { m, n, k, batch: 1, transposeA: 0, transposeB: 0, ...more },
    flops: 2 * batch * m * n * k,
    bytes: 4 * batch * (m * k + k * n + m * n),
  };
}

/** Element-wise work that reads `reads` arrays and writes one. */
const map = (op: string, count = 4 * million, reads = 1): Row => ({
  name: `${op} ${count >= million ? `${count / million}M` : count}`,
  group: "kernels",
  op,
  sizes: { count },
  bytes: 4 * count * (reads + 1),
});

/** Work on [rows, columns] that reads and writes `passes` such arrays together. */
const onRows = (op: string, label: string, rows: number, columns: number, passes: number): Row => ({
  name: `${label} [${rows}, ${columns}]`,
  group: "kernels",
  op,
  sizes: { rows, columns },
  bytes: 4 * rows * columns * passes,
});

const main = (row: Row): Row => ({ ...row, main: true });

const attention = { batch: 12, heads: 4, length: 64, width: 32 };
const attentionElements = attention.batch * attention.heads * attention.length * attention.width;
const attentionFlops = 4 * attentionElements * attention.length;
const table = { vocabulary: 50257, width: 128, count: 8192 };

/** Every kernel, in the order of the table. */
export const kernelRows: readonly Row[] = [
  map("add", 4 * million, 2),
  ...[64, 128, 256].map((size) => product(size, size, size)),
  main(product(512, 512, 512)),
  ...[1024, 2048].map((size) => product(size, size, size)),
  product(768, 384, 128, { transposeB: 1 }, "linear"),
  product(768, 128, 384, {}, "input gradient"),
  product(384, 128, 768, { transposeA: 1 }, "weight gradient"),
  main({ ...product(768, 512, 128, { transposeB: 1 }, "linear, bias, GELU"), op: "linearGelu" }),
  product(64, 64, 32, { batch: 48, transposeB: 1 }, "scores"),
  product(64, 32, 64, { batch: 48, transposeA: 1 }, "gradient of values"),
  product(8, 768, 768, { transposeB: 1 }, "thin"),
  product(1024, 8000, 128, { transposeB: 1 }, "logits"),
  product(8000, 128, 1024, { transposeA: 1 }, "logits' weight gradient"),
  main(map("exp")),
  ...["log", "tanh", "sigmoid"].map((op) => map(op)),
  main(map("gelu")),
  main(onRows("softmax", "softmax", 512, 1024, 2)),
  onRows("softmax", "softmax", 4096, 1024, 2),
  onRows("layerNorm", "layerNorm", 512, 1024, 2),
  onRows("layerNorm", "layerNorm", 4096, 1024, 2),
  main(onRows("layerNormBackward", "layerNorm gradients", 4096, 1024, 3)),
  main(onRows("crossEntropy", "cross entropy + gradient", 1024, 4096, 2)),
  onRows("crossEntropy", "cross entropy + gradient", 256, 50257, 2),
  main({ ...map("sum"), bytes: 16 * million }),
  onRows("columnSum", "column sum", 4096, 1024, 1),
  map("dropout", million),
  onRows("transpose", "transpose", 2048, 2048, 2),
  {
    ...{ name: "permute 12×64×4×32 to heads", group: "kernels", op: "permute", sizes: attention },
    bytes: 8 * attentionElements,
  },
  {
    ...{ name: "gather 8192 of [50257, 128]", group: "kernels", op: "gather", sizes: table },
    bytes: 8 * table.count * table.width,
  },
  {
    ...{ name: "scatterAdd 8192 to [50257, 128]", group: "kernels", op: "scatterAdd", sizes: table },
    bytes: 4 * (table.vocabulary + table.count) * table.width,
  },
  main({ ...map("adamw"), name: "AdamW 4M", bytes: 7 * 16 * million }),
  {
    ...{ name: "causal attention 12×4×64×32", group: "kernels", op: "attention", sizes: attention },
    ...{ flops: attentionFlops, bytes: 16 * attentionElements },
  },
  main({
    ...{ name: "causal attention, gradients too", group: "kernels", op: "attentionBackward", sizes: attention },
    ...{ flops: 3.5 * attentionFlops, bytes: 32 * attentionElements },
  }),
];
