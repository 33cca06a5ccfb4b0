// Options: derived from every declaration, each field refuses what is outside its range, and typos are named.

import { argumentError, type Tensor, tensor } from "@torchium/tensor";
import type { OptionSpec } from "@torchium/tensor/options";
import { describe, expect, it } from "vitest";
import { SGD } from "./index.js";
import { createOptimizer } from "./registry.js";
import { errorLike, rows } from "./testing/problems.js";

const parameter = () => tensor([1, 2], { requiresGrad: true });

/** Values that a field must refuse. */
function badValues({ kind, range = {} }: OptionSpec<unknown>): unknown[] {
  if (kind === "flag") return [1, "true", null];
  const { atLeast, below } = range;
  const numbers = [
    Number.NaN,
    "0.1",
    null,
    ...(atLeast === undefined ? [] : [atLeast - 1e-3]),
    ...(below === undefined ? [] : [below]),
  ];
  if (kind === "number") return numbers;
  return [
    0.9,
    [0.9],
    [0.9, 0.9, 0.9],
    ...numbers.flatMap((x) => [
      [x, 0.9],
      [0.9, x],
    ]),
  ];
}

describe.each(rows)("$name", ({ name }) => {
  const { declaration } = createOptimizer(name, [parameter()]).constructor as unknown as {
    declaration: { options: Readonly<Record<string, OptionSpec<unknown>>> };
  };
  const fields = Object.entries(declaration.options);

  it.each(fields)("refuses bad values of %s, when it is made and later", (field, spec) => {
    for (const value of badValues(spec)) {
      const { message } = argumentError(name, field, "", value);
      const error = errorLike("argument", `${name}: ${field} must be `, message.slice(message.indexOf("got ")));
      expect(() => createOptimizer(name, [parameter()], { [field]: value })).toThrow(error);
      const group = { params: [parameter()], [field]: value };
      expect(() => createOptimizer(name, [group])).toThrow(errorLike("argument", `${name}: ${field} must be `));
      const optimizer = createOptimizer(name, [parameter()]);
      Object.assign(optimizer.paramGroups[0]!, { [field]: value });
      expect(() => optimizer.step()).toThrow(error);
    }
  });

  it("names the option that was probably meant", () => {
    for (const [field] of fields) {
      const typo = `${field}s`;
      const error = errorLike("argument", `${name}: unknown option, got ${typo}, did you mean ${field}?`);
      if (field.length > 3) expect(() => createOptimizer(name, [parameter()], { [typo]: 1 })).toThrow(error);
      if (field.length > 3) expect(() => createOptimizer(name, [{ params: [parameter()], [typo]: 1 }])).toThrow(error);
    }
    expect(() => createOptimizer(name, [parameter()], { learningRate: 1 })).toThrow(
      errorLike("argument", "unknown option, got learningRate, expected one of lr, "),
    );
  });

  it("leaves everything as it was when a step is refused", async () => {
    const p = parameter();
    const q = parameter();
    const optimizer = createOptimizer(name, [{ params: p }, { params: q }]);
    p.sum().add(q.sum()).backward();
    optimizer.paramGroups[1]!.lr = Number.NaN;
    expect(() => optimizer.step()).toThrow(errorLike("argument", `${name}: paramGroups[1].lr must be`, "got NaN"));
    expect([await p.toArray(), await q.toArray(), optimizer.stateDict().state]).toEqual([[1, 2], [1, 2], {}]);
  });
});

describe("parameters", () => {
  const p = parameter();
  it.each([
    [[], "there are no parameters, got an empty list"],
    [p, "params must be a list of tensors or of groups { params, … }, got Tensor(shape=[2]"],
    [undefined, "params must be a list of tensors or of groups { params, … }, got undefined"],
    [[p, 5], "params[0] must be a group { params, … }, or all of them tensors, got Tensor"],
    [[5, p], "params[0] must be a group { params, … }, or all of them tensors, got 5"],
    [[undefined], "params[0] must be a group { params, … }, or all of them tensors, got undefined"],
    [[{ params: p }, { lr: 1 }], "params[1] must be a group"],
    [[{ params: [] }], "params of a group must be at least one tensor"],
    [[{ params: [p, null] }], "params[1] must be a tensor, got null"],
    [[p, p], "a parameter is given twice, got Tensor(shape=[2], dtype=float32, device=cpu) at params[1]"],
    [[{ params: p }, { params: [p] }], "a parameter is given twice"],
    [[p.add(1)], "params[0] must be a leaf"],
    [[tensor(Int32Array.of(1))], 'params[0] must be floating, got "int32"'],
  ])("are refused with the reason: %#", (params, message) => {
    expect(() => new SGD(params as never)).toThrow(errorLike("argument", `SGD: ${message}`));
  });

  it("may come from a generator", () => {
    function* list(): Iterable<Tensor> {
      yield parameter();
      yield parameter();
    }
    expect(new SGD(list()).paramGroups[0]!.params).toHaveLength(2);
  });

  it("can be added later, with the defaults of the optimizer", () => {
    const optimizer = new SGD([parameter()], { lr: 0.5, momentum: 0.9 });
    optimizer.addParamGroup({ params: parameter(), lr: 0.1 });
    expect(optimizer.paramGroups[1]).toMatchObject({ lr: 0.1, momentum: 0.9 });
    expect(() => optimizer.addParamGroup({ params: optimizer.paramGroups[0]!.params })).toThrow(
      errorLike("argument", "given twice"),
    );
  });
});

describe("options that do not go together", () => {
  it("are refused: Nesterov without momentum, or with dampening", () => {
    const message = "SGD: nesterov needs momentum above 0 and dampening 0";
    expect(() => new SGD([parameter()], { nesterov: true })).toThrow(errorLike("argument", message));
    expect(() => new SGD([parameter()], { nesterov: true, momentum: 0.9, dampening: 0.1 })).toThrow(
      errorLike("argument", message, "got momentum 0.9 and dampening 0.1"),
    );
  });
});
