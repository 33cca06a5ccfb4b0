// Plain layers and containers: modes, keys, masks of gradients, errors by message.

import { describe, expect, test } from "vitest";
import { Generator, ones, randn, rowGradientOf, type Tensor, TensorError, tensor, zeros } from "../../index.js";
import {
  Dropout,
  Embedding,
  GELU,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSoftmax,
  Module,
  ModuleDict,
  ModuleList,
  Parameter,
  ParameterDict,
  ParameterList,
  ReLU,
  RMSNorm,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from "../index.js";
import { caught } from "../testing/errors.js";

const ids = (...values: number[]): Tensor => tensor(Int32Array.from(values));

test.each([
  ["ReLU", new ReLU(), [0, 2]],
  ["LeakyReLU", new LeakyReLU(0.1), [-0.1, 2]],
  ["GELU", new GELU(), [-0.158655, 1.9545]],
  ["GELU, tanh", new GELU({ approximate: "tanh" }), [-0.158808, 1.954598]],
  ["SiLU", new SiLU(), [-0.268941, 1.761594]],
  ["Tanh", new Tanh(), [-0.761594, 0.964028]],
  ["Sigmoid", new Sigmoid(), [0.268941, 0.880797]],
  ["Softmax", new Softmax(), [0.047426, 0.952574]],
  ["LogSoftmax", new LogSoftmax(0), [-3.048587, -0.048587]],
  ["Identity", new Identity(), [-1, 2]],
])("%s of −1 and 2", async (_, layer, expected) => {
  expect(layer.parameters()).toEqual([]);
  const y = (await layer.forward(tensor([-1, 2])).toArray()) as number[];
  y.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5));
});

describe("Dropout", () => {
  test("drops a share of p in training, nothing in evaluation", async () => {
    const layer = new Dropout(0.3, { generator: new Generator(4) });
    const x = ones(20_000);
    const y = await layer.forward(x).data();
    const kept = y.filter((v) => v !== 0);
    expect(Math.abs(kept.length / y.length - 0.7)).toBeLessThan(0.02);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.7)]));
    expect(layer.eval().forward(x)).toBe(x);
    expect(layer.train().forward(x)).not.toBe(x);
  });

  test("gradients go where values went", async () => {
    const x = ones(64, { requiresGrad: true });
    const y = new Dropout(0.5, { generator: new Generator(1) }).forward(x);
    y.sum().backward();
    expect(await x.grad!.toArray()).toEqual(await y.toArray());
  });
});

describe("Embedding", () => {
  test("the padding row takes no gradient, dense or sparse", async () => {
    for (const sparse of [false, true]) {
      const layer = new Embedding(4, 2, { paddingIdx: 0, sparse });
      layer
        .forward(ids(0, 2, 2))
        .sum()
        .backward();
      const rows = rowGradientOf(layer.weight);
      expect(rows !== undefined).toBe(sparse);
      if (rows) {
        expect(await rows.indices.toArray()).toEqual([0, 2, 2]);
        expect(await rows.values.sum(-1).toArray()).toEqual([0, 2, 2]);
      } else expect(await layer.weight.grad!.sum(-1).toArray()).toEqual([0, 0, 4, 0]);
      layer.zeroGrad();
      expect(rowGradientOf(layer.weight)).toBeUndefined();
    }
  });

  test("a module with a row-sparse gradient does not move", () => {
    const layer = new Embedding(4, 2, { sparse: true });
    layer.forward(ids(1)).sum().backward();
    expect(caught(() => layer.to("float64"))).toMatchObject({ code: "state" });
    layer.zeroGrad();
    expect(layer.to("float64").weight.dtype).toBe("float64");
  });

  test("ids outside the part of an array that is looked up do not matter", async () => {
    const layer = new Embedding(4, 2);
    const all = ids(-100, 1, 99, 3);
    const y = await layer.forward(all.slice(0, 1, undefined, 2)).toArray();
    expect(y).toEqual(await layer.forward(ids(1, 3)).toArray());
    expect(caught(() => layer.forward(all.slice(0, 2)))).toMatchObject({ code: "index", details: { position: 0 } });
  });

  test("ids of any shape", () => {
    expect(new Embedding(4, 3).forward(zeros([2, 0], { dtype: "int32" })).shape).toEqual([2, 0, 3]);
    expect(new Embedding(4, 3).forward(zeros([], { dtype: "uint32" })).shape).toEqual([3]);
  });
});

describe("parameters", () => {
  test.each([
    ["Linear", new Linear(2, 3), { weight: [3, 2], bias: [3] }],
    ["Linear without bias", new Linear(2, 3, { bias: false }), { weight: [3, 2] }],
    ["Embedding", new Embedding(4, 3), { weight: [4, 3] }],
    ["LayerNorm", new LayerNorm([2, 3]), { weight: [2, 3], bias: [2, 3] }],
    ["LayerNorm without bias", new LayerNorm(3, { bias: false }), { weight: [3] }],
    ["LayerNorm without both", new LayerNorm(3, { elementwiseAffine: false }), {}],
    ["RMSNorm", new RMSNorm(3), { weight: [3] }],
  ])("%s", (_, layer: Module, expected) => {
    const shapes = Object.entries(layer.stateDict()).map(([key, t]) => [key, t.shape]);
    expect(Object.fromEntries(shapes)).toEqual(expected);
  });

  test("are made in the dtype asked for", () => {
    for (const layer of [new Linear(2, 3, { dtype: "float64" }), new LayerNorm(2, { dtype: "float64" })]) {
      expect(layer.parameters().map((p) => p.dtype)).toEqual(["float64", "float64"]);
    }
  });

  test("can be tied", async () => {
    const embedding = new Embedding(5, 4);
    const head = new Linear(4, 5, { bias: false });
    head.weight = embedding.weight;
    const model = new ModuleDict<Module>({ embedding, head });
    expect(model.parameters()).toHaveLength(1);
    expect(Object.keys(model.stateDict())).toEqual(["embedding.weight", "head.weight"]);
    head
      .forward(embedding.forward(ids(1)))
      .sum()
      .backward();
    const g = await embedding.weight.grad!.sum(-1).data();
    expect([...g].every((x) => x !== 0)).toBe(true);
  });
});

describe("containers", () => {
  test("Sequential applies its layers in order; keys are positions", async () => {
    const net = new Sequential(new Linear(3, 4), new ReLU(), new Linear(4, 2));
    expect(Object.keys(net.stateDict())).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
    const x = randn(5, 3);
    const [first, , last] = [...net];
    expect(await net.forward(x).toArray()).toEqual(await last!.forward(first!.forward(x).relu()).toArray());
    expect(await new Sequential().forward(x).toArray()).toEqual(await x.toArray());
  });

  test("ModuleList keeps, finds and walks modules", () => {
    const list = new ModuleList([new Linear(1, 1), new Linear(2, 2)])
      .append(new Linear(3, 3))
      .extend([new Linear(4, 4)]);
    expect([...list].map((l) => l.inFeatures)).toEqual([1, 2, 3, 4]);
    expect([list.length, list.at(0).inFeatures, list.at(-1).inFeatures]).toEqual([4, 1, 4]);
    expect(list.parameters()).toHaveLength(8);
    expect(list.eval().at(2).training).toBe(false);
  });

  test("ModuleDict keeps names as they are", () => {
    const dict = new ModuleDict({ camelCase: new Linear(1, 1), b: new Linear(2, 2) }).set("b", new Linear(5, 5));
    expect(Object.keys(dict.stateDict())).toEqual(["camelCase.weight", "camelCase.bias", "b.weight", "b.bias"]);
    expect([dict.get("b").inFeatures, dict.has("c"), dict.keys(), dict.values().length]).toEqual([
      5,
      false,
      ["camelCase", "b"],
      2,
    ]);
  });

  test("a subclass of Module needs no more than properties and forward", async () => {
    class Residual extends Module {
      readonly inner: Linear;
      readonly scale = new Parameter(ones(1));
      constructor(width: number) {
        super();
        this.inner = new Linear(width, width);
      }
      forward(x: Tensor): Tensor {
        return x.add(this.inner.forward(x).mul(this.scale));
      }
    }
    const model = new Sequential(new Residual(2), new Residual(2));
    expect(Object.keys(model.stateDict())).toEqual([
      "0.scale",
      "0.inner.weight",
      "0.inner.bias",
      "1.scale",
      "1.inner.weight",
      "1.inner.bias",
    ]);
    model.forward(ones(1, 2)).sum().backward();
    expect(model.parameters().every((p) => p.grad)).toBe(true);
  });
});

describe("errors", () => {
  const list = new ModuleList([new ReLU()]);
  test.each([
    ["Linear(0, 3)", () => new Linear(0, 3), "argument", "Linear: inFeatures must be a positive integer, got 0"],
    ["Linear(2, 1.5)", () => new Linear(2, 1.5), "argument", "Linear: outFeatures must be a positive integer, got 1.5"],
    [
      "PyTorch's position of bias",
      () => new Linear(2, 3, false as never),
      "argument",
      "Linear: options must be an object of bias, dtype, device, generator, got false",
    ],
    [
      "a typo",
      () => new Linear(2, 3, { biass: true } as never),
      "argument",
      "Linear: unknown option, got biass, did you mean bias?",
    ],
    [
      "features that differ",
      () => new Linear(2, 3).forward(ones(4, 3)),
      "shape",
      "Linear: the input has the wrong shape, got [4, 3], expected […, 2]",
    ],
    [
      "a scalar",
      () => new Linear(2, 3).forward(ones([])),
      "shape",
      "Linear: the input has the wrong shape, got [], expected […, 2]",
    ],
    [
      "ids instead of features",
      () => new Linear(2, 3).forward(ids(1, 2)),
      "dtype",
      "Linear: the input must be floating, got int32, expected float32 or float64",
    ],
    [
      "an id too large",
      () => new Embedding(3, 2).forward(ids(0, 3)),
      "index",
      "embedding: id is out of range, got 3 at position 1, expected [0, 2]",
    ],
    [
      "a negative id",
      () => new Embedding(3, 2).forward(ids(-1)),
      "index",
      "embedding: id is out of range, got -1 at position 0, expected [0, 2]",
    ],
    [
      "features instead of ids",
      () => new Embedding(3, 2).forward(ones(2)),
      "dtype",
      'embedding: ids must be integers, got float32, expected int32 (as x.to("int32") gives)',
    ],
    [
      "a padding row that is not there",
      () => new Embedding(3, 2, { paddingIdx: 3 }),
      "argument",
      "Embedding: paddingIdx must be an integer in [-3, 2], got 3",
    ],
    [
      "sparse that is no flag",
      () => new Embedding(3, 2, { sparse: 1 as never }),
      "argument",
      "Embedding: sparse must be true or false, got 1",
    ],
    [
      "LayerNorm of no axes",
      () => new LayerNorm([]),
      "argument",
      "LayerNorm: normalizedShape must be a positive integer or an array of them, got []",
    ],
    [
      "a negative eps",
      () => new LayerNorm(3, { eps: -1 }),
      "argument",
      "LayerNorm: eps must be a finite number of at least 0, got -1",
    ],
    [
      "NaN for eps",
      () => new RMSNorm(3, { eps: Number.NaN }),
      "argument",
      "RMSNorm: eps must be a finite number of at least 0, got NaN",
    ],
    [
      "another width",
      () => new LayerNorm([2, 3]).forward(ones(3, 3)),
      "shape",
      "LayerNorm: the input has the wrong shape, got [3, 3], expected […, 2, 3]",
    ],
    [
      "RMSNorm of integers",
      () => new RMSNorm(2).forward(ids(1, 2)),
      "dtype",
      "RMSNorm: the input must be floating, got int32, expected float32 or float64",
    ],
    ["Dropout(1.1)", () => new Dropout(1.1), "argument", "Dropout: p must be a number from 0 to 1, got 1.1"],
    ["Dropout(NaN)", () => new Dropout(Number.NaN), "argument", "Dropout: p must be a number from 0 to 1, got NaN"],
    [
      "GELU's form",
      () => new GELU({ approximate: "fast" as never }),
      "argument",
      'GELU: approximate must be "none" or "tanh", got "fast"',
    ],
    ["Softmax's dim", () => new Softmax(0.5), "argument", "Softmax: dim must be an integer, got 0.5"],
    [
      "no module",
      () => list.append({} as never),
      "argument",
      "ModuleList: an entry must be a Module, got [object Object]",
    ],
    ["a position", () => list.at(1), "index", "ModuleList: no such entry, got 1, expected an integer in [-1, 0]"],
    [
      "a list's forward",
      () => list.forward(),
      "unsupported",
      "ModuleList: has no forward of its own; call its entries'",
    ],
    [
      "a name",
      () => new ModuleDict({ a: new ReLU() }).get("b"),
      "argument",
      'ModuleDict: the name must be one of a, got "b"',
    ],
    [
      "a dotted name",
      () => new ModuleDict({ "a.b": new ReLU() }),
      "argument",
      'ModuleDict: a name must be not empty, without dots, got "a.b"',
    ],
    [
      "a dictionary's forward",
      () => new ModuleDict().forward(),
      "unsupported",
      "ModuleDict: has no forward of its own; call its entries'",
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
    expect(TensorError.is(error)).toBe(true);
  });
});

describe("ParameterList", () => {
  test("has the keys of its places, and takes part in training", () => {
    const list = new ParameterList([new Parameter(zeros(2)), new Parameter(zeros(3))]);
    class Holder extends Module {
      readonly weights = list;
      forward(): void {}
    }
    const keys = new Holder().namedParameters().map(([key]) => key);
    expect(keys).toEqual(["weights.0", "weights.1"]);
    expect([list.length, list.at(-1).shape, [...list].length]).toEqual([2, [3], 2]);
    expect(caught(() => list.at(2))).toMatchObject({ code: "index" });
    expect(caught(() => list.append(zeros(2) as never))).toMatchObject({ code: "argument" });
  });
});

describe("ParameterDict", () => {
  test("has the keys of its names as they are, and takes part in training", async () => {
    const dict = new ParameterDict({ upperLeft: new Parameter(ones(2)), b: new Parameter(zeros(3)) });
    class Holder extends Module {
      readonly weights = dict;
      forward(): Tensor {
        return this.weights.get("upperLeft").mul(3).sum();
      }
    }
    const holder = new Holder();
    expect(holder.namedParameters().map(([key]) => key)).toEqual(["weights.upperLeft", "weights.b"]);
    holder.forward().backward();
    expect(await dict.get("upperLeft").grad!.toArray()).toEqual([3, 3]);
    expect([dict.size, dict.keys(), dict.values().length, dict.has("c")]).toEqual([2, ["upperLeft", "b"], 2, false]);
    expect([...dict].map(([name, p]) => [name, p.shape])).toEqual([
      ["upperLeft", [2]],
      ["b", [3]],
    ]);
    expect(String(dict.set("b", new Parameter(zeros(1))))).toBe("ParameterDict(upperLeft=[2], b=[1])");
    expect([dict.delete("b"), dict.delete("b"), Object.keys(dict.stateDict())]).toEqual([true, false, ["upperLeft"]]);
  });

  const dict = new ParameterDict({ a: new Parameter(zeros(1)) });
  test.each([
    ["no parameter", () => dict.set("b", zeros(2) as never), "ParameterDict: an entry must be a Parameter, got Tensor"],
    ["a name", () => dict.get("b"), 'ParameterDict: the name must be one of a, got "b"'],
    ["a dotted name", () => dict.set("a.b", dict.get("a")), "ParameterDict: a name must be not empty, without dots"],
    ["a name that is none", () => dict.set(1 as never, dict.get("a")), "ParameterDict: a name must be not empty"],
    ["a list", () => new ParameterDict([] as never), "ParameterDict: parameters must be an object of them by name"],
    ["its forward", () => dict.forward(), "ParameterDict: has no forward of its own; call its entries'"],
  ])("%s is an error", (_, fn, message) => {
    expect(caught(fn).message).toContain(message);
  });
});
