// Which parameters decay: matrices yes; biases, norms and vectors no; embeddings as asked.

import type { Tensor } from "@torchium/tensor";
import { zeros } from "@torchium/tensor";
import { Embedding, LayerNorm, Linear, LSTM, Module, Parameter, RMSNorm } from "@torchium/tensor/nn";
import { describe, expect, it } from "vitest";
import { AdamW, parameterGroups } from "./index.js";
import { errorLike } from "./testing/problems.js";

class Model extends Module {
  readonly table = new Embedding(7, 4);
  readonly norm = new LayerNorm([3, 4]);
  readonly root = new RMSNorm(4);
  readonly recurrent = new LSTM(4, 5);
  readonly head = new Linear(5, 7);
  readonly bias = new Parameter(zeros(2, 2));
  readonly scale = new Parameter(zeros(1));
  forward(): void {}
}

const namesOf = (model: Module, params: Tensor | Iterable<Tensor>): string[] => {
  const names = new Map<Tensor, string>(model.namedParameters().map(([name, p]) => [p, name]));
  return [...(params as Iterable<Tensor>)].map((p) => names.get(p)!);
};

describe("parameterGroups", () => {
  it("spares biases, norms and vectors", () => {
    const model = new Model();
    const groups = parameterGroups(model, { weightDecay: 0.1 });
    expect(groups.map(({ weightDecay }) => weightDecay)).toEqual([0.1, 0]);
    expect(namesOf(model, groups[0]!.params)).toEqual([
      "table.weight",
      "recurrent.weight_ih_l0",
      "recurrent.weight_hh_l0",
      "head.weight",
    ]);
    expect(groups.flatMap(({ params }) => [...(params as Iterable<Tensor>)])).toHaveLength(model.parameters().length);
  });

  it("spares embeddings when asked", () => {
    const model = new Model();
    const [decayed] = parameterGroups(model, { weightDecay: 0.1, decayEmbeddings: false });
    expect(namesOf(model, decayed!.params)).not.toContain("table.weight");
  });

  it("takes a model with its criterion, and leaves out an empty group", () => {
    const [model, criterion] = [new Linear(2, 3, { bias: false }), new Linear(3, 1, { bias: false })];
    const groups = parameterGroups([model, criterion], { weightDecay: 0.1 });
    expect(groups).toEqual([{ params: [model.weight, criterion.weight], weightDecay: 0.1 }]);
    expect(new AdamW(groups, { lr: 0.1 }).paramGroups[0]).toMatchObject({ lr: 0.1, weightDecay: 0.1 });
  });

  it.each([
    [
      () => parameterGroups(new Model(), {} as never),
      "weightDecay must be a finite number of at least 0, got undefined",
    ],
    [() => parameterGroups(new Model(), { weightDecay: -1 }), "got -1"],
    [
      () => parameterGroups(new Model(), { weightDecay: 1, embeddings: false } as never),
      "unknown option, got embeddings",
    ],
    [() => parameterGroups([5] as never, { weightDecay: 1 }), "modules must be a module or a list of them, got 5"],
  ])("says what is wrong: %#", (act, message) => {
    expect(act).toThrow(errorLike("argument", `parameterGroups: `, message));
  });
});
