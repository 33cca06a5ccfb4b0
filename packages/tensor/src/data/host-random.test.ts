// The host's random words against the device's, and the evenness of what is drawn from them.

import { describe, expect, it } from "vitest";
import { Generator, TensorError } from "../index.js";
import { input, scalar } from "../kernel/expr.js";
import { randomWord } from "../kernel/philox.js";
import { makeProgram } from "../kernel/program.js";
import { evaluate } from "../reference/index.js";
import { HostRandom, permutation } from "./index.js";

const errorLike = (code: string, part: string) =>
  expect.toSatisfy((e) => TensorError.is(e, code as never) && (e as Error).message.includes(part));

describe("HostRandom", () => {
  it.each([0, 1, 1337, 2 ** 32 + 5, 2 ** 53 - 1])("draws the words that a kernel draws, seed %d", (seed) => {
    const generator = new Generator(seed);
    for (let i = 0; i < 3; i++) generator.nextStream();
    const [low, high, stream] = [...new Generator(seed).nextStream().slice(0, 2), 3] as [number, number, number];
    const random = new HostRandom(generator);
    const words = Array.from({ length: 11 }, () => random.word());
    const state = { seedLow: scalar(0, "uint32"), seedHigh: scalar(1, "uint32"), stream: scalar(2, "uint32") };
    const program = makeProgram({
      inputs: [{ kind: "buffer", type: "uint32", role: "full" }],
      scalars: ["uint32", "uint32", "uint32"],
      reduces: [],
      outputs: [{ expr: randomWord(state, input(0, "uint32", "full")), role: "full" }],
    });
    const index = Array.from({ length: 11 }, (_, i) => i);
    const [expected] = evaluate(program, [11], [index], [low, high, stream]);
    expect(words).toEqual([...expected!]);
  });

  it("draws integers without bias and within bounds", () => {
    const random = new HostRandom(new Generator(5));
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]!++;
    // Five standard deviations of 10,000 are 463.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(463);
    expect(() => random.integer(0)).toThrow(errorLike("argument", "bound must be an integer from 1 to 2^32, got 0"));
  });

  it("orders: each one of the 24 comes up as often as the others", () => {
    const generator = new Generator(11);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(4, generator).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
    expect(() => permutation(-1)).toThrow(errorLike("argument", "count"));
  });
});
