// scan: inclusive prefix sums along rows, a block a row: threads sum 256 elements at a time and carry the total on.

import { byteLengthOf, type DType, type HalfType, type Launch } from "@torchium/tensor/backend";
import type { RenderedKernel } from "../render/program-text.js";
import { isNarrow } from "../run/choose-schedule.js";
import { addressOf, CudaExecutable, noWork, type Work } from "../run/executable.js";
import { ParamsLayout } from "../run/params.js";
import type { Session } from "../run/session.js";
import { sumType } from "./words.js";

const threads = 256;
type Type = Exclude<DType, "bool" | HalfType>;

function render(type: Type, reverse: boolean, rank: number, wide: boolean): RenderedKernel {
  const layout = new ParamsLayout(
    [
      { name: "from", type: "pointer" },
      { name: "to", type: "pointer" },
      { name: "size", type: "index", count: rank },
      { name: "fromStride", type: "index", count: rank },
      { name: "toStride", type: "index", count: rank },
    ],
    wide,
  );
  const word = sumType(type);
  const last = rank - 1;
  const source = `${layout.declaration()}
extern "C" __global__ void __launch_bounds__(${threads}) scan_kernel(const Params P) {
  __shared__ ${word} sums[${threads / 32}];
  index_t rest = blockIdx.x, fromAt = 0, toAt = 0;
  for (int axis = ${last - 1}; axis >= 0; axis--) {
    const index_t i = rest % P.size[axis];
    rest /= P.size[axis];
    fromAt += i * P.fromStride[axis];
    toAt += i * P.toStride[axis];
  }
  const ${word}* const from = (const ${word}*)P.from + fromAt;
  ${word}* const to = (${word}*)P.to + toAt;
  const index_t length = P.size[${last}];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  ${word} carry = 0;
  for (index_t start = 0; start < length; start += ${threads}) {
    const index_t n = start + threadIdx.x;
    const index_t at = ${reverse ? "length - 1 - n" : "n"};
    ${word} sum = n < length ? from[at * P.fromStride[${last}]] : 0;
    for (int d = 1; d < 32; d *= 2) {
      const ${word} before = __shfl_up_sync(0xffffffffu, sum, d);
      if (lane >= d) sum = before + sum;
    }
    if (lane == 31) sums[warp] = sum;
    __syncthreads();
    ${word} total = carry;
    for (int w = 0; w < ${threads / 32}; w++) {
      if (w == warp) sum = total + sum;
      total = total + sums[w];
    }
    carry = total;
    if (n < length) to[at * P.toStride[${last}]] = sum;
    __syncthreads();
  }
}
`;
  return { name: "scan_kernel", source, layout };
}

/** A compiled scan over [outer…, row]. */
export class ScanExecutable extends CudaExecutable {
  readonly #type: Type;
  readonly #reverse: boolean;

  constructor(key: string, type: Type, reverse: boolean) {
    super(key);
    this.#type = type;
    this.#reverse = reverse;
  }

  work(session: Session, launch: Launch): Work {
    const { sizes, operands, label } = launch;
    if (sizes.includes(0)) return noWork;
    const rows = sizes.slice(0, -1).reduce((n, size) => n * size, 1);
    const [from, to] = operands as [Launch["operands"][number], Launch["operands"][number]];
    const text = render(this.#type, this.#reverse, sizes.length, !isNarrow(launch, session.narrowLimit));
    const params = text.layout.block();
    params.setAll("size", sizes);
    params.setAll("fromStride", from.strides);
    params.setAll("toStride", to.strides);
    const unit = byteLengthOf(this.#type);
    return {
      enqueue: () => {
        params.set("from", addressOf(from, unit));
        params.set("to", addressOf(to, unit));
        session.launch(text, { blocks: [rows, 1, 1], threads }, params, label);
      },
    };
  }
}
