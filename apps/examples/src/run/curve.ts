// `curve.svg`: the losses of a run, and below them every other validation score, one chart each.
import { type Chart, type Point, renderCharts } from "./chart.js";
import type { MetricsRecord } from "./metrics.js";

/** Draws the record of a run. */
export function renderCurve(title: string, records: readonly MetricsRecord[]): string {
  const training = points(records, ({ loss }) => loss);
  const names = new Set(records.flatMap(({ validation }) => Object.keys(validation ?? {})));
  names.delete("loss");
  const losses: Chart = {
    yLabel: "loss",
    lines: [
      { label: "training", colour: 1, marked: false, points: training },
      { label: "validation", colour: 2, marked: true, points: points(records, (r) => r.validation?.loss) },
    ],
  };
  const scores = [...names].map((name): Chart => {
    const line = { label: `validation ${name}`, colour: 3, marked: true } as const;
    return { yLabel: name, lines: [{ ...line, points: points(records, (r) => r.validation?.[name]) }] };
  });
  return renderCharts(title, "step", [losses, ...scores]);
}

function points(records: readonly MetricsRecord[], value: (record: MetricsRecord) => number | undefined): Point[] {
  return records.flatMap((record) => {
    const y = value(record);
    return y === undefined ? [] : [{ x: record.step, y }];
  });
}
