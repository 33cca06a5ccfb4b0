// scatterAdd and scatterInto: rows added to rows of a table. Rows of one id are added in order, by the one block that
// the first of them belongs to; no other block touches that row of the table.

import { byteLengthOf, type Launch } from "@torchium/tensor/backend";
import type { RenderedKernel } from "../render/program-text.js";
import { isNarrow } from "../run/choose-schedule.js";
import { addressOf, CudaExecutable, noWork, type Work } from "../run/executable.js";
import { ParamsLayout } from "../run/params.js";
import type { Session } from "../run/session.js";
import { type FaultTable, faultHelper } from "./faults.js";
import { sumType } from "./words.js";

/** What happens to rows of the table: zeroed before, added to, or replaced. */
export type ScatterMode = "zero" | "add" | "set";
type Type = "float32" | "float64";
type Operand = Launch["operands"][number];

const threads = 256;
/** Columns that one thread sums. */
const columnsPerThread = 4;
const columnsPerBlock = threads * columnsPerThread;

function renderScatter(type: Type, mode: ScatterMode, wide: boolean): RenderedKernel {
  const layout = new ParamsLayout(
    [
      { name: "from", type: "pointer" },
      { name: "ids", type: "pointer" },
      { name: "out", type: "pointer" },
      { name: "fault", type: "pointer" },
      { name: "rows", type: "index" },
      { name: "width", type: "index" },
      { name: "tableRows", type: "index" },
      { name: "idStep", type: "index" },
      { name: "fromRow", type: "index" },
      { name: "fromStep", type: "index" },
      { name: "outRow", type: "index" },
      { name: "outStep", type: "index" },
    ],
    wide,
  );
  const word = sumType(type);
  const sets = mode === "set";
  const source = `${layout.declaration()}
${faultHelper}
extern "C" __global__ void __launch_bounds__(${threads}) scatter_kernel(const Params P) {
  __shared__ unsigned found[${threads / 32}];
  __shared__ int earlier;
  const int* const ids = (const int*)P.ids;
  const ${word}* const from = (const ${word}*)P.from;
  const index_t mine = blockIdx.x;
  const int id = ids[mine * P.idStep];
  if (id < 0 || id >= P.tableRows) {
    if (threadIdx.x == 0) tell_fault(P.fault, mine, id);
    return;
  }
  // Only the first row of an id goes on.
  if (threadIdx.x == 0) earlier = 0;
  __syncthreads();
  for (index_t row = threadIdx.x; row < mine; row += ${threads})
    if (ids[row * P.idStep] == id) earlier = 1;
  __syncthreads();
  if (earlier) return;
  ${word}* const out = (${word}*)P.out + id * P.outRow;
  const index_t column = (index_t)blockIdx.y * ${columnsPerBlock} + threadIdx.x;
  ${word} sum[${columnsPerThread}];
  for (int c = 0; c < ${columnsPerThread}; c++) {
    const index_t at = column + c * ${threads};
    if (at < P.width) sum[c] = ${sets ? "from[mine * P.fromRow + at * P.fromStep]" : "out[at * P.outStep] + from[mine * P.fromRow + at * P.fromStep]"};
  }
${sets ? "" : laterRows(word)}
  for (int c = 0; c < ${columnsPerThread}; c++) {
    const index_t at = column + c * ${threads};
    if (at < P.width) out[at * P.outStep] = sum[c];
  }
}
`;
  return { name: "scatter_kernel", source, layout };
}

/** Adds the later rows of the same id in order: threads look at as many ids at once, then all add what was found. */
const laterRows = (word: string): string => `  for (index_t start = mine + 1; start < P.rows; start += ${threads}) {
    const index_t row = start + threadIdx.x;
    const unsigned votes = __ballot_sync(0xffffffffu, row < P.rows && ids[row * P.idStep] == id);
    if (threadIdx.x % 32 == 0) found[threadIdx.x / 32] = votes;
    __syncthreads();
    for (int w = 0; w < ${threads / 32}; w++) {
      for (unsigned left = found[w]; left != 0; left &= left - 1) {
        const ${word}* const more = from + (start + w * 32 + __ffs((int)left) - 1) * P.fromRow;
        for (int c = 0; c < ${columnsPerThread}; c++) {
          const index_t at = column + c * ${threads};
          if (at < P.width) sum[c] = sum[c] + more[at * P.fromStep];
        }
      }
    }
    __syncthreads();
  }`;

function renderZero(type: Type, wide: boolean): RenderedKernel {
  const layout = new ParamsLayout(
    [
      { name: "out", type: "pointer" },
      { name: "count", type: "index" },
      { name: "width", type: "index" },
      { name: "outRow", type: "index" },
      { name: "outStep", type: "index" },
    ],
    wide,
  );
  const source = `${layout.declaration()}
extern "C" __global__ void __launch_bounds__(${threads}) zero_kernel(const Params P) {
  const index_t at = (index_t)blockIdx.x * ${threads} + threadIdx.x;
  if (at < P.count) ((${sumType(type)}*)P.out)[at / P.width * P.outRow + at % P.width * P.outStep] = 0;
}
`;
  return { name: "zero_kernel", source, layout };
}

/** A compiled scatter over [table, width, rows]. */
export class ScatterExecutable extends CudaExecutable {
  readonly #type: Type;
  readonly #mode: ScatterMode;
  readonly #faults: FaultTable;

  constructor(key: string, type: Type, mode: ScatterMode, faults: FaultTable) {
    super(key);
    this.#type = type;
    this.#mode = mode;
    this.#faults = faults;
  }

  work(session: Session, launch: Launch): Work {
    const [tableRows, width, rows] = launch.sizes as [number, number, number];
    const [from, ids, out] = launch.operands as [Operand, Operand, Operand];
    const unit = byteLengthOf(this.#type);
    const wide = !isNarrow(launch, session.narrowLimit);
    const zero = this.#zero(session, launch, out, tableRows * width, width, wide);
    if (rows === 0 || width === 0) return zero;
    const text = renderScatter(this.#type, this.#mode, wide);
    const params = text.layout.block();
    params.set("rows", rows);
    params.set("width", width);
    params.set("tableRows", tableRows);
    params.set("idStep", ids.strides[2]!);
    params.set("fromRow", from.strides[2]!);
    params.set("fromStep", from.strides[1]!);
    params.set("outRow", out.strides[0]!);
    params.set("outStep", out.strides[1]!);
    const blocks = [rows, Math.ceil(width / columnsPerBlock), 1] as const;
    return {
      enqueue: () => {
        zero.enqueue();
        params.set("from", addressOf(from, unit));
        params.set("ids", addressOf(ids, 4));
        params.set("out", addressOf(out, unit));
        params.set("fault", this.#faults.claim(launch.label, tableRows));
        session.launch(text, { blocks, threads }, params, launch.label);
      },
    };
  }

  #zero(session: Session, launch: Launch, out: Operand, count: number, width: number, wide: boolean): Work {
    if (this.#mode !== "zero" || count === 0) return noWork;
    const text = renderZero(this.#type, wide);
    const params = text.layout.block();
    params.set("count", count);
    params.set("width", width);
    params.set("outRow", out.strides[0]!);
    params.set("outStep", out.strides[1]!);
    return {
      enqueue: () => {
        params.set("out", addressOf(out, byteLengthOf(this.#type)));
        session.launch(text, { blocks: [Math.ceil(count / threads), 1, 1], threads }, params, launch.label);
      },
    };
  }
}
