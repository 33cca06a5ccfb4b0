// CRFLoss beside what every loss is tested for: decoding and marginals by enumeration, BIO rules, lengths without plans.

import { defaultDevice, Generator, randn, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import { CRFLoss } from "./index.js";
import { logSumExp, sequences, total } from "./testing/arithmetic.js";
import { type Plain, plainRecord } from "./testing/row.js";

const ints = (values: readonly number[], ...shape: number[]): Tensor => tensor(Int32Array.from(values), { shape });

function score(emissions: readonly number[][], path: readonly number[], p: Plain): number {
  const inner = path.map((tag, i) => emissions[i]![tag]! + (i > 0 ? p.transitions[path[i - 1]!][tag] : 0));
  return p.start_transitions[path[0]!] + total(inner) + p.end_transitions[path.at(-1)!];
}

/** Masks of 5 sequences of 4 places: whole, short, one place, with holes, empty. */
const mask = [1, 1, 1, 1, /**/ 1, 1, 1, 0, /**/ 1, 0, 0, 0, /**/ 0, 1, 0, 1, /**/ 0, 0, 0, 0];

describe.each([1, 2, 3, 4, 5])("against enumeration, draw %i", (seed) => {
  test("decodes the best path, and knows every tag's probability", async () => {
    const generator = new Generator(seed);
    const crf = new CRFLoss({ numTags: 3, generator }).to("float64");
    for (const p of crf.parameters()) p.assign(p.detach().mul(20));
    const emissions = randn(5, 4, 3, { dtype: "float64", generator }).mul(3);
    const p = await plainRecord(crf.stateDict());
    const best = (await crf.decode(emissions, ints(mask, 5, 4)).toArray()) as number[][];
    const shares = (await crf.marginals(emissions, ints(mask, 5, 4)).toArray()) as number[][][];
    const rows = (await emissions.toArray()) as number[][][];
    rows.forEach((row, b) => {
      const places = [0, 1, 2, 3].filter((t) => mask[b * 4 + t] === 1);
      const on = places.map((t) => row[t]!);
      const paths = places.length === 0 ? [] : sequences(3, places.length);
      const scores = paths.map((path) => score(on, path, p));
      const top = paths[scores.indexOf(Math.max(...scores))] ?? [];
      const all = logSumExp(scores);
      row.forEach((_, t) => {
        const at = places.indexOf(t);
        expect(best[b]![t]).toBe(at < 0 ? -1 : top[at]);
        for (let tag = 0; tag < 3; tag++) {
          const through = scores.filter((_, k) => at >= 0 && paths[k]![at] === tag);
          expect(shares[b]![t]![tag]).toBeCloseTo(total(through.map((s) => Math.exp(s - all))), 10);
        }
      });
    });
  });
});

describe("BIO rules", () => {
  const bioTags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];
  const allowed = (before: number | undefined, tag: number): boolean =>
    !bioTags[tag]!.startsWith("I-") ||
    (before !== undefined && before > 0 && bioTags[before]!.slice(2) === bioTags[tag]!.slice(2));

  test("forbidden tags are never decoded and have no probability", async () => {
    const crf = new CRFLoss({ numTags: 5, bioTags, generator: new Generator(3) });
    // Emissions that ask for I-PER everywhere.
    const emissions = tensor(
      Float32Array.from({ length: 40 }, (_, i) => (i % 5 === 2 ? 50 : (i * 7) % 3)),
      { shape: [2, 4, 5] },
    );
    for (const path of (await crf.decode(emissions).toArray()) as number[][]) {
      path.forEach((tag, i) => expect(allowed(path[i - 1], tag)).toBe(true));
      expect(path).toEqual([1, 2, 2, 2]);
    }
    const first = (await crf.marginals(emissions).select(1, 0).toArray()) as number[][];
    for (const row of first) {
      expect([row[2], row[4]]).toEqual([0, 0]);
      expect(total(row)).toBeCloseTo(1, 6);
    }
  });

  test("the loss sums over allowed paths alone, and leaves forbidden scores unmoved", async () => {
    const crf = new CRFLoss({ numTags: 5, bioTags, generator: new Generator(3) }).to("float64");
    const emissions = tensor(
      Float64Array.from({ length: 15 }, (_, i) => ((i * 7) % 5) - 2),
      { shape: [1, 3, 5] },
    );
    const tags = [1, 2, 0];
    const loss = crf.forward(emissions, ints(tags, 1, 3));
    loss.backward();
    const p = await plainRecord(crf.stateDict());
    const row = ((await emissions.toArray()) as number[][][])[0]!;
    const paths = sequences(5, 3).filter((path) => path.every((tag, i) => allowed(path[i - 1], tag)));
    expect(await loss.item()).toBeCloseTo(
      logSumExp(paths.map((path) => score(row, path, p))) - score(row, tags, p),
      10,
    );
    const moved = (await crf.transitions.grad!.toArray()) as number[][];
    moved.forEach((to, from) => {
      to.forEach((g, tag) => {
        if (!allowed(from, tag)) expect(g).toBe(0);
      });
    });
    expect(await crf.startTransitions.grad!.select(0, 2).item()).toBe(0);
  });

  test("given tags that break them are an error with the place", () => {
    const crf = new CRFLoss({ numTags: 5, bioTags });
    const emissions = tensor(new Float32Array(40), { shape: [2, 4, 5] });
    const given = (tags: readonly number[]) => () =>
      crf.forward(emissions, ints(tags, 2, 4), ints([1, 1, 1, 1, 1, 1, 0, 0], 2, 4));
    expect(given([0, 1, 2, 0, 3, 2, 2, 2])).toThrow(
      /got I-PER after B-LOC at place 1 of sequence 1, expected B-PER or O/,
    );
    expect(given([2, 0, 0, 0, 0, 0, 0, 0])).toThrow(/got I-PER first at place 0 of sequence 0/);
    expect(given([0, 1, 2, 2, 3, 4, 2, 2])).not.toThrow();
  });
});

describe("cost", () => {
  const step = async (crf: CRFLoss, batch: number, time: number): Promise<void> => {
    const emissions = tensor(new Float32Array(batch * time * 3), { shape: [batch, time, 3], requiresGrad: true });
    const on = ints(new Array(batch * time).fill(1), batch, time);
    const loss = crf.forward(emissions, ints(new Array(batch * time).fill(1), batch, time), on);
    loss.backward();
    await emissions.grad!.data();
    await crf.decode(emissions.detach(), on).data();
    await crf.marginals(emissions.detach(), on).data();
    crf.zeroGrad();
  };

  test("new lengths and batches build no plan and compile nothing", async () => {
    const crf = new CRFLoss({ numTags: 3 });
    await step(crf, 2, 5);
    await step(crf, 3, 6);
    const { plansBuilt, kernelsCompiled } = defaultDevice().counters;
    await step(crf, 4, 11);
    await step(crf, 2, 17);
    expect(defaultDevice().counters).toMatchObject({ plansBuilt, kernelsCompiled });
  });

  test("a step costs one launch a place", async () => {
    const crf = new CRFLoss({ numTags: 3 });
    const launches = async (time: number): Promise<number> => {
      await step(crf, 2, time);
      const { launches } = defaultDevice().counters;
      await step(crf, 2, time);
      return defaultDevice().counters.launches - launches;
    };
    // The loss forwards and backwards, Viterbi there and back, the marginals forwards and backwards.
    expect(((await launches(30)) - (await launches(20))) / 10).toBeLessThanOrEqual(8);
  });
});
