// Learning rates by step against PyTorch's, and what holds for every schedule: state, groups, errors.

import { tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import * as optim from "../index.js";
import { optionsOf, readGoldens } from "../testing/goldens.js";
import { errorLike } from "../testing/problems.js";
import type { LRScheduler, Schedulable } from "./scheduler.js";

type Case = {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly lr: number;
  readonly metrics?: readonly number[];
  readonly rates: readonly number[];
};

type Scheduler = Pick<LRScheduler, "getLastLr"> & {
  step(metric?: number): void;
  stateDict(): unknown;
  loadStateDict(state: never): void;
};

const { cases } = readGoldens<{ cases: readonly Case[] }>("schedules");

const optimizerOf = (...lrs: number[]) => {
  const groups = lrs.map((lr) => ({ params: [tensor([1], { requiresGrad: true })], lr }));
  return new optim.SGD(groups, { momentum: 0.9 });
};

function make({ op, options }: Pick<Case, "op" | "options">, optimizer: Schedulable): Scheduler {
  if (op === "LambdaLR") return new optim.LambdaLR(optimizer, (step) => 0.9 ** step / (1 + step)) as Scheduler;
  const named = (optim as unknown as Readonly<Record<string, unknown>>)[op];
  if (op.startsWith("linear") || op.startsWith("inverse") || op.startsWith("warmup")) {
    return (named as (optimizer: Schedulable, options: unknown) => Scheduler)(optimizer, optionsOf(options));
  }
  return new (named as new (optimizer: Schedulable, options: unknown) => Scheduler)(optimizer, optionsOf(options));
}

const near = (got: number, expected: number): void => {
  expect(Math.abs(got - expected)).toBeLessThanOrEqual(1e-8 * Math.abs(expected) + 1e-16);
};

describe("PyTorch's rates", () => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const optimizer = optimizerOf(c.lr, 2 * c.lr);
    const schedule = make(c, optimizer);
    c.rates.forEach((rate, step) => {
      near(optimizer.paramGroups[0]!.lr, rate);
      expect(schedule.getLastLr()).toEqual(optimizer.paramGroups.map(({ lr }) => lr));
      if (step + 1 < c.rates.length) schedule.step(c.metrics?.[step]);
    });
  });
});

describe("every schedule", () => {
  const warmups = [
    { name: "linearWarmup with decay", op: "linearWarmup", options: { warmupSteps: 4, totalSteps: 20 }, lr: 0.5 },
    { name: "warmupCosine", op: "warmupCosine", options: { warmupSteps: 4, totalSteps: 20, minLr: 0.05 }, lr: 0.5 },
  ];
  it.each([...cases, ...warmups].map((c) => [c.name, c] as const))("resumes where it was: %s", (_, c) => {
    const metrics = "metrics" in c ? c.metrics : undefined;
    const whole = optimizerOf(c.lr, 2 * c.lr);
    const schedule = make(c, whole);
    for (let step = 0; step < 9; step++) schedule.step(metrics?.[step]);
    const resumed = optimizerOf(7, 8);
    const again = make(c, resumed);
    const state = schedule.stateDict();
    again.loadStateDict(structuredClone(state) as never);
    expect(again.stateDict()).toEqual(state);
    for (let step = 9; step < 20; step++) {
      const options = ({ paramGroups }: typeof whole) => paramGroups.map(({ params, ...rest }) => rest);
      expect(options(resumed)).toEqual(options(whole));
      schedule.step(metrics?.[step]);
      again.step(metrics?.[step]);
    }
  });

  it.each([...cases, ...warmups].map((c) => [c.name, c] as const))("refuses what is no state of it: %s", (_, c) => {
    const schedule = make(c, optimizerOf(c.lr));
    const sound = schedule.stateDict() as Record<string, unknown>;
    const name = c.op;
    for (const bad of [undefined, {}, { ...sound, lastEpoch: -1 }, { ...sound, lastEpoch: 1.5 }]) {
      expect(() => schedule.loadStateDict(bad as never)).toThrow(errorLike("format", `${name}.loadStateDict`));
    }
    const two = make(c, optimizerOf(c.lr, c.lr)).stateDict();
    expect(() => schedule.loadStateDict(two as never)).toThrow(errorLike("format", `${name}.loadStateDict`));
    expect(schedule.stateDict()).toEqual(sound);
  });

  it("starts a group that is added later at the rate it comes with", () => {
    const optimizer = optimizerOf(1);
    const schedule = new optim.StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
    optimizer.addParamGroup({ params: tensor([1], { requiresGrad: true }), lr: 10 });
    schedule.step();
    expect(schedule.getLastLr()).toEqual([1, 10]);
    schedule.step();
    expect(schedule.getLastLr()).toEqual([0.5, 5]);
  });
});

describe("recipes", () => {
  const ratesOf = (schedule: LRScheduler, steps: number) =>
    Array.from({ length: steps }, () => {
      const [lr] = schedule.getLastLr();
      schedule.step();
      return lr!;
    });

  it("warmupCosine is nanoGPT's: up to lr, down to minLr, and there it stays", () => {
    const [lr, minLr, warmup, total] = [1e-3, 1e-4, 10, 100];
    const nanoGPT = (it: number) => {
      if (it < warmup) return (lr * (it + 1)) / (warmup + 1);
      if (it > total) return minLr;
      return minLr + 0.5 * (1 + Math.cos((Math.PI * (it - warmup)) / (total - warmup))) * (lr - minLr);
    };
    const schedule = optim.warmupCosine(optimizerOf(lr), { warmupSteps: warmup, totalSteps: total, minLr });
    ratesOf(schedule, 120).forEach((rate, it) => near(rate, nanoGPT(it)));
  });

  it("linearWarmup with totalSteps falls to 0 in a straight line", () => {
    const schedule = optim.linearWarmup(optimizerOf(1), { warmupSteps: 3, totalSteps: 8 });
    const expected = [0.25, 0.5, 0.75, 1, 0.8, 0.6, 0.4, 0.2, 0, 0];
    ratesOf(schedule, 10).forEach((rate, it) => expect(rate).toBeCloseTo(expected[it]!, 12));
  });

  it("OneCycleLR moves momentum against the rate, or β₁ where there is no momentum", () => {
    const sgd = optimizerOf(1);
    const adam = new optim.Adam([tensor([1], { requiresGrad: true })]);
    const plain = optimizerOf(1);
    const options = { maxLr: 1, totalSteps: 10 };
    const schedules = [new optim.OneCycleLR(sgd, options), new optim.OneCycleLR(adam, options)];
    new optim.OneCycleLR(plain, { ...options, cycleMomentum: false });
    expect([sgd.paramGroups[0]!.momentum, adam.paramGroups[0]!.betas]).toEqual([0.95, [0.95, 0.999]]);
    for (const s of schedules) for (let step = 0; step < 2; step++) s.step();
    expect(sgd.paramGroups[0]!.momentum).toBeCloseTo(0.85, 12);
    expect(adam.paramGroups[0]!.betas[0]).toBeCloseTo(0.85, 12);
    expect(plain.paramGroups[0]!.momentum).toBe(0.9);
    for (let step = 2; step < 10; step++) schedules[0]!.step();
    expect(() => schedules[0]!.step()).toThrow(
      errorLike("state", "the cycle is over, got step 11, expected at most 10"),
    );
  });

  it("LambdaLR takes a function for each group", () => {
    const optimizer = optimizerOf(1, 10);
    const schedule = new optim.LambdaLR(optimizer, [(t) => 1 / (1 + t), () => 0.5]);
    schedule.step();
    expect(schedule.getLastLr()).toEqual([0.5, 5]);
  });

  it("schedules a PCGrad through its optimizer", () => {
    const optimizer = new optim.PCGrad([tensor([1], { requiresGrad: true })], { lr: 1 });
    optim.linearWarmup(optimizer, { warmupSteps: 4 });
    expect(optimizer.optimizer.paramGroups[0]!.lr).toBeCloseTo(0.2, 12);
  });
});

describe("errors", () => {
  const optimizer = optimizerOf(1);
  it.each([
    [() => new optim.StepLR(optimizer, {} as never), "StepLR: stepSize must be a positive integer, got undefined"],
    [
      () => new optim.StepLR(optimizer, { stepSize: 1, gama: 2 } as never),
      "unknown option, got gama, did you mean gamma?",
    ],
    [() => new optim.StepLR({} as never, { stepSize: 1 }), "StepLR: optimizer must be an optimizer"],
    [
      () => new optim.ExponentialLR(optimizer, { gamma: Number.NaN }),
      "gamma must be a finite number of at least 0, got NaN",
    ],
    [
      () => new optim.MultiStepLR(optimizer, { milestones: [1.5] }),
      "milestones must be a list of integers of at least 0",
    ],
    [
      () => new optim.LambdaLR(optimizer, 5 as never),
      "lrLambda must be a function of the step, or one for each group, got 5",
    ],
    [() => new optim.LambdaLR(optimizer, [() => 1, () => 1]), "1 functions, one for each group"],
    [
      () => new optim.LambdaLR(optimizer, () => Number.NaN),
      "the rate of step 0 must be a finite number of at least 0, got NaN",
    ],
    [
      () => optim.warmupCosine(optimizer, { warmupSteps: 5, totalSteps: 5 }),
      "warmupSteps must be below totalSteps, got 5 and 5",
    ],
    [
      () => new optim.ReduceLROnPlateau(optimizer, { mode: "mean" as never }),
      'mode must be "min" or "max", got "mean"',
    ],
    [
      () => new optim.ReduceLROnPlateau(optimizer).step(tensor(1) as never),
      "metric must be a number, such as `await loss.item()`",
    ],
    [
      () => new optim.OneCycleLR(new optim.Adagrad([tensor([1])]), { maxLr: 1, totalSteps: 5 }),
      "neither momentum nor betas",
    ],
  ])("%#", (act, message) => {
    expect(act).toThrow(errorLike("argument", message));
  });
});
