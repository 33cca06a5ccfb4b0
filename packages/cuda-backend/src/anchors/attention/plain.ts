// A pass without tensor cores: float32 everywhere, and 16 bits on GPUs before 8.0 or for wide heads. Tiles of 64 × 64,
// sums in float32 in the order of the axis summed over. Any width: products run over chunks of 32, and blocks share out the
// columns of the result.

import type { AttentionAttributes } from "@torchium/tensor/backend";
import { isHalf } from "@torchium/tensor/backend";
import { deviceFunctions } from "../../render/device-functions.js";
import type { RenderedKernel } from "../../render/program-text.js";
import { openPass, type Pass, paramsOf, type TextOptions, visible } from "./passes.js";

/** Rows that a block owns. */
export const plainRows = 64;
/** Threads of a block. */
export const plainThreads = 256;

/** What a text is made for: the columns of the result that a block computes are 32, 64 or 128. */
export type PlainOptions = TextOptions & {
  readonly type: AttentionAttributes["type"];
  readonly columns: 32 | 64 | 128;
};

/** The text of a pass with one result. */
export function renderPlain(pass: Pass, options: PlainOptions): RenderedKernel {
  const { type, columns } = options;
  const half = isHalf(type);
  const [word, load, store] = half ? ["unsigned short", `${type}_to_float`, `float_to_${type}`] : ["float", "", ""];
  const helpers = half ? `${deviceFunctions[`${type}_to_float`]}\n${deviceFunctions[`float_to_${type}`]}` : "";
  const [result] = pass.results as ["x" | "y"];
  const [from, width] = result === "x" ? ["b", "P.width"] : ["d", "P.valueWidth"];
  const queriesOwn = pass.own === "queries";
  const arrives = !pass.forward && result === "x";
  const layout = paramsOf(pass, options);
  const each = columns / 16;
  const perQuery = queriesOwn ? "i" : "j";
  const weigh = pass.forward
    ? runningSoftmax(visible(pass, "row", "column"))
    : `
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) {
        const index_t row = row0 + ty + i * 16, column = start + tx + j * 16;
        float weight = 0;
        if (${visible(pass, "row", "column")}) {
          weight = expf(P.scale * s[i][j] - log[${perQuery}]);
          ${arrives ? `weight *= P.scale * (t[i][j] - mean[${perQuery}]);` : ""}
        }
        weights[ty + i * 16][tx + j * 16] = weight;
      }`;
  const readQueries = (first: string) => `
    for (int i = 0; i < 4; i++) {
      const index_t query = ${first} + i * 16;
      log[i] = query < P.queries ? logs[query * logsStep] : 0;
      ${arrives ? "mean[i] = query < P.queries ? means[query] : 0;" : ""}
    }`;
  const source = `${layout.declaration()}
${helpers}
// sum += A Bᵀ for 64 rows of each, 4 × 4 products a thread.
__device__ __forceinline__ void add_products(float (&sum)[4][4], float* area, const ${word}* a, index_t aRow, index_t aColumn, index_t rowsA,
    const ${word}* b, index_t bRow, index_t bColumn, index_t rowsB, index_t depth) {
  // One element more a row keeps threads that walk a column out of each other's memory banks.
  float* const areaB = area + 32 * 65;
  const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  for (index_t k0 = 0; k0 < depth; k0 += 32) {
    for (int e = threadIdx.x; e < 64 * 32; e += ${plainThreads}) {
      // Neighbouring threads read along whichever axis is dense.
      const int ka = aColumn == 1 ? e % 32 : e / 64, ia = aColumn == 1 ? e / 32 : e % 64;
      area[ka * 65 + ia] = ia < rowsA && k0 + ka < depth ? ${load}(a[ia * aRow + (k0 + ka) * aColumn]) : 0;
      const int kb = bColumn == 1 ? e % 32 : e / 64, ib = bColumn == 1 ? e / 32 : e % 64;
      areaB[kb * 65 + ib] = ib < rowsB && k0 + kb < depth ? ${load}(b[ib * bRow + (k0 + kb) * bColumn]) : 0;
    }
    __syncthreads();
    for (int k = 0; k < 32; k++) {
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] = fmaf(area[k * 65 + ty + i * 16], areaB[k * 65 + tx + j * 16], sum[i][j]);
    }
    __syncthreads();
  }
}
extern "C" __global__ void __launch_bounds__(${plainThreads}, 2) attention_kernel(const Params P) {
  __shared__ float area[2 * 32 * 65];
  __shared__ float weights[64][65];
${openPass(pass, word, plainRows, 64, options)}
  const index_t column0 = (index_t)blockIdx.y * ${columns};
  const int ty = threadIdx.x / 16, tx = threadIdx.x % 16;
  float sum[4][${each}] = {};
  ${pass.forward ? "float top[4], total[4] = {};\n  for (int i = 0; i < 4; i++) top[i] = -__int_as_float(0x7f800000);" : `float log[4]${arrives ? ", mean[4]" : ""};`}
  ${!pass.forward && queriesOwn ? readQueries("row0 + ty") : ""}
  for (index_t start = begin; start < end; start += 64) {
    float s[4][4] = {};
    add_products(s, area, a + row0 * aRow, aRow, aColumn, owns - row0, b + start * bRow, bRow, bColumn, others - start, P.width);
    ${
      arrives
        ? `float t[4][4] = {};
    add_products(t, area, c + row0 * cRow, cRow, cColumn, owns - row0, d + start * dRow, dRow, dColumn, others - start, P.valueWidth);`
        : ""
    }
    ${!pass.forward && !queriesOwn ? readQueries("start + tx") : ""}
    ${weigh}
    for (int k0 = 0; k0 < 64; k0 += 32) {
      for (int e = threadIdx.x; e < 32 * ${columns}; e += ${plainThreads}) {
        const index_t row = start + k0 + e / ${columns}, column = column0 + e % ${columns};
        area[e] = row < others && column < ${width} ? ${load}(${from}[row * ${from}Row + column * ${from}Column]) : 0;
      }
      __syncthreads();
      for (int k = 0; k < 32; k++) {
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
          for (int j = 0; j < ${each}; j++) sum[i][j] = fmaf(weights[ty + i * 16][k0 + k], area[k * ${columns} + tx + j * 16], sum[i][j]);
      }
      __syncthreads();
    }
  }
  for (int i = 0; i < 4; i++) {
    const index_t row = row0 + ty + i * 16;
    ${
      pass.forward
        ? `for (int d = 8; d > 0; d /= 2) total[i] += __shfl_xor_sync(0xffffffffu, total[i], d);
    if (row < owns && tx == 0 && column0 == 0) logs[row * logsStep] = top[i] + logf(total[i]);`
        : ""
    }
    for (int j = 0; j < ${each}; j++) {
      const index_t column = column0 + tx + j * 16;
      if (row < owns && column < ${width}) ${result}[row * ${result}Row + column * ${result}Column] = ${store}(sum[i][j]${pass.forward ? " / total[i]" : ""});
    }
  }
}
`;
  return { name: "attention_kernel", source, layout };
}

/** Weights relative to the running maximum; what was summed so far shrinks when the maximum grows. */
const runningSoftmax = (seen: string): string => `
    for (int i = 0; i < 4; i++) {
      float most = top[i];
      for (int j = 0; j < 4; j++) {
        const index_t row = row0 + ty + i * 16, column = start + tx + j * 16;
        s[i][j] = ${seen} ? P.scale * s[i][j] : -__int_as_float(0x7f800000);
        most = fmaxf(most, s[i][j]);
      }
      for (int d = 8; d > 0; d /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, d));
      // Where nothing finite was seen yet, differences of infinities would be no numbers.
      const float least = most == -__int_as_float(0x7f800000) ? 0 : most;
      const float shrink = expf(top[i] - least);
      top[i] = most;
      total[i] *= shrink;
      for (int j = 0; j < 4; j++) {
        const float weight = expf(s[i][j] - least);
        total[i] += weight;
        weights[ty + i * 16][tx + j * 16] = weight;
      }
      for (float& x : sum[i]) x *= shrink;
    }`;
