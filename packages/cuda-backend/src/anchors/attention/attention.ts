// attention and attentionGradient: which passes a launch makes, by which kernels, over which grids.

import {
  type AnchorCall,
  byteLengthOf,
  type HalfType,
  isHalf,
  type Launch,
  type LaunchOperand,
} from "@torchium/tensor/backend";
import type { RenderedKernel } from "../../render/program-text.js";
import { isNarrow } from "../../run/choose-schedule.js";
import { addressOf, CudaExecutable, type Work } from "../../run/executable.js";
import type { ParamsBlock } from "../../run/params.js";
import type { Geometry, Session } from "../../run/session.js";
import { meansRows, meansThreads, renderMeans } from "./means.js";
import {
  forwardPass,
  keyAndValuePass,
  keyPass,
  leastBatchAxes,
  type MatrixName,
  matricesOf,
  type Pass,
  queryPass,
  type TextOptions,
  valuePass,
} from "./passes.js";
import { plainRows, plainThreads, renderPlain } from "./plain.js";
import { coreThreads, coreTile, coreWidths, renderCore } from "./tensor-cores.js";

type Call = AnchorCall & { readonly op: "attention" | "attentionGradient" };

/** The first GPUs whose tensor cores multiply 16 × 16 by 16 × 8, of both types. */
const firstWithCores = 80;
/** Elements that a 16-byte copy moves. */
const perCopy = 8;
/** Up to this width the sums of both gradients of a key fit into registers. */
const widestPair = 64;

/** Where a matrix is: an operand, and which of the last four axes are its rows and columns. */
type Place = { readonly operand: LaunchOperand; readonly axes: readonly [row: number, column: number] };

/** A pass over places. */
type Step = {
  readonly pass: Pass;
  readonly places: Partial<Record<MatrixName, Place>>;
  readonly logs: LaunchOperand;
};

const [L, S, E, V] = [0, 1, 2, 3];
/** Axes of each matrix of the anchors among the last four. */
const axesOf = { queries: [L, E], keys: [S, E], values: [S, V], output: [L, V] } as const;

/** A compiled attention or gradient over [batch…, L, S, E, V]. */
export class AttentionExecutable extends CudaExecutable {
  readonly #call: Call;

  constructor(key: string, call: Call) {
    super(key);
    this.#call = call;
  }

  work(session: Session, launch: Launch): Work {
    if (this.#call.op === "attention") return this.#work(session, launch, [forwardSteps(launch)], undefined);
    const wide = Math.max(...launch.sizes.slice(-2)) > widestPair;
    const steps = gradientSteps(launch, this.#onCores(session, launch) && !wide);
    return this.#work(session, launch, steps, this.#means(session, launch));
  }

  #work(session: Session, launch: Launch, steps: readonly Step[], means: Means | undefined): Work {
    const passes = steps.map((step) => {
      const { text, geometry } = this.#onCores(session, launch)
        ? this.#core(session, launch, step)
        : this.#plain(session, launch, step);
      return { step, text, geometry, params: this.#params(text, launch, step, geometry) };
    });
    const unit = byteLengthOf(this.#call.attributes.type);
    const enqueue = (meansAt: number): void => {
      for (const { step, text, geometry, params } of passes) {
        for (const name of matricesOf(step.pass)) params.set(name, addressOf(step.places[name]!.operand, unit));
        params.set("logs", addressOf(step.logs, 4));
        params.set("means", meansAt);
        session.launch(text, geometry, params, launch.label);
      }
    };
    if (!means) return { enqueue: () => enqueue(0) };
    return {
      enqueue: () =>
        session.withScratch(means.byteLength, (address) => {
          means.enqueue(address);
          enqueue(address);
        }),
    };
  }

  /** Whether tensor cores take the launch. */
  #onCores(session: Session, { sizes }: Launch): boolean {
    const { type } = this.#call.attributes;
    return (
      isHalf(type) && session.gpu.capability >= firstWithCores && Math.max(...sizes.slice(-2)) <= coreWidths.at(-1)!
    );
  }

  #options(session: Session, launch: Launch): TextOptions {
    return {
      batchAxes: Math.max(leastBatchAxes, launch.sizes.length - 4),
      wide: !isNarrow(launch, session.narrowLimit),
    };
  }

  #core(session: Session, launch: Launch, { pass, places }: Step): Chosen {
    const width = Math.max(...launch.sizes.slice(-2));
    const padded = coreWidths.find((most) => width <= most)!;
    const type = this.#call.attributes.type as HalfType;
    const vector = Object.values(places).every((place) => isVectorizable(launch, place));
    const text = renderCore(pass, { ...this.#options(session, launch), type, padded, vector });
    const tiles = Math.ceil(ownedRows(launch, pass) / coreTile(pass, padded).rows);
    return { text, geometry: { blocks: [tiles * batchOf(launch), 1, 1], threads: coreThreads } };
  }

  #plain(session: Session, launch: Launch, { pass }: Step): Chosen {
    const width = launch.sizes.at(pass.results[0] === "x" ? -2 : -1)!;
    const columns = width <= 32 ? 32 : width <= 64 ? 64 : 128;
    const { type } = this.#call.attributes;
    const text = renderPlain(pass, { ...this.#options(session, launch), type, columns });
    const tiles = Math.ceil(ownedRows(launch, pass) / plainRows);
    const blocks = [tiles * batchOf(launch), Math.ceil(width / columns), 1] as const;
    return { text, geometry: { blocks, threads: plainThreads } };
  }

  #params(text: RenderedKernel, launch: Launch, { pass, places, logs }: Step, { blocks }: Geometry): ParamsBlock {
    const params = text.layout.block();
    const first = launch.sizes.length - 4;
    const [queries, keys, width, valueWidth] = launch.sizes.slice(first) as [number, number, number, number];
    for (const name of matricesOf(pass)) params.setAll(`${name}Stride`, stridesOf(places[name]!));
    params.setAll("logsStride", [...withBatch(logs.strides.slice(0, first), 0), logs.strides[first + L!]!]);
    params.setAll("size", withBatch(launch.sizes.slice(0, first), 1));
    params.set("tiles", blocks[0] / batchOf(launch));
    params.set("queries", queries);
    params.set("keys", keys);
    params.set("width", width);
    params.set("valueWidth", valueWidth);
    params.set("causal", Number(this.#call.attributes.causal));
    params.set("scale", this.#call.attributes.scale);
    return params;
  }

  #means(session: Session, launch: Launch): Means {
    const { type } = this.#call.attributes;
    const { batchAxes, wide } = this.#options(session, launch);
    const text = renderMeans(type, { batchAxes, wide });
    const [output, gradient] = [launch.operands[3]!, launch.operands[5]!];
    const queries = launch.sizes.at(-4)!;
    const count = batchOf(launch) * queries;
    const params = text.layout.block();
    params.setAll("outputStride", stridesOf({ operand: output, axes: axesOf.output }));
    params.setAll("gradientStride", stridesOf({ operand: gradient, axes: axesOf.output }));
    params.setAll("size", [...withBatch(launch.sizes.slice(0, -4), 1), queries]);
    params.set("count", count);
    params.set("valueWidth", launch.sizes.at(-1)!);
    const unit = byteLengthOf(type);
    const geometry: Geometry = { blocks: [Math.ceil(count / meansRows), 1, 1], threads: meansThreads };
    return {
      byteLength: count * 4,
      enqueue: (address) => {
        params.set("output", addressOf(output, unit));
        params.set("gradient", addressOf(gradient, unit));
        params.set("means", address);
        session.launch(text, geometry, params, launch.label);
      },
    };
  }
}

/** A kernel for a pass, and its grid. */
type Chosen = { readonly text: RenderedKernel; readonly geometry: Geometry };

/** The kernel that must run before gradients, with memory for what it finds. */
type Means = { readonly byteLength: number; readonly enqueue: (address: number) => void };

/** What belongs to batch axes, and `fill` for those that a launch has too few of. */
const withBatch = (values: readonly number[], fill: number): readonly number[] => [
  ...new Array<number>(Math.max(0, leastBatchAxes - values.length)).fill(fill),
  ...values,
];

const batchOf = ({ sizes }: Launch): number => sizes.slice(0, -4).reduce((count, size) => count * size, 1);

const ownedRows = ({ sizes }: Launch, { own }: Pass): number => sizes.at(own === "queries" ? -4 : -3)!;

function forwardSteps({ operands }: Launch): Step {
  const [queries, keys, values, output, logs] = operands as readonly [...Five<LaunchOperand>];
  const places = {
    a: { operand: queries, axes: axesOf.queries },
    b: { operand: keys, axes: axesOf.keys },
    d: { operand: values, axes: axesOf.values },
    y: { operand: output, axes: axesOf.output },
  } satisfies Step["places"];
  return { pass: forwardPass, places, logs };
}

function gradientSteps({ operands }: Launch, together: boolean): readonly Step[] {
  const [q, k, v, , logs] = operands as readonly [...Five<LaunchOperand>];
  const [g, ofQueries, ofKeys, ofValues] = operands.slice(5) as [
    LaunchOperand,
    LaunchOperand,
    LaunchOperand,
    LaunchOperand,
  ];
  const queries: Place = { operand: q, axes: axesOf.queries };
  const keys: Place = { operand: k, axes: axesOf.keys };
  const values: Place = { operand: v, axes: axesOf.values };
  const gradient: Place = { operand: g, axes: axesOf.output };
  const x: Place = { operand: ofKeys, axes: axesOf.keys };
  const y: Place = { operand: ofValues, axes: axesOf.values };
  const byQueries = { a: queries, b: keys, c: gradient, d: values, x: { operand: ofQueries, axes: axesOf.queries } };
  const byKeys = { a: keys, b: queries, c: values, d: gradient };
  const ofPairs: readonly Step[] = together
    ? [{ pass: keyAndValuePass, places: { ...byKeys, x, y }, logs }]
    : [
        { pass: keyPass, places: { ...byKeys, x }, logs },
        { pass: valuePass, places: { a: keys, b: queries, d: gradient, y }, logs },
      ];
  return [{ pass: queryPass, places: byQueries, logs }, ...ofPairs];
}

type Five<T> = [T, T, T, T, T];

/** Strides over the batch, of rows and of columns. */
function stridesOf({ operand: { strides }, axes }: Place): readonly number[] {
  const first = strides.length - 4;
  return [...withBatch(strides.slice(0, first), 0), ...axes.map((axis) => strides[first + axis]!)];
}

/** Whether a matrix of 16 bits is dense along its rows, which start at multiples of 16 bytes. */
function isVectorizable({ sizes }: Launch, place: Place): boolean {
  const first = sizes.length - 4;
  const strides = stridesOf(place);
  const lengths = [...withBatch(sizes.slice(0, first), 1), ...place.axes.map((axis) => sizes[first + axis]!)];
  const width = lengths.at(-1)!;
  return (
    (strides.at(-1) === 1 || width === 1) &&
    width % perCopy === 0 &&
    place.operand.offset % perCopy === 0 &&
    strides.slice(0, -1).every((stride, axis) => lengths[axis]! < 2 || stride % perCopy === 0)
  );
}
