// Every loss against PyTorch: values, gradients of inputs and of parameters, in float32 and float64.

import type { Tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import { createLoss } from "./registry.js";
import { expectGolden, type FloatType, type GoldenCase, goldenCases, goldenTensor } from "./testing/golden.js";

const cases = [...goldenCases("losses"), ...goldenCases("crf")];

type Inputs = Readonly<Record<string, Tensor>>;
type AnyLoss = Readonly<Record<string, (...args: readonly unknown[]) => Tensor | Tensor[]>>;

/** Inputs that are options here. */
const optional = ["weight", "posWeight"];

/** How the arguments follow from the inputs, where they are not simply these. */
const argumentsOf: Readonly<Record<string, (x: Inputs) => readonly unknown[]>> = {
  CTCLoss: ({ logits, targets, inputLengths, targetLengths }) => [
    logits!.logSoftmax(-1),
    targets,
    inputLengths,
    targetLengths,
  ],
  UncertaintyWeightingLoss: (x) => [Object.values(x)],
};

async function check(golden: GoldenCase, type: FloatType): Promise<void> {
  const [name, method = "forward"] = golden.op.split(".") as [string, string?];
  const { gradients = {}, parameterGradients = {}, stateDict = {} } = golden;
  const inputs: Record<string, Tensor> = {};
  for (const [key, value] of Object.entries(golden.inputs)) inputs[key] = goldenTensor(value, type, key in gradients);
  const settings = {
    ...golden.options,
    ...Object.fromEntries(Object.entries(inputs).filter(([k]) => optional.includes(k))),
  };
  const loss = createLoss(name, settings).to(type);
  loss.loadStateDict(
    Object.fromEntries([
      ...Object.entries(loss.stateDict()),
      ...Object.entries(stateDict).map(([key, value]) => [key, goldenTensor(value, type)]),
    ]),
  );
  const given = Object.fromEntries(Object.entries(inputs).filter(([key]) => !optional.includes(key)));
  const args = argumentsOf[name]?.(given) ?? Object.values(given);
  const outputs = [(loss as unknown as AnyLoss)[method]!(...args)].flat();
  expect(outputs.length).toBe(golden.outputs.length);
  golden.outputGradients?.forEach((upstream, k) => {
    if (upstream) outputs[k]!.backward(goldenTensor(upstream, type), { retainGraph: true });
  });
  for (const [k, output] of golden.outputs.entries()) await expectGolden(`output ${k}`, outputs[k], output, type);
  for (const [key, value] of Object.entries(gradients))
    await expectGolden(`gradient of ${key}`, inputs[key]!.grad, value, type);
  const parameters = new Map(loss.namedParameters());
  for (const [key, value] of Object.entries(parameterGradients)) {
    await expectGolden(`gradient of ${key}`, parameters.get(key)?.grad, value, type);
  }
}

describe.each(["float32", "float64"] as const)("PyTorch's values in %s", (type) => {
  test.each(cases.map((golden) => [golden.name, golden] as const))("%s", (_, golden) => check(golden, type));
});
