// gather: rows of a table by id, four elements at a time where rows are dense.

import { byteLengthOf, type DType, type Launch } from "@torchium/tensor/backend";
import type { RenderedKernel } from "../render/program-text.js";
import { isNarrow } from "../run/choose-schedule.js";
import { addressOf, CudaExecutable, noWork, type Work } from "../run/executable.js";
import { ParamsLayout } from "../run/params.js";
import type { Session } from "../run/session.js";
import { type FaultTable, faultHelper } from "./faults.js";
import { wordOf } from "./words.js";

const threads = 256;

function render(type: DType, vector: 1 | 4, wide: boolean): RenderedKernel {
  const layout = new ParamsLayout(
    [
      { name: "table", type: "pointer" },
      { name: "ids", type: "pointer" },
      { name: "out", type: "pointer" },
      { name: "fault", type: "pointer" },
      { name: "count", type: "index" },
      { name: "steps", type: "index" },
      { name: "tableRows", type: "index" },
      { name: "idStep", type: "index" },
      { name: "tableRow", type: "index" },
      { name: "tableStep", type: "index" },
      { name: "outRow", type: "index" },
      { name: "outStep", type: "index" },
    ],
    wide,
  );
  const word = wordOf(type);
  const element = vector > 1 ? "Pack" : word;
  const source = `${layout.declaration()}
struct alignas(${Math.min(16, 4 * byteLengthOf(type))}) Pack { ${word} v[4]; };
${faultHelper}
extern "C" __global__ void __launch_bounds__(${threads}) gather_kernel(const Params P) {
  const index_t at = (index_t)blockIdx.x * ${threads} + threadIdx.x;
  if (at >= P.count) return;
  const index_t row = at / P.steps, column = at % P.steps * ${vector};
  const int id = ((const int*)P.ids)[row * P.idStep];
  const bool inside = id >= 0 && id < P.tableRows;
  if (!inside && column == 0) tell_fault(P.fault, row, id);
  ${element} value = {};
  if (inside) value = *(const ${element}*)((const ${word}*)P.table + id * P.tableRow + column * P.tableStep);
  *(${element}*)((${word}*)P.out + row * P.outRow + column * P.outStep) = value;
}
`;
  return { name: "gather_kernel", source, layout };
}

/** A compiled gather over [rows, width, table]. */
export class GatherExecutable extends CudaExecutable {
  readonly #type: DType;
  readonly #faults: FaultTable;

  constructor(key: string, type: DType, faults: FaultTable) {
    super(key);
    this.#type = type;
    this.#faults = faults;
  }

  work(session: Session, launch: Launch): Work {
    const [rows, width, tableRows] = launch.sizes as [number, number, number];
    if (rows === 0 || width === 0) return noWork;
    const [table, ids, out] = launch.operands as [Operand, Operand, Operand];
    const unit = byteLengthOf(this.#type);
    const aligned = (elements: number): boolean => (elements * unit) % Math.min(16, 4 * unit) === 0;
    const dense =
      width % 4 === 0 &&
      table.strides[1] === 1 &&
      out.strides[1] === 1 &&
      [table.offset, table.strides[2]!, out.offset, out.strides[0]!].every(aligned);
    const vector = dense ? 4 : 1;
    const text = render(this.#type, vector, !isNarrow(launch, session.narrowLimit));
    const params = text.layout.block();
    const count = (rows * width) / vector;
    params.set("count", count);
    params.set("steps", width / vector);
    params.set("tableRows", tableRows);
    params.set("idStep", ids.strides[0]!);
    params.set("tableRow", table.strides[2]!);
    params.set("tableStep", table.strides[1]!);
    params.set("outRow", out.strides[0]!);
    params.set("outStep", out.strides[1]!);
    return {
      enqueue: () => {
        params.set("table", addressOf(table, unit));
        params.set("ids", addressOf(ids, 4));
        params.set("out", addressOf(out, unit));
        params.set("fault", this.#faults.claim(launch.label, tableRows));
        session.launch(text, { blocks: [Math.ceil(count / threads), 1, 1], threads }, params, launch.label);
      },
    };
  }
}

type Operand = Launch["operands"][number];
