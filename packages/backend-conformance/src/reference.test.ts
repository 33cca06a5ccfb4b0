import { createReferenceBackend } from "@torchium/tensor/reference";
import * as vitest from "vitest";
import { describeConformance } from "./describe-conformance.js";

describeConformance(vitest, {
  name: "the reference",
  createBackend: () => createReferenceBackend({ limitBytes: 2 ** 28 }),
});
