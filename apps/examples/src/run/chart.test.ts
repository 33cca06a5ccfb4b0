import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { niceTicks, renderCharts } from "./chart.js";
import { renderCurve } from "./curve.js";
import type { MetricsRecord } from "./metrics.js";

const coordinates = (svg: string, colour: number) => {
  const path = new RegExp(`<path class="line c${colour}" d="([^"]*)"`).exec(svg)?.[1] ?? "";
  return path
    .split(/[ML]/)
    .slice(1)
    .map((pair) => pair.split(" ").map(Number));
};

describe("niceTicks", () => {
  it.each([
    [0, 10, [0, 2, 4, 6, 8, 10]],
    [0, 2000, [0, 500, 1000, 1500, 2000]],
    [1.8, 4.2, [1.5, 2, 2.5, 3, 3.5, 4, 4.5]],
    [0.1, 0.35, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]],
    [3, 3, [3, 4]],
    [0, 0, [0, 0.2]],
  ])("from %d to %d: %j", (low, high, expected) => {
    expect(niceTicks(low, high)).toEqual(expected);
  });

  it("covers the range with evenly spaced numbers, neither few nor many", () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        fc.pre(Math.abs(a - b) > 1e-3);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const ticks = niceTicks(low, high);
        const slack = (high - low) * 1e-6;
        expect(ticks[0]).toBeLessThanOrEqual(low + slack);
        expect(ticks[ticks.length - 1]).toBeGreaterThanOrEqual(high - slack);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
      }),
    );
  });
});

describe("renderCurve", () => {
  const records: MetricsRecord[] = [
    { step: 0, loss: 4 },
    { step: 50, loss: 2 },
    { step: 50, validation: { loss: 3, f1: 0.2 } },
    { step: 100, loss: 1 },
    { step: 100, validation: { loss: 2, f1: 0.6 } },
  ];

  it("draws training and validation loss over the step", () => {
    const svg = renderCurve("gpt: a model", records);
    const training = coordinates(svg, 1);
    expect(training.map(([x]) => x)).toEqual([0, 334, 668]);
    // Ticks go from 1 to 4, and y grows downwards over 222 pixels.
    expect(training.map(([, y]) => y)).toEqual([0, 148, 222]);
    expect(coordinates(svg, 2)).toEqual([
      [334, 74],
      [668, 148],
    ]);
    expect(svg.match(/<circle/g)).toHaveLength(4);
  });

  it("gives every other validation score a chart of its own", () => {
    const svg = renderCurve("gpt: a model", records);
    expect(svg.match(/<g transform/g)).toHaveLength(2);
    expect(svg).toContain("validation f1");
    expect(svg).toContain('viewBox="0 0 760 644"');
  });

  it("is labelled, escaped, and readable in the dark", () => {
    const svg = renderCurve("a <b> & c", records);
    expect(svg).toContain("<title>a &lt;b&gt; &amp; c</title>");
    expect(svg).toContain("prefers-color-scheme: dark");
    for (const label of [">step<", ">loss<", ">training<", ">validation<"]) expect(svg).toContain(label);
  });

  it("draws a run without any measurement, and one with a single point", () => {
    expect(renderCurve("new", [])).toContain("no measurements yet");
    expect(renderCurve("one", [{ step: 1, loss: 2 }]).match(/<circle/g)).toHaveLength(1);
  });

  it("keeps a long record small, spikes included", () => {
    const long = Array.from({ length: 200_000 }, (_, step) => ({ step, loss: step === 77_777 ? 100 : 1 + step / 1e6 }));
    const svg = renderCurve("long", long);
    expect(svg.length).toBeLessThan(30_000);
    expect(Math.min(...coordinates(svg, 1).map(([, y]) => y))).toBe(0);
  });

  it("has balanced elements", () => {
    const svg = renderCharts("t", "x", [{ yLabel: "y", lines: [] }]);
    for (const element of ["svg", "g", "text", "style", "title"]) {
      const opened = svg.match(new RegExp(`<${element}[ >]`, "g"))?.length ?? 0;
      expect(svg.match(new RegExp(`</${element}>`, "g"))?.length ?? 0).toBe(opened);
    }
  });
});
