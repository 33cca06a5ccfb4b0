// What every change subtracts: the mean of what arrives at a query's weights, which is output · gradient, a row a warp.

import type { AttentionAttributes } from "@torchium/tensor/backend";
import { isHalf } from "@torchium/tensor/backend";
import { deviceFunctions } from "../../render/device-functions.js";
import type { RenderedKernel } from "../../render/program-text.js";
import { ParamsLayout } from "../../run/params.js";
import type { TextOptions } from "./passes.js";

/** Rows of a block. */
export const meansRows = 8;
/** Threads of a block. */
export const meansThreads = meansRows * 32;

/** The text over rows of [batch…, queries]; strides of the batch, rows and columns. */
export function renderMeans(type: AttentionAttributes["type"], { batchAxes, wide }: TextOptions): RenderedKernel {
  const half = isHalf(type);
  const [word, load] = half ? ["unsigned short", `${type}_to_float`] : ["float", ""];
  const layout = new ParamsLayout(
    [
      { name: "output", type: "pointer" },
      { name: "outputStride", type: "index", count: batchAxes + 2 },
      { name: "gradient", type: "pointer" },
      { name: "gradientStride", type: "index", count: batchAxes + 2 },
      { name: "means", type: "pointer" },
      { name: "size", type: "index", count: batchAxes + 1 },
      { name: "count", type: "index" },
      { name: "valueWidth", type: "index" },
    ],
    wide,
  );
  const source = `${layout.declaration()}
${half ? deviceFunctions[`${type}_to_float`] : ""}
extern "C" __global__ void __launch_bounds__(${meansThreads}) attention_means_kernel(const Params P) {
  const index_t n = (index_t)blockIdx.x * ${meansRows} + threadIdx.x / 32;
  if (n >= P.count) return;
  index_t rest = n, outputAt = 0, gradientAt = 0;
  for (int axis = ${batchAxes}; axis >= 0; axis--) {
    const index_t i = rest % P.size[axis];
    rest /= P.size[axis];
    outputAt += i * P.outputStride[axis];
    gradientAt += i * P.gradientStride[axis];
  }
  const ${word}* const output = (const ${word}*)P.output + outputAt;
  const ${word}* const gradient = (const ${word}*)P.gradient + gradientAt;
  float sum = 0;
  for (index_t e = threadIdx.x % 32; e < P.valueWidth; e += 32)
    sum = fmaf(${load}(output[e * P.outputStride[${batchAxes + 1}]]), ${load}(gradient[e * P.gradientStride[${batchAxes + 1}]]), sum);
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
  if (threadIdx.x % 32 == 0) ((float*)P.means)[n] = sum;
}
`;
  return { name: "attention_means_kernel", source, layout };
}
