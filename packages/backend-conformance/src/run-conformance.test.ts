import { input, makeProgram, type Program, scalarAlgebra as s } from "@torchium/tensor/backend";
import { createReferenceBackend } from "@torchium/tensor/reference";
import { describe, expect, it } from "vitest";
import { conformanceCases } from "./all-cases.js";
import { levels } from "./case.js";
import { describeConformance } from "./describe-conformance.js";
import { formatProgram } from "./format-program.js";
import { denseRun } from "./programs/run.js";
import { shrink } from "./programs/shrink.js";
import { Random } from "./random.js";
import { type ConformanceTarget, runConformance } from "./run-conformance.js";
import { broken, brokenScalars } from "./testing/mutations.js";
import { kernelTrial } from "./trial.js";
import { Workbench } from "./workbench.js";

const sound: ConformanceTarget = { name: "sound", createBackend: () => createReferenceBackend() };
const badExp: ConformanceTarget = {
  name: "bad exp",
  createBackend: brokenScalars((op, _, __, right) => (op === "exp" ? () => right * 1.01 : undefined)),
};
const expCase = "scalars/exp/float32";

describe("runConformance", () => {
  it("tells what passed and what failed, with seed, place and value", async () => {
    const results = await runConformance(badExp, { cases: [expCase, "scalars/log/float32"], seed: 5 });
    expect(results.map((r) => [r.name, r.level, r.outcome])).toEqual([
      [expCase, "scalars", "failed"],
      ["scalars/log/float32", "scalars", "passed"],
    ]);
    expect(results[0]!.message).toMatch(
      /scalars\/exp\/float32 \(seed 5\): exp: \d+ wrong\noutput operand 1 at \[\d+\]: got .*, expected /,
    );
  });

  it("lets a gap fail, and fails a gap that passes", async () => {
    const gaps = [{ case: expCase, reason: "two digits" }] as const;
    const [known] = await runConformance({ ...badExp, gaps }, { cases: [expCase] });
    expect(known).toMatchObject({ outcome: "passed", message: "a known gap: two digits" });
    const [rotten] = await runConformance({ ...sound, gaps }, { cases: [expCase] });
    expect(rotten).toMatchObject({ outcome: "failed", message: expect.stringContaining("remove it from the list") });
  });

  it("says what is not offered", async () => {
    const target: ConformanceTarget = {
      name: "small",
      createBackend: () =>
        createReferenceBackend({ dtypes: ["float32", "int32", "uint32", "bool"], declines: ["sort"] }),
    };
    const results = await runConformance(target, {
      cases: ["scalars/exp/float64", "anchors/sort", "programs/random a"],
    });
    expect(results.map((r) => r.outcome).sort()).toEqual(["not-offered", "not-offered", "passed"]);
  });

  it("refuses names that no case has", async () => {
    const cases = ["scalars/exp/int32"] as const;
    await expect(runConformance(sound, { cases })).rejects.toThrow("no case is named scalars/exp/int32");
    await expect(runConformance({ ...sound, gaps: [{ case: cases[0], reason: "" }] })).rejects.toThrow(
      "no case is named",
    );
  });

  it("turns a crash of the backend into a failure", async () => {
    const createBackend = broken(() => ({
      compile: () => {
        throw new Error("driver crashed");
      },
    }));
    const [result] = await runConformance({ name: "crashing", createBackend }, { cases: [expCase] });
    expect(result).toMatchObject({ outcome: "failed", message: expect.stringContaining("driver crashed") });
  });

  it("has cases in every level, in order", () => {
    expect([...new Set(conformanceCases.map((c) => c.level))]).toEqual(levels);
  });
});

describe("describeConformance", () => {
  it("registers one test a case, skips what is not offered, throws what failed", async () => {
    const tests = new Map<string, (context: { skip?: (note?: string) => void }) => Promise<void>>();
    const before: (() => Promise<void>)[] = [];
    const framework = {
      describe: (_: string, body: () => void) => body(),
      it: (name: string, body: (context: { skip?: (note?: string) => void }) => Promise<void>) => tests.set(name, body),
      beforeAll: (body: () => Promise<void>) => before.push(body),
      afterAll: () => undefined,
    };
    const cases = [expCase, "scalars/exp/float64", "scalars/log/float32"] as const;
    const createBackend = () => brokenScalars((op, _, __, right) => (op === "exp" ? () => right * 1.01 : undefined))();
    describeConformance(framework, { name: "x", createBackend }, { cases });
    expect([...tests.keys()].sort()).toEqual([...cases].sort());
    for (const body of before) await body();
    await expect(tests.get(expCase)!({})).rejects.toThrow("wrong");
    await tests.get("scalars/log/float32")!({});
  });
});

describe("failures of programs", () => {
  it("are made small: the one wrong operation is left", async () => {
    const random = new Random(4);
    const [x, y] = [input(0, "float32", "full"), input(1, "float32", "full")];
    const program: Program = makeProgram({
      inputs: [0, 1].map(() => ({ kind: "buffer", type: "float32", role: "full" })),
      scalars: [],
      reduces: [{ op: "sum", of: s.mul(x, y) }],
      outputs: [
        { expr: s.tanh(s.mul(s.add(s.exp(s.mul(x, 0.5)), y), 0.1)), role: "full" },
        { expr: s.sub(x, y), role: "full" },
      ],
    });
    const bench = new Workbench(badExp.createBackend() as ReturnType<typeof createReferenceBackend>);
    const fails = (run: Parameters<typeof kernelTrial>[0]) =>
      bench.check([kernelTrial(run)]).then(
        () => false,
        () => true,
      );
    const smallest = await shrink(denseRun(random, "test", program, [3, 17]), fails);
    expect(smallest.sizes).toEqual([1, 1]);
    expect(formatProgram(smallest.program)).toMatch(
      /^x0: float32 full\nx1: float32 full\nt2 = mul\(x0, 0\.5\)\nt3 = exp\(t2\)\ny0: float32 full = t3$/,
    );
  });
});
