// Every public function and method against wrong arguments: what it throws is a TensorError, and neither a wrong kind of
// argument, nor an unknown option, nor a NaN passes in silence. They are found by name, so that a new one needs a row.

import { describe, expect, test } from "vitest";
import * as api from "./index.js";
import { createCpuDevice, Generator, ones, Tensor, TensorError, tensor } from "./index.js";
import * as more from "./more/index.js";
import * as functional from "./nn/functional/index.js";
import * as init from "./nn/init/index.js";

const integers = (values: readonly number[], ...shape: number[]): Tensor => tensor(Int32Array.from(values), { shape });
const x = (): Tensor =>
  tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    { requiresGrad: true },
  );
const leaf = (): Tensor => ones(3, 3, { requiresGrad: true });
const square = (): Tensor => ones(2, 2);
const cube = (): Tensor => ones(2, 3, 3);
const ids = (): Tensor => integers([1, 0], 2);
const places = (): Tensor => integers([1, 0, 1, 0, 1, 1], 2, 3);
const scores = () => ({ start: ones(3), end: ones(3), transitions: ones(3, 3) });

/** A right call; `values` are arguments that are data, so that a NaN is as good as any number. */
type Row = { readonly right: () => readonly unknown[]; readonly values?: readonly number[] };

const row = (right: () => readonly unknown[], ...values: number[]): Row => ({ right, values });
const all = (names: string, like: Row): Record<string, Row> =>
  Object.fromEntries(names.split(" ").map((name) => [name, like]));

const elementary =
  "abs ceil cos erf exp expm1 floor isfinite isnan log log1p log2 logSigmoid logicalNot neg reciprocal relu round rsqrt sigmoid sign sin sqrt square tanh trunc";
const pairs =
  "add sub mul div floorDivide remainder pow minimum maximum eq ne lt le gt ge logicalAnd logicalOr logicalXor";

/** Functions whose first argument is a tensor, and methods of tensors. */
const ofTensors: Record<string, Row> = {
  ...all(
    elementary,
    row(() => [x()]),
  ),
  ...all(
    pairs,
    row(() => [x(), x()], 0, 1),
  ),
  ...all(
    "sum mean prod amax amin argmax argmin logsumexp any all",
    row(() => [x(), 1, { keepdim: true }]),
  ),
  bmm: row(() => [cube(), cube()]),
  chunk: row(() => [x(), 2, 0]),
  clamp: row(() => [x(), 0, 1], 1, 2),
  cumsum: row(() => [x(), 0]),
  dropout: row(() => [x(), 0.5, new Generator(1)]),
  expand: row(() => [ones(1, 3), [2, 3]]),
  flatten: row(() => [x(), 0, -1]),
  flip: row(() => [x(), 0]),
  gather: row(() => [x(), 0, places()]),
  indexSelect: row(() => [x(), 0, ids()]),
  lerp: row(() => [x(), x(), 0.5], 0, 1, 2),
  logSoftmax: row(() => [x(), 1]),
  maskedFill: row(() => [x(), x(), 1], 0, 1, 2),
  matmul: row(() => [x(), x().T]),
  narrow: row(() => [x(), 0, 0, 1]),
  norm: row(() => [x(), 2, 1, { keepdim: true }]),
  oneHot: row(() => [ids(), 3, "int32"]),
  pad: row(() => [x(), 0, 1, 1, 0], 4),
  permute: row(() => [x(), [1, 0]]),
  repeat: row(() => [x(), [2, 1]]),
  reshape: row(() => [x(), [3, 2]]),
  roll: row(() => [x(), 1, 0]),
  scatterAdd: row(() => [x(), 0, places(), x()]),
  select: row(() => [x(), 0, 1]),
  slice: row(() => [x(), 0, 0, 1, 1]),
  sliceAssign: row(() => [x(), ones(1, 3), 0, 0]),
  softmax: row(() => [x(), 1]),
  sort: row(() => [x(), 1, { descending: true }]),
  split: row(() => [x(), 1, 0]),
  squeeze: row(() => [ones(1, 3), 0]),
  std: row(() => [x(), 1, { keepdim: true, correction: 0 }, 1]),
  topk: row(() => [x(), 1, 1, { largest: false }]),
  transpose: row(() => [x(), 0, 1]),
  tril: row(() => [square(), 0]),
  triu: row(() => [square(), 0]),
  unsqueeze: row(() => [x(), 0]),
  where: row(() => [x(), x(), 1], 0, 1, 2),
};

const functions: Record<string, Row> = {
  ...ofTensors,
  ...all(
    "gelu geluTanh silu softplus",
    row(() => [x()]),
  ),
  addGradients: row(() => [new Map([[leaf(), ones(3, 3)]])]),
  addRows: row(() => [square(), ids(), square()]),
  addWeightedRows: row(() => [square(), integers([1, 0], 2, 1), ones(2, 1), square()]),
  arange: row(() => [0, 5, 1, { dtype: "int32" }]),
  assignAll: row(() => [[[leaf(), ones(3, 3)]], "assign"]),
  autocast: row(() => ["bfloat16", () => 1]),
  cat: row(() => [[x(), x()], 0]),
  compile: row(() => [(y: Tensor) => y.add(1)]),
  createCpuDevice: row(() => [{ threads: 1 }]),
  einsum: row(() => ["ij,kj->ik", x(), x()]),
  embedding: row(() => [square(), ids(), { sparse: false }]),
  embeddingDot: row(() => [square(), square(), integers([1, 0], 2, 1), { sparse: false }]),
  enableGrad: row(() => [() => 1]),
  eye: row(() => [3, { dtype: "float32" }]),
  fromTypedArray: row(() => [new Float32Array(2), [2], { dtype: "float32" }]),
  full: row(() => [[2], 1, { dtype: "float32" }], 1),
  grad: row(() => [x().sum(), [x()], { allowUnused: true }]),
  gradientOf: row(() => [x()]),
  hostValues: row(() => [x()]),
  keep: row(() => [x()]),
  leakyRelu: row(() => [x(), 0.1], 0, 1),
  linspace: row(() => [0, 1, 3, { dtype: "float32" }]),
  liveOperations: row(() => [[]]),
  manualSeed: row(() => [3]),
  mergeRows: row(() => [ids(), square()]),
  noGrad: row(() => [() => 1]),
  randint: row(() => [0, 5, [2], { dtype: "int32" }]),
  randperm: row(() => [5, {}]),
  replaceGradient: row(() => [leaf(), ones(3, 3)]),
  replaceRowGradient: row(() => [square(), ids(), square()]),
  rowGradientOf: row(() => [x()]),
  scope: row(() => [() => 1]),
  setDefaultDevice: row(() => [api.defaultDevice()]),
  setRows: row(() => [square(), ids(), square()]),
  stack: row(() => [[x(), x()], 0]),
  takeRows: row(() => [square(), ids()]),
  tensor: row(() => [[1, 2], { dtype: "float32" }], 0),
  variance: row(() => [x(), 1, { keepdim: true, correction: 0 }, 1]),
  ...all(
    "ones rand randn zeros",
    row(() => [[2, 3], { dtype: "float32" }]),
  ),
};

const methods: Record<string, Row> = {
  ...ofTensors,
  assign: row(() => [leaf(), ones(3, 3)]),
  backward: row(() => [x().mul(1), ones(2, 3), { retainGraph: true }]),
  ...all(
    "clone contiguous data detach dispose toArray toString",
    row(() => [x()]),
  ),
  item: row(() => [ones(1)]),
  max: row(() => [x(), 1, { keepdim: true }]),
  min: row(() => [x(), 1, { keepdim: true }]),
  size: row(() => [x(), 1]),
  to: row(() => [x(), "float64"]),
  var: row(() => [x(), 1, { keepdim: true, correction: 0 }, 1]),
  view: row(() => [x(), [3, 2]]),
};

const functionals: Record<string, Row> = {
  ...all(
    "logSigmoid relu sigmoid silu softplus tanh",
    row(() => [x()]),
  ),
  ...all(
    "mseLoss l1Loss",
    row(() => [x(), x(), { reduction: "sum" }]),
  ),
  ...all(
    "binaryCrossEntropyWithLogits",
    row(() => [x(), x(), { weight: ones(3), posWeight: ones(3) }]),
  ),
  binaryCrossEntropy: row(() => [x().sigmoid(), x(), { weight: ones(3), reduction: "none" }]),
  cosineEmbeddingLoss: row(() => [x(), x(), integers([1, -1], 2), { margin: 0.1 }]),
  gaussianNllLoss: row(() => [x(), x(), ones(2, 1), { full: true, eps: 1e-3 }]),
  hingeEmbeddingLoss: row(() => [ones(2), integers([1, -1], 2), { margin: 0.1 }]),
  huberLoss: row(() => [x(), x(), { delta: 1 }]),
  klDiv: row(() => [x(), x(), { logTarget: true, reduction: "batchmean" }]),
  marginRankingLoss: row(() => [ones(2), ones(2), integers([1, -1], 2), { margin: 0.1 }]),
  poissonNllLoss: row(() => [x(), x(), { logInput: true, full: true, eps: 1e-8 }]),
  reduced: row(() => [x(), "sum"]),
  smoothL1Loss: row(() => [x(), x(), { beta: 1 }]),
  tripletMarginLoss: row(() => [x(), x(), x(), { margin: 1, p: 2, eps: 1e-6, swap: true }]),
  ...all(
    "adaptiveAvgPool1d adaptiveMaxPool1d",
    row(() => [cube(), 1]),
  ),
  avgPool1d: row(() => [cube(), 2, { stride: 1, padding: 1, ceilMode: true, countIncludePad: false }]),
  maxPool1d: row(() => [cube(), 2, { stride: 1, padding: 1, dilation: 1, ceilMode: true }]),
  batchNorm: row(() => [
    x(),
    ones(3),
    ones(3),
    { weight: ones(3), bias: ones(3), training: true, momentum: 0.1, eps: 1e-5 },
  ]),
  conv1d: row(() => [cube(), ones(2, 3, 2), { bias: ones(2), stride: 1, padding: 1, dilation: 1, groups: 1 }]),
  cosineSimilarity: row(() => [x(), x(), { dim: 1, eps: 1e-8 }]),
  crfDecode: row(() => [cube(), ones(2, 3), scores()]),
  crfLogPartition: row(() => [cube(), ones(2, 3), scores()]),
  crfMarginals: row(() => [cube(), ones(2, 3), scores()]),
  crfNegativeLogLikelihood: row(() => [cube(), places(), ones(2, 3), scores()]),
  crfScore: row(() => [cube(), places(), ones(2, 3), scores()]),
  crossEntropy: row(() => [x(), ids(), { reduction: "sum", labelSmoothing: 0.1 }]),
  ctcLoss: row(() => [cube(), integers([1, 1, 1], 3, 1), [2, 2, 2], [1, 1, 1], { blank: 0 }]),
  dropout: row(() => [x(), 0.5, { training: false }]),
  embedding: row(() => [ids(), square(), { paddingIdx: 0 }]),
  elu: row(() => [x(), { alpha: 1 }]),
  glu: row(() => [ones(2, 4), 1]),
  hardtanh: row(() => [x(), { minVal: -1, maxVal: 1 }]),
  gelu: row(() => [x(), { approximate: "tanh" }]),
  layerNorm: row(() => [x(), 3, { weight: ones(3), bias: ones(3), eps: 1e-5 }]),
  leakyRelu: row(() => [x(), { negativeSlope: 0.1 }]),
  linear: row(() => [x(), ones(2, 3), ones(2)]),
  logSoftmax: row(() => [x(), 1]),
  nllLoss: row(() => [x(), ids(), { reduction: "sum", ignoreIndex: 1, weight: ones(3) }]),
  normalize: row(() => [x(), { p: 2, dim: 1, eps: 1e-12 }]),
  oneHot: row(() => [ids(), 3, "int32"]),
  pad: row(() => [x(), [1, 1], { value: 0 }]),
  rmsNorm: row(() => [x(), 3, { weight: ones(3), eps: 1e-5 }]),
  scaledDotProductAttention: row(() => [cube(), cube(), cube(), { isCausal: true, dropoutP: 0, scale: 1 }]),
  softmax: row(() => [x(), 1]),
};

const inits: Record<string, Row> = {
  ...all(
    "zeros ones",
    row(() => [leaf()]),
  ),
  calculateGain: row(() => ["leakyRelu", 0.1]),
  constant: row(() => [leaf(), 1], 1),
  ...all(
    "kaimingNormal kaimingUniform",
    row(() => [leaf(), { a: 0, mode: "fanIn", nonlinearity: "relu" }]),
  ),
  normal: row(() => [leaf(), 0, 1, {}]),
  orthogonal: row(() => [leaf(), { gain: 1 }]),
  truncNormal: row(() => [leaf(), { mean: 0, std: 1, low: -2, high: 2 }]),
  uniform: row(() => [leaf(), 0, 1, {}]),
  ...all(
    "xavierNormal xavierUniform",
    row(() => [leaf(), { gain: 1 }]),
  ),
};

const further: Record<string, Row> = {
  ...all(
    "zerosLike onesLike randLike randnLike",
    row(() => [x(), { dtype: "float64", requiresGrad: false }]),
  ),
  allclose: row(() => [x(), x(), { rtol: 1e-5, atol: 0, equalNan: true }]),
  argsort: row(() => [x(), 1, { descending: true }]),
  bincount: row(() => [ids(), 3]),
  ...all(
    "diag diagonal",
    row(() => [square(), 1]),
  ),
  fullLike: row(() => [x(), 1, { dtype: "float64" }], 1),
  ...all(
    "isinf nonzero unique",
    row(() => [x()]),
  ),
  logaddexp: row(() => [x(), x()]),
  maskedSelect: row(() => [x(), x()]),
  multinomial: row(() => [x(), 2, { replacement: true }]),
  outer: row(() => [ones(2), ones(3)]),
  repeatInterleave: row(() => [x(), [1, 2], 0]),
  trace: row(() => [square()]),
};

/** What errors are made with, and what takes nothing. */
const others = "argumentError shapeError suggestion unknownName defaultDevice defaultGenerator".split(" ");

type Call = (args: readonly unknown[]) => unknown;

const exported = (module: object): [string, Call][] =>
  Object.entries(module)
    .filter(([name, f]) => typeof f === "function" && !/^[A-Z]/.test(name) && !others.includes(name))
    .map(([name, f]) => [name, (args) => (f as (...args: readonly unknown[]) => unknown)(...args)]);

// The tensor itself is no argument of a method.
const ofPrototype = (): [string, Call][] =>
  Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype))
    .filter(([name, { value }]) => typeof value === "function" && name !== "constructor" && name !== "make")
    .map(([name, { value }]) => [
      name,
      ([self, ...args]) =>
        self instanceof Tensor
          ? (value as (...args: unknown[]) => unknown).apply(self, args)
          : Promise.reject(notATensor),
    ]);
const notATensor = new TensorError("argument", "the tensor of a method cannot be wrong");

/** Reads what a call gives, so that nothing it recorded is left out. */
async function settled(result: unknown): Promise<void> {
  const value = await result;
  if (value instanceof Tensor) await value.data();
  if (Array.isArray(value)) for (const part of value) if (part instanceof Tensor) await part.data();
}

/** What a call throws; "nothing" when it does not. */
async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await settled(call());
    return "nothing";
  } catch (error) {
    return error;
  }
}

const anything = [null, undefined, Number.NaN, -1, 1.5, 7, true, "abc", {}, [], [Number.NaN], ["a"], [null], () => 1];
const odd: readonly unknown[] = [...anything, ones(2, 7), tensor([true]), new Map(), 10n];

const shown = (value: unknown): string =>
  value instanceof Tensor || typeof value !== "object" ? String(value) : JSON.stringify(value);

async function problems(call: Call, { right, values = [] }: Row): Promise<readonly string[]> {
  const found: string[] = [];
  const attempt = async (args: readonly unknown[], what: string, mustFail: boolean): Promise<void> => {
    const error = await thrownBy(() => call(args));
    if (error === "nothing" ? mustFail : !TensorError.is(error)) found.push(`${what}: ${String(error)}`);
  };
  const replaced = (i: number, value: unknown): unknown[] => right().map((one, k) => (k === i ? value : one));
  for (const [i, given] of right().entries()) {
    const isOptions = typeof given === "object" && given !== null && Object.getPrototypeOf(given) === Object.prototype;
    for (const value of odd) {
      const isWrong = value === "abc" ? right()[i] !== "assign" : value === null;
      const mustFail = isWrong || (Number.isNaN(value) && !values.includes(i));
      await attempt(replaced(i, value), `argument ${i + 1} = ${shown(value)}`, mustFail);
    }
    if (!isOptions) continue;
    await attempt(replaced(i, { ...given, typo: 1 }), `option typo of argument ${i + 1}`, true);
    for (const name of Object.keys(given)) {
      for (const value of odd) {
        const mustFail = value === "abc" || (Number.isNaN(value) && name !== "value");
        await attempt(replaced(i, { ...given, [name]: value }), `option ${name} = ${shown(value)}`, mustFail);
      }
    }
  }
  return found;
}

describe.each([
  ["functions", exported(api), functions],
  ["methods of tensors", ofPrototype(), methods],
  ["nn.functional", exported(functional), functionals],
  ["nn.init", exported(init), inits],
  ["more", exported(more), further],
] as const)("%s", (_, calls, rows) => {
  test("have a row each", () => {
    expect(Object.keys(rows).sort()).toEqual(calls.map(([name]) => name).sort());
  });

  test.each(calls.filter(([name]) => name in rows))("%s", async (name, call) => {
    const right = await thrownBy(() => call(rows[name]!.right()));
    expect(right).toBe("nothing");
    expect(await problems(call, rows[name]!)).toEqual([]);
  });
});

test("two devices of one kind are told apart", async () => {
  const device = await createCpuDevice({ threads: 1 });
  const [here, there] = [ones(2), ones(2, { device })];
  expect(() => here.add(there)).toThrow("add: operands are on two devices, got cpu and another, cpu, expected one");
  device.dispose();
});
