// Every case of the suite by name. A later level adds its table here and its name to `levels`.

import type { CaseRun, Level } from "./case.js";
import { attentionCases } from "./levels/attention.js";
import { fusionCases } from "./levels/fusion.js";
import { inPlaceCases } from "./levels/in-place.js";
import { launchCases } from "./levels/launches.js";
import { layoutCases } from "./levels/layouts.js";
import { lifecycleCases } from "./levels/lifecycle.js";
import { matmulCases } from "./levels/matmul.js";
import { memoryCases } from "./levels/memory.js";
import { opCases } from "./levels/ops.js";
import { pickedRowsCases } from "./levels/picked-rows.js";
import { programCases } from "./levels/programs.js";
import { randomnessCases } from "./levels/randomness.js";
import { rowsByIdCases } from "./levels/rows-by-id.js";
import { scalarCases } from "./levels/scalars.js";
import { scanAndSortCases } from "./levels/scan-and-sort.js";
import { trainingCases } from "./levels/training.js";

const tables = {
  ...memoryCases,
  ...scalarCases,
  ...layoutCases,
  ...inPlaceCases,
  ...programCases,
  ...launchCases,
  ...matmulCases,
  ...rowsByIdCases,
  ...pickedRowsCases,
  ...scanAndSortCases,
  ...attentionCases,
  ...lifecycleCases,
  ...opCases,
  ...fusionCases,
  ...randomnessCases,
  ...trainingCases,
};

/** The name of a case: its level, a slash, what it is about. */
export type CaseName = keyof typeof tables;

/** A case as the runner sees it. */
export type ConformanceCase = { readonly name: CaseName; readonly level: Level; readonly run: CaseRun };

/** The cases, in the order of the levels. */
export const conformanceCases: readonly ConformanceCase[] = (Object.entries(tables) as [CaseName, CaseRun][]).map(
  ([name, run]) => ({
    name,
    level: name.slice(0, name.indexOf("/")) as Level,
    run,
  }),
);
