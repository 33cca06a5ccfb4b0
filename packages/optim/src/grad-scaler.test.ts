import { autocast, matmul, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { clipGradNorm, GradScaler, SGD } from "./index.js";

const parameter = (values: number[]): Tensor => tensor(values, { requiresGrad: true });

/** One step with a loss whose gradient is `gradient`. */
async function step(scaler: GradScaler, optimizer: SGD, p: Tensor, gradient: number): Promise<boolean> {
  optimizer.zeroGrad();
  scaler.scale(p.mul(gradient).sum()).backward();
  const went = await scaler.step(optimizer);
  scaler.update();
  return went;
}

describe("GradScaler", () => {
  it("gives the optimizer gradients without the scale", async () => {
    const p = parameter([1, 2]);
    const optimizer = new SGD([p], { lr: 0.5 });
    const scaler = new GradScaler({ initScale: 1024 });
    expect(scaler.factor).toBe(1024);
    expect(await step(scaler, optimizer, p, 3)).toBe(true);
    expect([...(await p.data())]).toEqual([-0.5, 0.5]);
  });

  it("leaves steps with infinities out and lowers the scale, and raises it after an interval without", async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 8, growthInterval: 2, growthFactor: 4, backoffFactor: 0.25 });
    const gradients = [1, Number.POSITIVE_INFINITY, 1, Number.NaN, 1, 1, 1, 1];
    const seen: (boolean | number)[][] = [];
    for (const g of gradients) seen.push([await step(scaler, optimizer, p, g), scaler.factor, (await p.data())[0]!]);
    expect(seen).toEqual([
      [true, 8, 0],
      [false, 2, 0],
      [true, 2, -1],
      [false, 0.5, -1],
      [true, 0.5, -2],
      [true, 2, -3],
      [true, 2, -4],
      [true, 8, -5],
    ]);
  });

  it("lets gradients be clipped between unscale and step", async () => {
    const p = parameter([0, 0]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 4 });
    scaler.scale(p.mul(tensor([3, 4])).sum()).backward();
    scaler.unscale(optimizer);
    expect(await clipGradNorm([p], 1).item()).toBe(5);
    await scaler.step(optimizer);
    scaler.update();
    expect((await p.data())[1]).toBeCloseTo(-0.8, 5);
  });

  it("keeps float16 gradients that would vanish", async () => {
    const run = async (scaler: GradScaler): Promise<number> => {
      const p = parameter([1]);
      const optimizer = new SGD([p], { lr: 2 ** 20 });
      const x = tensor([[2 ** -20]]);
      scaler
        .scale(
          autocast("float16", () => matmul(x, p.reshape(1, 1)))
            .to("float32")
            .mul(2 ** -8)
            .sum(),
        )
        .backward();
      await scaler.step(optimizer);
      return (await p.data())[0]!;
    };
    expect(await run(new GradScaler({ enabled: false }))).toBe(1);
    expect(await run(new GradScaler())).toBe(1 - 2 ** -8);
  });

  it("resumes", async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 16, growthInterval: 3 });
    await step(scaler, optimizer, p, 1);
    await step(scaler, optimizer, p, 1);
    const state = scaler.stateDict();
    expect(state).toEqual({ scale: 16, growthTracker: 2 });
    const resumed = new GradScaler({ growthInterval: 3 });
    resumed.loadStateDict(state);
    await step(resumed, optimizer, p, 1);
    expect(resumed.factor).toBe(32);
    for (const bad of [{}, { scale: -1, growthTracker: 0 }, { scale: 1, growthTracker: 0.5 }, undefined]) {
      expect(() => resumed.loadStateDict(bad as never)).toThrow(expect.objectContaining({ code: "format" }));
    }
  });

  it("refuses calls out of order and options without sense", async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler();
    const state = expect.objectContaining({ code: "state" });
    expect(() => scaler.update()).toThrow(state);
    scaler.scale(p.sum()).backward();
    scaler.unscale(optimizer);
    expect(() => scaler.unscale(optimizer)).toThrow(state);
    await scaler.step(optimizer);
    await expect(scaler.step(optimizer)).rejects.toThrow(state);
    for (const bad of [
      { initScale: 0 },
      { growthFactor: 1 },
      { backoffFactor: 1 },
      { growthInterval: 0 },
      { scale: 1 },
    ]) {
      expect(() => new GradScaler(bad as object)).toThrow(expect.objectContaining({ code: "argument" }));
    }
  });

  it("does nothing when disabled", async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ enabled: false });
    const loss = p.sum();
    expect(scaler.scale(loss)).toBe(loss);
    loss.backward();
    scaler.unscale(optimizer);
    expect([await scaler.step(optimizer), scaler.factor, [...(await p.data())]]).toEqual([true, 1, [0]]);
    scaler.update();
  });
});
