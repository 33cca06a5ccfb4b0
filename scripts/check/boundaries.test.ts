// The rules themselves: what each room and each package may import, and what a cycle is.
import { describe, expect, test } from "vitest";
import type { WorkspacePackage } from "../lib/repository.js";
import { boundaryProblems } from "./boundaries.js";
import { importCycles } from "./cycles.js";
import { type ModuleGraph, readImports } from "./module-graph.js";

const packages: readonly WorkspacePackage[] = [
  { folder: "packages/tensor", manifest: { name: "@torchium/tensor", version: "0.1.0" } },
  {
    folder: "packages/optim",
    manifest: { name: "@torchium/optim", version: "0.1.0", peerDependencies: { "@torchium/tensor": ">=0.1.0" } },
  },
];

function graphOf(files: Readonly<Record<string, string>>): ModuleGraph {
  return new Map(Object.entries(files).map(([path, text]) => [path, readImports(path, text)]));
}

function problemsOf(path: string, text: string): readonly string[] {
  return boundaryProblems(graphOf({ [path]: text }), packages);
}

const core = "packages/tensor/src";

describe("rooms of the core", () => {
  test.each([
    ["nn/linear.ts", "../tensor.js"],
    ["io/safetensors.ts", "../dtype.js"],
    ["tensor.ts", "./ops/matmul.js"],
    ["ops/matmul.ts", "../autograd/variable.js"],
    ["autograd/backward.ts", "../graph/node.js"],
    ["graph/plan.ts", "../backend/backend.js"],
    ["backend/backend.ts", "../kernel/program.js"],
    ["cpu/render.ts", "../kernel/program.js"],
    ["reference/interpreter.ts", "../backend/backend.js"],
    ["cpu/gemm/pack.ts", "../wasm/assembler.js"],
    ["cpu/device.ts", "../graph/device.js"],
    ["default-device.ts", "./cpu/device.js"],
    ["creation.ts", "./default-device.js"],
    ["index.ts", "./cpu/device.js"],
  ])("%s may import %s", (from, to) => {
    expect(problemsOf(`${core}/${from}`, `import { x } from "${to}";`)).toEqual([]);
  });

  test.each([
    ["kernel/program.ts", "../backend/backend.js", "kernel must not import from backend"],
    ["graph/plan.ts", "../cpu/backend.js", "graph must not import from cpu"],
    ["ops/matmul.ts", "../default-device.js", "ops must not import from devices"],
    ["ops/matmul.ts", "../tensor.js", "ops must not import from tensor"],
    ["autograd/backward.ts", "../ops/matmul.js", "autograd must not import from ops"],
    ["nn/linear.ts", "../io/safetensors.js", "nn must not import from io"],
    ["cpu/render.ts", "../graph/plan.js", "cpu must not import from graph"],
    ["errors.ts", "./kernel/program.js", "errors must not import from kernel"],
  ])("%s must not import %s, not even a type", (from, to, problem) => {
    const text = `// comment\nimport type { X } from "${to}";`;
    expect(problemsOf(`${core}/${from}`, text)).toEqual([`${core}/${from}:2: ${problem}`]);
  });

  test("a folder without a place is a problem; a test and its helpers may look anywhere", () => {
    expect(problemsOf(`${core}/attic/x.ts`, 'import "../errors.js";')).toEqual([
      `${core}/attic/x.ts:1: attic is no room of the core; give it a place in scripts/check/boundaries.ts`,
    ]);
    for (const name of ["kernel/x.test.ts", "kernel/test-programs.ts", "kernel/testing/programs.ts"]) {
      expect(problemsOf(`${core}/${name}`, 'import "../cpu/device.js";')).toEqual([]);
    }
  });
});

describe("packages", () => {
  const file = "packages/optim/src/adam.ts";
  test.each([
    ['import { tensor } from "@torchium/tensor";'],
    ['export { x } from "./sgd.js";'],
    ['const fs = await import("node:fs");'],
    ['import type { Stats } from "node:fs";'],
  ])("may write %s", (text) => {
    expect(problemsOf(file, text)).toEqual([]);
  });

  test.each([
    ['import { L1 } from "@torchium/losses";', "may depend on @torchium/tensor only, not on @torchium/losses"],
    ['export * from "lodash/fp";', "lodash is not in the dependencies of @torchium/optim"],
    ['import "@torchium/optim";', "imports its own package by name: @torchium/optim"],
    ['import fs from "node:fs";', "must import node:fs dynamically: browsers load this file too"],
    ['import "../../tensor/src/errors.js";', "leaves its package: ../../tensor/src/errors.js"],
  ])("must not write %s", (text, problem) => {
    expect(problemsOf(file, text)).toEqual([`${file}:1: ${problem}`]);
  });
});

describe("cycles", () => {
  test("a circle is named once, whatever hangs on it", () => {
    const graph = graphOf({
      "a.ts": 'import { b } from "./b.js";',
      "b.ts": 'import { c } from "./c.js"; import "./leaf.js";',
      "c.ts": 'export { a } from "./a.js";',
      "leaf.ts": "",
      "self.ts": 'import "./self.js";',
    });
    expect(importCycles(graph)).toEqual(["a.ts ⇄ b.ts ⇄ c.ts", "self.ts"]);
  });

  test("type imports may go both ways", () => {
    const graph = graphOf({
      "a.ts": 'import { b } from "./b.js";',
      "b.ts": 'import type { A } from "./a.js"; import { type B } from "./a.js";',
    });
    expect(importCycles(graph)).toEqual([]);
  });
});
