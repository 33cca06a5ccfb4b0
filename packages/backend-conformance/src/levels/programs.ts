// Row programs as core makes them, and row programs nobody would think of.

import { allDTypes, type Program } from "@torchium/tensor/backend";
import type { CaseContext, CaseTable } from "../case.js";
import { ConformanceFailure } from "../failure.js";
import { randomProgram } from "../programs/generator.js";
import { type NamedProgram, namedPrograms } from "../programs/named.js";
import { randomSizes, scatteredRun } from "../programs/run.js";
import { shrink } from "../programs/shrink.js";
import { Random } from "../random.js";
import { kernelTrial, type ProgramRun } from "../trial.js";
import type { Workbench } from "../workbench.js";

/** Random programs of one case. */
const programsPerCase = 60;
const randomGroups = ["a", "b", "c", "d"] as const;

/** `programs/softmax`, `programs/random a`. */
export type ProgramCaseName =
  | `programs/${keyof typeof namedPrograms}`
  | `programs/random ${(typeof randomGroups)[number]}`;

/** Dtypes a program needs. */
function typesOf(program: Program) {
  const inputs = program.inputs.filter((x) => x.kind === "buffer").map((x) => x.type);
  return [
    ...inputs,
    ...program.scalars,
    ...program.reduces.map((r) => r.of.type),
    ...program.outputs.map((o) => o.expr.type),
  ];
}

async function named({ bench, seed }: CaseContext, make: NamedProgram): Promise<void> {
  const random = new Random(seed);
  const runs = make(random, bench.backend.capabilities);
  for (const run of runs) bench.need(...typesOf(run.program));
  await bench.check(runs.map(kernelTrial));
}

async function randomPrograms({ bench, seed, effort }: CaseContext, group: number): Promise<void> {
  const types = bench.offered(allDTypes);
  const buffers = bench.backend.capabilities.maxBuffersPerLaunch;
  for (const one of new Random(seed + group).seeds(Math.ceil(programsPerCase * effort))) {
    const random = new Random(one);
    const program = randomProgram(random, types, buffers);
    const run = scatteredRun(random, `random program ${one}`, program, randomSizes(random, random.integer(1, 4), 150));
    await checkShrinking(bench, run);
  }
}

/** Checks a run; a failure is made small before it is told. */
async function checkShrinking(bench: Workbench, run: ProgramRun): Promise<void> {
  const failureOf = (candidate: ProgramRun): Promise<string | undefined> =>
    bench.check([kernelTrial(candidate)]).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  const first = await failureOf(run);
  if (first === undefined) return;
  const smallest = await shrink(run, async (candidate) => (await failureOf(candidate)) !== undefined);
  const message = smallest === run ? first : await failureOf(smallest);
  throw new ConformanceFailure(`minimised: ${message ?? first}`);
}

const table: [ProgramCaseName, CaseTable[string]][] = [
  ...Object.entries(namedPrograms).map(([name, make]): [ProgramCaseName, CaseTable[string]] => [
    `programs/${name as keyof typeof namedPrograms}`,
    (context) => named(context, make),
  ]),
  ...randomGroups.map((group, k): [ProgramCaseName, CaseTable[string]] => [
    `programs/random ${group}`,
    (context) => randomPrograms(context, k),
  ]),
];

/** Programs by name, then random ones. */
export const programCases = Object.fromEntries(table) as CaseTable<ProgramCaseName>;
