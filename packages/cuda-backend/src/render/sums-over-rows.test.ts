// Sums over rows without reductions, such as gradients of biases: in registers, in two steps, in every shape of launch.

import { input, makeProgram, type Program, type Role, scalarAlgebra as s } from "@torchium/tensor/backend";
import { it } from "vitest";
import { denseRun } from "../../../backend-conformance/src/programs/run.js";
import { Random } from "../../../backend-conformance/src/random.js";
import { kernelTrial } from "../../../backend-conformance/src/trial.js";
import { Workbench } from "../../../backend-conformance/src/workbench.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";

const buffer = (type: "float32" | "float64" | "int32", role: Role = "full") =>
  ({ kind: "buffer", type, role }) as const;

const programs: Readonly<Record<string, Program>> = {
  "a sum": makeProgram({
    inputs: [buffer("float32")],
    scalars: [],
    reduces: [],
    outputs: [{ expr: input(0, "float32", "full"), role: "lane" }],
  }),
  "two sums and elements": makeProgram({
    inputs: [buffer("float32"), buffer("float32", "row"), buffer("int32")],
    scalars: [],
    reduces: [],
    outputs: [
      { expr: s.mul(input(0, "float32", "full"), input(1, "float32", "row")), role: "lane" },
      { expr: input(2, "int32", "full"), role: "lane" },
      { expr: s.neg(input(0, "float32", "full")), role: "full" },
    ],
  }),
  "a sum in double precision": makeProgram({
    inputs: [buffer("float64")],
    scalars: [],
    reduces: [],
    outputs: [{ expr: input(0, "float64", "full"), role: "lane" }],
  }),
};

const shapes = [
  [1, 1],
  [3, 8],
  [5, 7],
  [1000, 3],
  [100, 64],
  [40, 1025],
  [37, 2, 12],
  [4, 5000],
  [0, 6],
  [6, 0],
];

describeOnEmulator("sums over rows", (emulator) => {
  it.each(Object.entries(programs))("%s", async (label, program) => {
    const backend = await emulator.backend();
    const random = new Random(3);
    const runs = shapes.map((sizes) => denseRun(random, `${label} over [${sizes.join(", ")}]`, program, sizes));
    await new Workbench(backend).check(runs.map(kernelTrial));
    backend.dispose();
  });
});
