// A compiled row program: chooses the schedule by structure, the variant by sizes.

import type { Kernel, Launch } from "@torchium/tensor/backend";
import { GpuExecutable, type LaunchPlan } from "../run/dispatch.js";
import { LaneSchedule } from "./lane-schedule.js";
import { MapSchedule } from "./map.js";
import type { RowLimits } from "./row-plan.js";
import { RowSchedule } from "./row-schedule.js";

/** A kernel ready to run. */
export class KernelExecutable extends GpuExecutable {
  readonly #schedule: { plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan };

  constructor(kernel: Kernel, limits: RowLimits) {
    const { inputs, scalars, reduces, outputs } = kernel.program;
    super(kernel.key, scalars, [...inputs.map((x) => x.type), ...outputs.map((y) => y.expr.type)]);
    const isMap = reduces.length === 0 && outputs.every((o) => o.role === "full");
    const sumsRows = reduces.length === 0 && outputs.some((o) => o.role === "lane");
    this.#schedule = isMap
      ? new MapSchedule(kernel)
      : sumsRows
        ? new LaneSchedule(kernel)
        : new RowSchedule(kernel, limits);
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    return this.#schedule.plan(launch);
  }
}
