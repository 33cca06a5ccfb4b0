// The own matrix product, for strides that no library reads and for machines without cuBLASLt: tiles of 64 × 64 in
// shared memory, 4 × 4 results a thread, terms added in the order of K.

import { type FloatType, isHalf } from "@torchium/tensor/backend";
import { deviceFunctions } from "../render/device-functions.js";
import type { RenderedKernel } from "../render/program-text.js";
import { ParamsLayout } from "../run/params.js";

/** Rows and columns of the output that a block computes. */
export const matmulTile = 64;
/** Threads of a block. */
export const matmulThreads = 256;
const depth = 16;

/** The text over [batch…, M, N, K] with `batchAxes` axes before M. */
export function renderMatmul(type: FloatType, batchAxes: number, wide: boolean): RenderedKernel {
  const rank = batchAxes + 3;
  const operand = (name: string) => [
    { name, type: "pointer" as const },
    { name: `${name}Stride`, type: "index" as const, count: rank },
  ];
  const layout = new ParamsLayout(
    [
      ...operand("a"),
      ...operand("b"),
      ...operand("c"),
      { name: "size", type: "index", count: rank },
      { name: "batches", type: "index" },
      { name: "tilesAcross", type: "index" },
    ],
    wide,
  );
  const [word, fma] = type === "float64" ? ["double", "fma"] : ["float", "fmaf"];
  // Numbers of 16 bits are multiplied and summed in float32.
  const stored = isHalf(type) ? "unsigned short" : word;
  const [load, store] = isHalf(type) ? [`${type}_to_float`, `float_to_${type}`] : ["", ""];
  const helpers = isHalf(type) ? `${deviceFunctions[`${type}_to_float`]}\n${deviceFunctions[`float_to_${type}`]}` : "";
  const [m, n, k] = [batchAxes, batchAxes + 1, batchAxes + 2];
  const source = `${layout.declaration()}
${helpers}
// Two blocks a multiprocessor: with the one bound the compiler aims for three, and spills.
extern "C" __global__ void __launch_bounds__(${matmulThreads}, 2) matmul_kernel(const Params P) {
  // One element more a row keeps threads that walk a column out of each other's memory banks.
  __shared__ ${word} tileA[${depth}][${matmulTile + 1}];
  __shared__ ${word} tileB[${depth}][${matmulTile + 1}];
  const index_t M = P.size[${m}], N = P.size[${n}], K = P.size[${k}];
  const index_t row0 = (index_t)(blockIdx.x / P.tilesAcross) * ${matmulTile}, column0 = (index_t)(blockIdx.x % P.tilesAcross) * ${matmulTile};
  const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  // Neighbouring threads read along whichever axis is dense.
  const bool denseA = P.aStride[${k}] == 1, denseB = P.bStride[${k}] == 1;
  for (index_t batch = blockIdx.y; batch < P.batches; batch += gridDim.y) {
    index_t rest = batch, atA = 0, atB = 0, atC = 0;
    for (int axis = ${batchAxes - 1}; axis >= 0; axis--) {
      const index_t i = rest % P.size[axis];
      rest /= P.size[axis];
      atA += i * P.aStride[axis];
      atB += i * P.bStride[axis];
      atC += i * P.cStride[axis];
    }
    const ${stored}* const a = (const ${stored}*)P.a + atA;
    const ${stored}* const b = (const ${stored}*)P.b + atB;
    ${stored}* const c = (${stored}*)P.c + atC;
    ${word} sum[4][4] = {};
    for (index_t k0 = 0; k0 < K; k0 += ${depth}) {
      for (int e = threadIdx.x; e < ${matmulTile * depth}; e += ${matmulThreads}) {
        const int ka = denseA ? e % ${depth} : e / ${matmulTile}, ia = denseA ? e / ${depth} : e % ${matmulTile};
        const index_t row = row0 + ia;
        tileA[ka][ia] = row < M && k0 + ka < K ? ${load}(a[row * P.aStride[${m}] + (k0 + ka) * P.aStride[${k}]]) : 0;
        const int kb = denseB ? e % ${depth} : e / ${matmulTile}, jb = denseB ? e / ${depth} : e % ${matmulTile};
        const index_t column = column0 + jb;
        tileB[kb][jb] = column < N && k0 + kb < K ? ${load}(b[column * P.bStride[${n}] + (k0 + kb) * P.bStride[${k}]]) : 0;
      }
      __syncthreads();
      for (int kk = 0; kk < ${depth}; kk++) {
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
          for (int j = 0; j < 4; j++) sum[i][j] = ${fma}(tileA[kk][ty + i * 16], tileB[kk][tx + j * 16], sum[i][j]);
      }
      __syncthreads();
    }
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) {
        const index_t row = row0 + ty + i * 16, column = column0 + tx + j * 16;
        if (row < M && column < N) c[row * P.cStride[${m}] + column * P.cStride[${n}]] = ${store}(sum[i][j]);
      }
  }
}
`;
  return { name: "matmul_kernel", source, layout };
}
