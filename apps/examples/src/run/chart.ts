// Line charts as SVG text, stacked one below the other. One file reads well on a light and on a dark page.

/** One line of a chart. */
export interface Line {
  readonly label: string;
  /** Colour slot, from 1. */
  readonly colour: 1 | 2 | 3;
  /** Whether to mark the points: for few and far between ones. */
  readonly marked: boolean;
  /** Points by ascending x. */
  readonly points: readonly Point[];
}

/** A point in the data's own units. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One chart: lines that share their axes. */
export interface Chart {
  readonly yLabel: string;
  readonly lines: readonly Line[];
}

const width = 760;
const chartHeight = 300;
const titleHeight = 44;
const margin = { top: 30, right: 24, bottom: 48, left: 68 } as const;
const plotWidth = width - margin.left - margin.right;
const plotHeight = chartHeight - margin.top - margin.bottom;

/** More points than pixels make a large file and no better picture. */
const mostPoints = plotWidth;

/** Fill and stroke colours: light first. Plain rules and no variables, which viewers other than browsers ignore. */
const theme = (paper: string, ink: string, soft: string, grid: string, lines: readonly string[]) => `
  .paper { fill: ${paper}; } text { fill: ${soft}; } .title, .legend { fill: ${ink}; } .grid { stroke: ${grid}; }
  ${lines.map((colour, i) => `.line.c${i + 1} { stroke: ${colour}; } .dot.c${i + 1} { fill: ${colour}; }`).join(" ")}`;

const style = `
  text { font: 12px system-ui, sans-serif; } .title { font-size: 16px; font-weight: 600; }
  .line { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
  ${theme("#ffffff", "#1f2328", "#656d76", "#e4e7eb", ["#0969da", "#cf222e", "#1a7f37"])}
  @media (prefers-color-scheme: dark) {
    ${theme("#0d1117", "#e6edf3", "#9198a1", "#262c36", ["#58a6ff", "#ff7b72", "#3fb950"])}
  }
`;

/** Draws charts over a common x axis, under one title. Charts without a point are left out. */
export function renderCharts(title: string, xLabel: string, charts: readonly Chart[]): string {
  const drawn = charts.filter(({ lines }) => lines.some(({ points }) => points.length > 0));
  const height = titleHeight + Math.max(1, drawn.length) * chartHeight;
  const xs = drawn.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(({ x }) => x)));
  const x = scale(niceTicks(0, Math.max(1, ...extent(xs))), plotWidth, false);
  const empty = `<text x="${width / 2}" y="${titleHeight + chartHeight / 2}" text-anchor="middle">no measurements yet</text>`;
  const body = drawn.map((chart, index) => renderChart(chart, x, xLabel, titleHeight + index * chartHeight));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="title" x="${margin.left}" y="28">${escapeText(title)}</text>`,
    ...(drawn.length === 0 ? [empty] : body),
    "</svg>",
    "",
  ].join("\n");
}

/**
 * Round numbers that cover `[low, high]`: steps of 1, 2 or 5 times a power of ten, about `count` of them.
 * The first is at most `low`, the last at least `high`.
 */
export function niceTicks(low: number, high: number, count = 5): number[] {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * ([1, 2, 5, 10].find((factor) => span / count <= factor * power) ?? 10);
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), Math.floor(low / step) + 1)];
  // Products, rounded: a running sum would print 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function scale(ticks: readonly number[], length: number, flipped: boolean): Scale {
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  return {
    ticks,
    at: (value) => {
      const share = (value - low) / (high - low);
      return (flipped ? 1 - share : share) * length;
    },
  };
}

function renderChart({ yLabel, lines }: Chart, x: Scale, xLabel: string, top: number): string {
  const ys = lines.flatMap(({ points }) => points.map((point) => point.y));
  const [low, high] = extent(ys);
  const y = scale(niceTicks(low, high), plotHeight, true);
  return [
    `<g transform="translate(${margin.left} ${top + margin.top})">`,
    ...y.ticks.map((tick) => {
      const at = round(y.at(tick));
      const line = `<line class="grid" x1="0" x2="${plotWidth}" y1="${at}" y2="${at}"/>`;
      return `${line}<text class="tick" x="-10" y="${at}" dy="0.35em" text-anchor="end">${tick}</text>`;
    }),
    ...x.ticks.map((tick) => {
      const at = round(x.at(tick));
      return `<text class="tick" x="${at}" y="${plotHeight + 20}" text-anchor="middle">${tick}</text>`;
    }),
    `<text x="${plotWidth / 2}" y="${plotHeight + 40}" text-anchor="middle">${escapeText(xLabel)}</text>`,
    `<text transform="translate(-52 ${plotHeight / 2}) rotate(-90)" text-anchor="middle">${escapeText(yLabel)}</text>`,
    ...lines.map((line) => renderLine(line, x, y)),
    renderLegend(lines.filter(({ points }) => points.length > 0)),
    "</g>",
  ].join("\n");
}

function renderLine({ points, colour, marked }: Line, x: Scale, y: Scale): string {
  const shown = thin(points).map((point) => ({ x: round(x.at(point.x)), y: round(y.at(point.y)) }));
  const path = shown.map((point, i) => `${i === 0 ? "M" : "L"}${point.x} ${point.y}`).join("");
  const dots = marked || shown.length === 1 ? shown : [];
  return [
    path === "" ? "" : `<path class="line c${colour}" d="${path}"/>`,
    ...dots.map((point) => `<circle class="dot c${colour}" cx="${point.x}" cy="${point.y}" r="3"/>`),
  ].join("");
}

function renderLegend(lines: readonly Line[]): string {
  let right = plotWidth;
  const entries = [...lines].reverse().map(({ label, colour }) => {
    // 7 px a character is a safe width for this font size; text cannot be measured here.
    const left = right - label.length * 7 - 28;
    right = left - 16;
    const swatch = `<line class="line c${colour}" x1="${left}" x2="${left + 18}" y1="-16" y2="-16"/>`;
    return `${swatch}<text class="legend" x="${left + 24}" y="-16" dy="0.35em">${escapeText(label)}</text>`;
  });
  return entries.reverse().join("");
}

/** At most `mostPoints` points: of each stretch the lowest and the highest, so that no spike is lost. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= mostPoints) return points;
  const stretch = Math.ceil((2 * points.length) / mostPoints);
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const low = part.reduce((best, point) => (point.y < best.y ? point : best));
    const high = part.reduce((best, point) => (point.y > best.y ? point : best));
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  return kept;
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
