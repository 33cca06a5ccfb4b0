import { inspect } from "node:util";
import { describe, expect, it, test } from "vitest";
import { createCpuDeviceSync } from "../cpu/device.js";
import { keep, ones, type Tensor, TensorError, tensor, zeros } from "../index.js";
import { Sequential } from "./layers/containers.js";
import { Linear } from "./layers/linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

class Scale extends Module {
  readonly factor: Parameter;
  readonly bias: Parameter | undefined;

  constructor(value: number, bias = true) {
    super();
    this.factor = new Parameter(tensor([value]));
    this.bias = bias ? new Parameter(tensor([0])) : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = x.mul(this.factor);
    return this.bias ? y.add(this.bias) : y;
  }
}

class Pair extends Module {
  readonly outerScale: Parameter;
  readonly firstPart = new Scale(2);
  readonly secondPart = new Scale(3, false);
  readonly offsets: Tensor;
  readonly scratch: Tensor;

  constructor() {
    super();
    this.offsets = this.registerBuffer("offsets", tensor([1, 2]));
    this.scratch = this.registerBuffer("scratch", tensor([9]), { persistent: false });
    this.outerScale = new Parameter(tensor([5]));
  }

  forward(x: Tensor): Tensor {
    return this.secondPart.forward(this.firstPart.forward(x)).mul(this.outerScale).add(this.offsets);
  }
}

const caught = (fn: () => unknown): TensorError => {
  try {
    fn();
  } catch (error) {
    if (TensorError.is(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("names", () => {
  test("own parameters, own buffers, then submodules in the order of their declaration", () => {
    expect(Object.keys(new Pair().stateDict())).toEqual([
      "outer_scale",
      "offsets",
      "first_part.factor",
      "first_part.bias",
      "second_part.factor",
    ]);
  });

  test("parameters, buffers and modules are found with their keys", () => {
    const pair = new Pair();
    expect(pair.namedParameters().map(([key]) => key)).toEqual([
      "outer_scale",
      "first_part.factor",
      "first_part.bias",
      "second_part.factor",
    ]);
    expect(pair.namedBuffers().map(([key]) => key)).toEqual(["offsets", "scratch"]);
    expect(pair.namedModules().map(([key]) => key)).toEqual(["", "first_part", "second_part"]);
    expect(pair.namedChildren().map(([key]) => key)).toEqual(["first_part", "second_part"]);
    expect(pair.parameters().every((p) => p.requiresGrad && p.isLeaf)).toBe(true);
    expect(pair.buffers().every((b) => !b.requiresGrad)).toBe(true);
  });

  test("a tied parameter is one parameter with two keys", () => {
    const pair = new Pair();
    Object.assign(pair.secondPart, { factor: pair.firstPart.factor });
    expect(pair.parameters()).toHaveLength(3);
    expect(pair.namedParameters().map(([key]) => key)).not.toContain("second_part.factor");
    expect(Object.keys(pair.stateDict())).toContain("second_part.factor");
  });

  test("a shared module is one module with two keys", () => {
    class Twice extends Module {
      readonly a = new Scale(1);
      readonly b = this.a;
      forward(x: Tensor): Tensor {
        return this.b.forward(this.a.forward(x));
      }
    }
    const twice = new Twice();
    expect(twice.modules()).toHaveLength(2);
    expect(twice.children()).toHaveLength(1);
    expect(Object.keys(twice.stateDict())).toEqual(["a.factor", "a.bias", "b.factor", "b.bias"]);
  });

  test("modules in an array, and modules inside themselves, are errors", () => {
    class Listed extends Module {
      readonly blocks = [new Scale(1)];
      forward(): void {}
    }
    class Round extends Module {
      readonly self = this;
      forward(): void {}
    }
    expect(caught(() => new Listed().parameters())).toMatchObject({
      code: "state",
      message: "Listed: what an array holds is not found, got blocks, expected a ModuleList or Sequential",
    });
    expect(caught(() => new Round().stateDict())).toMatchObject({ code: "state" });
  });
});

describe("state dictionaries", () => {
  test("load what they saved", async () => {
    const from = new Pair();
    const to = new Pair();
    from.outerScale.assign(tensor([7]));
    from.firstPart.factor.assign(tensor([-1]));
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    const x = tensor([1, 2]);
    expect(await to.forward(x).toArray()).toEqual(await from.forward(x).toArray());
  });

  test("loading keeps the parameters' identity", async () => {
    const pair = new Pair();
    const before = pair.parameters();
    pair.loadStateDict(new Pair().stateDict());
    expect(pair.parameters().every((p, i) => p === before[i])).toBe(true);
    expect(pair.parameters().every((p) => p.requiresGrad)).toBe(true);
  });

  test("a tied parameter loads from any of its keys", async () => {
    const pair = new Pair();
    Object.assign(pair.secondPart, { factor: pair.firstPart.factor });
    const { "second_part.factor": _, ...dict } = pair.stateDict();
    pair.loadStateDict({ ...dict, "first_part.factor": tensor([4]) });
    expect(await pair.secondPart.factor.item()).toBe(4);
  });

  test("missing and unexpected keys are named, and nothing is loaded", async () => {
    const pair = new Pair();
    const { offsets: _, ...rest } = pair.stateDict();
    const dict = { ...rest, "first_part.factor": tensor([99]), extra: tensor([1]) };
    expect(caught(() => pair.loadStateDict(dict))).toMatchObject({
      code: "format",
      message: "Pair.loadStateDict: the keys do not match: missing offsets; unexpected extra",
      details: { missingKeys: ["offsets"], unexpectedKeys: ["extra"] },
    });
    expect(await pair.firstPart.factor.item()).toBe(2);
    expect(pair.loadStateDict(dict, { strict: false })).toEqual({
      missingKeys: ["offsets"],
      unexpectedKeys: ["extra"],
    });
    expect(await pair.firstPart.factor.item()).toBe(99);
  });

  test.each([
    [
      "a shape",
      "shape",
      tensor([1, 2]),
      "Pair.loadStateDict: second_part.factor has another shape, got [2], expected [1]",
    ],
    [
      "a dtype",
      "dtype",
      tensor([1], { dtype: "int32" }),
      "Pair.loadStateDict: second_part.factor has another dtype, got int32, expected float32",
    ],
    ["a type", "format", 3 as unknown as Tensor, "Pair.loadStateDict: second_part.factor must be a tensor, got number"],
  ])("%s that does not fit is an error, and nothing is loaded", async (_, code, value, message) => {
    const pair = new Pair();
    const dict = { ...pair.stateDict(), "first_part.factor": tensor([99]), "second_part.factor": value };
    expect(caught(() => pair.loadStateDict(dict))).toMatchObject({ code, message });
    expect(await pair.firstPart.factor.item()).toBe(2);
  });

  test("float64 values load into float32", async () => {
    const scale = new Scale(1);
    scale.loadStateDict({ factor: tensor([0.1], { dtype: "float64" }), bias: tensor([0]) });
    expect(await scale.factor.item()).toBe(Math.fround(0.1));
  });

  test("a kept copy survives an update", async () => {
    const scale = new Scale(1);
    const copy = keep(scale.stateDict().factor!.clone());
    scale.factor.assign(tensor([5]));
    expect(await copy.item()).toBe(1);
  });
});

describe("modes and gradients", () => {
  test("train and eval reach every module", () => {
    const pair = new Pair();
    pair.eval();
    expect(pair.modules().map((m) => m.training)).toEqual([false, false, false]);
    pair.train();
    expect(pair.modules().map((m) => m.training)).toEqual([true, true, true]);
  });

  test("zeroGrad and requiresGrad_ reach every parameter", async () => {
    const pair = new Pair();
    pair.forward(ones(2)).sum().backward();
    expect(pair.parameters().every((p) => p.grad)).toBe(true);
    pair.zeroGrad();
    expect(pair.parameters().some((p) => p.grad)).toBe(false);
    pair.requiresGrad_(false);
    expect(pair.forward(ones(2)).requiresGrad).toBe(false);
  });

  test("apply visits the inner modules first", () => {
    const seen: Module[] = [];
    const pair = new Pair();
    pair.apply((m) => seen.push(m));
    expect(seen).toEqual([pair.firstPart, pair.secondPart, pair]);
  });
});

describe("to", () => {
  test("a dtype converts parameters, gradients and floating buffers in place", async () => {
    const pair = new Pair();
    const before = pair.parameters();
    pair.forward(ones(2)).sum().backward();
    const gradients = await Promise.all(before.map((p) => p.grad!.toArray()));
    pair.to("float64");
    expect(pair.parameters().every((p, i) => p === before[i])).toBe(true);
    expect([...pair.parameters(), ...pair.buffers()].every((t) => t.dtype === "float64")).toBe(true);
    expect(await Promise.all(before.map((p) => p.grad!.toArray()))).toEqual(gradients);
    const y = pair.forward(ones(2, { dtype: "float64" }));
    expect(y.dtype).toBe("float64");
    expect(await y.toArray()).toEqual([31, 32]);
    expect(caught(() => pair.to("int32" as "float32"))).toMatchObject({ code: "dtype" });
    expect(caught(() => pair.to("bf16" as "float32"))).toMatchObject({ code: "dtype" });
    expect(caught(() => pair.to({ dtype: "float64" } as unknown as "float32"))).toMatchObject({ code: "dtype" });
  });

  test("a device takes everything along, and training goes on there", async () => {
    const other = createCpuDeviceSync();
    const pair = await new Pair().to(other);
    expect([...pair.parameters(), ...pair.buffers()].every((t) => t.device === other)).toBe(true);
    const y = pair.forward(ones(2, { device: other }));
    expect(await y.toArray()).toEqual([31, 32]);
    y.sum().backward();
    pair.outerScale.assign(zeros(1, { device: other }));
    expect(await pair.forward(ones(2, { device: other })).toArray()).toEqual([1, 2]);
    expect(caught(() => pair.forward(ones(2)))).toMatchObject({ code: "device" });
    other.dispose();
  });

  test("a state dictionary the host holds loads on any device; others say to move it", async () => {
    const other = createCpuDeviceSync();
    const scale = await new Scale(1).to(other);
    scale.loadStateDict({ factor: tensor([3]), bias: tensor([0]) });
    expect(await scale.factor.item()).toBe(3);
    expect(caught(() => scale.loadStateDict(new Scale(1).stateDict()))).toMatchObject({ code: "device" });
    other.dispose();
  });
});

describe("Parameter", () => {
  test("two made from one tensor do not share memory", async () => {
    const data = tensor([1, 2]);
    const [a, b] = [new Parameter(data), new Parameter(data)];
    a.assign(tensor([3, 4]));
    expect(await a.toArray()).toEqual([3, 4]);
    expect(await b.toArray()).toEqual([1, 2]);
    expect(await data.toArray()).toEqual([1, 2]);
  });

  test("one made from a view or a result is a leaf of its own", async () => {
    const base = tensor([
      [1, 2],
      [3, 4],
    ]);
    const p = new Parameter(base.T);
    expect([p.isLeaf, p.requiresGrad, await p.toArray()]).toEqual([
      true,
      true,
      [
        [1, 3],
        [2, 4],
      ],
    ]);
    expect(p.mul(2)).not.toBeInstanceOf(Parameter);
    expect(new Parameter(tensor([1]), false).requiresGrad).toBe(false);
  });
});

describe("what is printed", () => {
  it("of a module is its tree, of a tensor one line", () => {
    const model = new Sequential(new Linear(2, 3), new Sequential(new Linear(3, 1, { bias: false })));
    const tree = `Sequential(
  (0): Linear(weight=[3, 2], bias=[3])
  (1): Sequential(
    (0): Linear(weight=[1, 3])
  )
)`;
    expect(String(model)).toBe(tree);
    expect(inspect(model)).toBe(tree);
    expect(inspect(tensor([1, 2]))).toBe("Tensor(shape=[2], dtype=float32, device=cpu)");
  });
});
