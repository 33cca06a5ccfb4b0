// One training step of nanoGPT's recipe in jax-js: loss, gradients, clipping and AdamW in one jitted function.
import type { Row } from "../rows.js";
import { idWave, type Work, wave } from "../work.js";
import type { Jax, JaxArray } from "./jax-js-types.js";

const [beta1, beta2, rate, eps] = [0.9, 0.99, 1e-3, 1e-8];

/** Values with a spread of 0.02, the embeddings and then each block's parameters, as a flat list. */
function parameters({ numpy: np }: Jax, { layers, width, block, vocabulary }: Row["sizes"]): JaxArray[] {
  const matrix = (seed: number, rows: number, columns: number): JaxArray =>
    np.array(wave(rows * columns, seed).map((v) => 0.028 * v)).reshape([rows, columns]);
  const d = width!;
  const list = [matrix(0, vocabulary!, d), matrix(1, block!, d), np.ones([d])];
  for (let layer = 0; layer < layers!; layer++) {
    list.push(np.ones([d]), matrix(2, d, 3 * d), matrix(3, d, d));
    list.push(np.ones([d]), matrix(4, d, 4 * d), matrix(5, 4 * d, d));
  }
  return list;
}

/** Every use of an array takes a reference, so what is used again goes in as `.ref`. */
export function jaxGptStep(jax: Jax, sizes: Row["sizes"]): Work {
  const { numpy: np, nn } = jax;
  const { layers, heads, width, block, batch, vocabulary } = sizes as Readonly<
    Record<"layers" | "heads" | "width" | "block" | "batch" | "vocabulary", number>
  >;
  const norm = (x: JaxArray, weight: JaxArray): JaxArray => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight);

  const loss = (inputs: JaxArray, targets: JaxArray, ...p: JaxArray[]): JaxArray => {
    const [tokens, positions, last] = p as [JaxArray, JaxArray, JaxArray];
    let x = np.matmul(nn.oneHot(inputs, vocabulary), tokens.ref).reshape([batch, block, width]).add(positions);
    for (let layer = 0; layer < layers; layer++) {
      const [norm1, qkv, out, norm2, up, down] = p.slice(3 + 6 * layer, 9 + 6 * layer) as [
        ...[JaxArray, JaxArray, JaxArray],
        ...[JaxArray, JaxArray, JaxArray],
      ];
      const [q, k, v] = np
        .split(np.matmul(norm(x.ref, norm1), qkv), 3, -1)
        .map((y) => y.reshape([batch, block, heads, width / heads])) as [JaxArray, JaxArray, JaxArray];
      const attended = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, block, width]);
      x = x.add(np.matmul(attended, out));
      const inner = nn.gelu(np.matmul(norm(x.ref, norm2), up), { approximate: false });
      x = x.add(np.matmul(inner, down));
    }
    const logits = np.matmul(norm(x, last), np.swapaxes(tokens, 0, 1)).reshape([batch * block, vocabulary]);
    return nn
      .logSoftmax(logits, -1)
      .mul(nn.oneHot(targets, vocabulary))
      .sum()
      .mul(-1 / (batch * block));
  };

  let state = parameters(jax, sizes);
  const count = state.length;
  const decays = state.map((p) => (p.shape.length > 1 ? rate * 0.1 : 0));
  const zeros = (): JaxArray[] => state.map((p) => p.ref.mul(0));
  state = [...state, ...zeros(), ...zeros()];

  const gradients = jax.grad(loss, { argnums: Array.from({ length: count }, (_, i) => i + 2) }) as (
    ...x: JaxArray[]
  ) => JaxArray[];
  const step = jax.jit((inputs: JaxArray, targets: JaxArray, ...all: JaxArray[]): JaxArray[] => {
    const [p, m, v] = [0, 1, 2].map((i) => all.slice(i * count, (i + 1) * count)) as [
      ...[JaxArray[], JaxArray[], JaxArray[]],
    ];
    const raw = gradients(inputs, targets, ...p.map((x) => x.ref));
    const length = np.sqrt(raw.map((g) => np.square(g.ref).sum()).reduce((a, b) => a.add(b)));
    const scale = np.minimum(np.array([1]).reshape([]).div(length.add(1e-6)), 1);
    const g = raw.map((x) => x.mul(scale.ref));
    scale.dispose();
    const m1 = m.map((x, i) => x.mul(beta1).add(g[i]!.ref.mul(1 - beta1)));
    const v1 = v.map((x, i) => x.mul(beta2).add(np.square(g[i]!).mul(1 - beta2)));
    const p1 = p.map((x, i) => x.mul(1 - decays[i]!).sub(m1[i]!.ref.mul(rate).div(np.sqrt(v1[i]!.ref).add(eps))));
    return [...p1, ...m1, ...v1];
  });

  const text = idWave(batch * block + 1, vocabulary);
  const [inputs, targets] = [np.array(text.slice(0, -1)), np.array(text.slice(1))];
  return {
    run: async () => {
      state = step(inputs.ref, targets.ref, ...state);
      await jax.blockUntilReady(state);
    },
    dispose: () => {
      for (const x of [inputs, targets, ...state]) x.dispose();
    },
  };
}
