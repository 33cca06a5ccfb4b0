// A pass on tensor cores, for numbers of 16 bits and heads up to 128 wide: products of 16 × 16 by 16 × 8, summed in
// float32. Each of four warps owns 16 or 32 rows; tiles of the other side come through shared memory, the next one on its
// way while one is computed with. As FlashAttention-2 (Dao, 2023), but with an owner for every sum.

import type { HalfType } from "@torchium/tensor/backend";
import { deviceFunctions, tensorCoreFunctions } from "../../render/device-functions.js";
import type { RenderedKernel } from "../../render/program-text.js";
import { openPass, type Pass, paramsOf, type TextOptions, visible } from "./passes.js";

/** Threads of a block. */
export const coreThreads = 128;
/** Widths that there are kernels for: narrower heads are filled up with zeros. */
export const coreWidths = [32, 64, 96, 128] as const;

/** What a text is made for. */
export type CoreOptions = TextOptions & {
  readonly type: HalfType;
  /** Of queries and values, filled up. */
  readonly padded: (typeof coreWidths)[number];
  /** All matrices are dense along their rows, and rows start at multiples of 16 bytes. */
  readonly vector: boolean;
};

/** Rows that a block owns, and rows of the other side in a tile: as many as registers and shared memory hold. */
export const coreTile = ({ forward }: Pass, padded: number): { readonly rows: number; readonly step: number } => ({
  rows: forward && padded <= 64 ? 128 : 64,
  step: padded <= 64 ? 64 : 32,
});

/** The text of a pass. */
export function renderCore(pass: Pass, options: CoreOptions): RenderedKernel {
  const { type, padded, vector } = options;
  const { rows, step } = coreTile(pass, padded);
  const { forward, results } = pass;
  const queriesOwn = pass.own === "queries";
  const arrives = !forward && results.includes("x");
  const layout = paramsOf(pass, options);
  // Logarithms and means belong to queries: those a thread owns stay in its registers, others come with each tile.
  const tiled = !forward && !queriesOwn;
  const [log, mean] = queriesOwn ? ["log[m][r / 2]", "mean[m][r / 2]"] : ["logTile[stage][at]", "meanTile[stage][at]"];
  const edge = queriesOwn ? "start + N - 1 > row0" : `start < row0 + ${rows - 1}`;
  const own = (name: string, matrix: string, width: string): string => `
  load_rows<${rows}>(tiles, ${matrix}, row0, owns, ${width}, ${matrix}Row, ${matrix}Column);
  commit_copies();
  wait_copies<0>();
  __syncthreads();
  unsigned ${name}[M][D / 16][4];
  EACH(m, M) EACH(k, D / 16)
    load_matrices(${name}[m][k], tiles + (warpRow + m * 16 + lane % 16) * pitch + k * 16 + lane / 16 * 8);
  __syncthreads();`;
  const products = (name: string, of: string, tile: string): string => `
    float ${name}[M][N / 8][4] = {};
  EACH(n, N / 16) EACH(k, D / 16) {
      unsigned pair[4];
      load_matrices(pair, ${tile} + (n * 16 + lane / 16 * 8 + lane % 8) * pitch + k * 16 + lane / 8 % 2 * 8);
  EACH(m, M) {
        multiply_${type}(${name}[m][n * 2], ${of}[m][k], pair[0], pair[1]);
        multiply_${type}(${name}[m][n * 2 + 1], ${of}[m][k], pair[2], pair[3]);
      }
    }`;
  const sums = (name: string, of: string, tile: string): string => `
  EACH(k, N / 16) {
      unsigned rounded[M][4];
  EACH(m, M) EACH(r, 4)
        rounded[m][r] = pack_${type}(${of}[m][k * 2 + r / 2][r % 2 * 2], ${of}[m][k * 2 + r / 2][r % 2 * 2 + 1]);
  EACH(n, D / 16) {
        unsigned pair[4];
        load_matrices_turned(pair, ${tile} + (k * 16 + lane % 16) * pitch + n * 16 + lane / 16 * 8);
  EACH(m, M) {
          multiply_${type}(${name}[m][n * 2], rounded[m], pair[0], pair[1]);
          multiply_${type}(${name}[m][n * 2 + 1], rounded[m], pair[2], pair[3]);
        }
      }
    }`;
  const place = `const index_t row = row0 + warpRow + m * 16 + r / 2 * 8 + lane / 4;`;
  const store = (name: "x" | "y", width: string, factor: string): string =>
    vector
      ? `EACH(m, M) EACH(n, D / 8) EACH(r, 4) {
    ${place}
    const index_t column = n * 8 + lane % 4 * 2;
    if (r % 2 == 0 && row < owns && column < ${width})
      *(unsigned*)(${name} + row * ${name}Row + column) = pack_${type}(sum_${name}[m][n][r] * ${factor}, sum_${name}[m][n][r + 1] * ${factor});
  }`
      : `EACH(m, M) EACH(n, D / 8) EACH(r, 4) {
    ${place}
    const index_t column = n * 8 + lane % 4 * 2 + r % 2;
    if (row < owns && column < ${width}) ${name}[row * ${name}Row + column * ${name}Column] = float_to_${type}(sum_${name}[m][n][r] * ${factor});
  }`;
  const source = `${layout.declaration()}
${deviceFunctions[`float_to_${type}`]}
${tensorCoreFunctions(type)}
#define EACH(name, count) _Pragma("unroll") for (int name = 0; name < count; name++)
// Sixteen rows each, of ${type}, M times a warp; N rows in a tile; D columns. Eight more keep rows out of each other's memory banks.
constexpr int M = ${rows / 64}, N = ${step}, D = ${padded}, pitch = D + 8;
struct alignas(16) Chunk { unsigned words[4]; };
// Rows from \`first\` on into shared memory, zeros where the matrix ends.
template <int count>
__device__ __forceinline__ void load_rows(unsigned short* to, const unsigned short* from, index_t first, index_t rows, index_t width, index_t rowStep, index_t columnStep) {
${
  vector
    ? `#pragma unroll
  for (int e = threadIdx.x; e < count * (D / 8); e += ${coreThreads}) {
    const int row = e / (D / 8), column = e % (D / 8) * 8;
    const bool inside = first + row < rows && column < width;
    copy_async(to + row * pitch + column, inside ? from + (first + row) * rowStep + column : from, inside ? 16 : 0);
  }`
    : `  // Neighbouring threads read along whichever axis is dense.
  for (int e = threadIdx.x; e < count * D; e += ${coreThreads}) {
    const int row = columnStep == 1 ? e / D : e % count, column = columnStep == 1 ? e % D : e / count;
    to[row * pitch + column] = first + row < rows && column < width ? from[(first + row) * rowStep + column * columnStep] : 0;
  }`
}
}
extern "C" __global__ void __launch_bounds__(${coreThreads}, 2) attention_kernel(const Params P) {
  __shared__ Chunk shared[4 * N * pitch / 8];
  ${tiled ? "__shared__ float logTile[2][N], meanTile[2][N];" : ""}
  unsigned short* const tiles = (unsigned short*)shared;
${openPass(pass, "unsigned short", rows, step, options)}
  const int lane = threadIdx.x % 32, warpRow = threadIdx.x / 32 * M * 16;
  // Powers of two take one instruction.
  const float log2e = 1.4426950408889634f, scale = P.scale * log2e;
  ${own("rowsA", "a", "P.width")}
  ${arrives ? own("rowsC", "c", "P.valueWidth") : ""}
  ${results.map((name) => `float sum_${name}[M][D / 8][4] = {};`).join("\n  ")}
  ${forward ? `float top[M][2], total[M][2] = {};\n  EACH(m, M) top[m][0] = top[m][1] = -__int_as_float(0x7f800000);` : ""}
  ${
    !forward && queriesOwn
      ? `float log[M][2], mean[M][2];
  EACH(m, M) EACH(h, 2) {
    const index_t row = row0 + warpRow + m * 16 + h * 8 + lane / 4;
    log[m][h] = row < owns ? log2e * logs[row * logsStep] : 0;
    mean[m][h] = row < owns ? means[row] : 0;
  }`
      : ""
  }
  const auto load_tile = [&](index_t start, int stage) {
    load_rows<N>(tiles + stage * 2 * N * pitch, b, start, others, P.width, bRow, bColumn);
    load_rows<N>(tiles + (stage * 2 + 1) * N * pitch, d, start, others, P.valueWidth, dRow, dColumn);
    ${
      tiled
        ? `for (int n = threadIdx.x; n < N; n += ${coreThreads}) {
      logTile[stage][n] = start + n < others ? log2e * logs[(start + n) * logsStep] : 0;
      meanTile[stage][n] = start + n < others ? means[start + n] : 0;
    }`
        : ""
    }
    commit_copies();
  };
  if (begin < end) load_tile(begin, 0);
  int stage = 0;
  for (index_t start = begin; start < end; start += N, stage ^= 1) {
    if (start + N < end) {
      load_tile(start + N, stage ^ 1);
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    __syncthreads();
    const unsigned short* const tileB = tiles + stage * 2 * N * pitch;
    const unsigned short* const tileD = tileB + N * pitch;
    const bool edge = start + N > others || (causal && ${edge});
    ${products("s", "rowsA", "tileB")}
    ${arrives ? products("t", "rowsC", "tileD") : ""}
    ${
      forward
        ? runningSoftmax(visible(pass, "row", "column"))
        : `EACH(m, M) EACH(n, N / 8) EACH(r, 4) {
      const int at = n * 8 + lane % 4 * 2 + r % 2;
      const index_t row = row0 + warpRow + m * 16 + r / 2 * 8 + lane / 4, column = start + at;
      const bool seen = !edge || (${visible(pass, "row", "column")});
      s[m][n][r] = seen ? exp2_approx(scale * s[m][n][r] - ${log}) : 0;
      ${arrives ? `t[m][n][r] = seen ? s[m][n][r] * (t[m][n][r] - ${mean}) : 0;` : ""}
    }`
    }
    ${results.map((name) => (name === "y" ? sums("sum_y", "s", "tileD") : sums("sum_x", "t", "tileB"))).join("\n")}
    __syncthreads();
  }
  ${
    forward
      ? `EACH(m, M) EACH(h, 2) {
    total[m][h] += __shfl_xor_sync(0xffffffffu, total[m][h], 1);
    total[m][h] += __shfl_xor_sync(0xffffffffu, total[m][h], 2);
    const index_t row = row0 + warpRow + m * 16 + h * 8 + lane / 4;
    if (row < owns && lane % 4 == 0) logs[row * logsStep] = top[m][h] / log2e + logf(total[m][h]);
    total[m][h] = 1 / total[m][h];
  }
  ${store("y", "P.valueWidth", "total[m][r / 2]")}`
      : results
          .map((name) => (name === "x" ? store("x", "P.width", "P.scale") : store("y", "P.valueWidth", "1")))
          .join("\n  ")
  }
}
`;
  return { name: "attention_kernel", source, layout };
}

/** Weights relative to the running maximum; what was summed so far shrinks when the maximum grows. */
const runningSoftmax = (seen: string): string => `
  EACH(m, M) EACH(h, 2) {
      float most = top[m][h];
  EACH(n, N / 8) EACH(q, 2) {
        float& x = s[m][n][h * 2 + q];
        const index_t row = row0 + warpRow + m * 16 + h * 8 + lane / 4, column = start + n * 8 + lane % 4 * 2 + q;
        x = !edge || (${seen}) ? scale * x : -__int_as_float(0x7f800000);
        most = fmaxf(most, x);
      }
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      // Where nothing finite was seen yet, differences of infinities would be no numbers.
      const float least = most == -__int_as_float(0x7f800000) ? 0 : most;
      const float shrink = exp2_approx(top[m][h] - least);
      top[m][h] = most;
      total[m][h] *= shrink;
  EACH(n, N / 8) EACH(q, 2) {
        float& x = s[m][n][h * 2 + q];
        x = exp2_approx(x - least);
        total[m][h] += x;
      }
  EACH(n, D / 8) EACH(q, 2) sum_y[m][n][h * 2 + q] *= shrink;
    }`;
