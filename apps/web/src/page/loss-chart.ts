// The curve of the loss. Whoever cannot see it is told where it began and where it is.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Point } from "../messages.js";

const height = 260;

/** A chart that grows point by point and keeps to the width of its place. */
export class LossChart {
  readonly #place: HTMLElement;
  readonly #plot: uPlot;
  #steps: number[] = [];
  #losses: number[] = [];

  constructor(place: HTMLElement) {
    this.#place = place;
    const style = getComputedStyle(place);
    const [text, line, accent] = ["--soft", "--line", "--accent"].map((name) => style.getPropertyValue(name));
    const axis = { stroke: text!, grid: { stroke: line!, width: 0.5 }, ticks: { stroke: line!, width: 0.5 } };
    const options: uPlot.Options = {
      width: place.clientWidth,
      height,
      cursor: { y: false },
      scales: { x: { time: false } },
      axes: [axis, axis],
      series: [{ label: "step" }, { label: "loss", stroke: accent!, width: 2 }],
    };
    this.#plot = new uPlot(options, [[], []], place);
    new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height })).observe(place);
  }

  /** Shows these points and no others. */
  reset(points: readonly Point[]): void {
    this.#steps = [];
    this.#losses = [];
    this.add(points);
  }

  /** Shows more points. */
  add(points: readonly Point[]): void {
    for (const { step, loss } of points) {
      this.#steps.push(step);
      this.#losses.push(loss);
    }
    this.#plot.setData([this.#steps, this.#losses]);
    this.#place.ariaLabel = this.#description();
  }

  #description(): string {
    const [first, last] = [this.#losses[0], this.#losses.at(-1)];
    if (first === undefined || last === undefined) return "Loss: no steps yet";
    return `Loss: ${first.toFixed(3)} at step ${this.#steps[0]}, ${last.toFixed(3)} at step ${this.#steps.at(-1)}`;
  }
}
