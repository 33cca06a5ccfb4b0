// Row programs as executables: chooses the schedule of each launch, fills in its arguments, enqueues one or two kernels.

import {
  byteLengthOf,
  type DType,
  isHalf,
  type Kernel,
  type Launch,
  type Program,
  unreachable,
} from "@torchium/tensor/backend";
import { joinShape, renderJoin, renderLanes } from "../render/lane-schedule.js";
import { longRowStages, renderLongRows } from "../render/long-row-schedule.js";
import { mapThreads, renderMap } from "../render/map-schedule.js";
import type { RenderedKernel, Variant } from "../render/program-text.js";
import type { Walk } from "../render/row-parts.js";
import { renderRows } from "../render/row-schedule.js";
import {
  isMap,
  isNarrow,
  isVectorizable,
  type LongRowShape,
  laneShape,
  longRowShape,
  rowShape,
} from "./choose-schedule.js";
import { addressOf, CudaExecutable, noWork, type Work } from "./executable.js";
import { KernelWork } from "./kernel-work.js";
import type { ParamsBlock } from "./params.js";
import type { Geometry, Session } from "./session.js";

/** A compiled row program. Texts are rendered when a launch needs them first. */
export class KernelExecutable extends CudaExecutable {
  readonly kernel: Kernel;
  readonly #rendered = new Map<string, RenderedKernel>();

  constructor(kernel: Kernel) {
    super(kernel.key);
    this.kernel = kernel;
  }

  /** The texts that a dense launch is likely to need, for compiling ahead. */
  likelyTexts(): RenderedKernel[] {
    const { program, rank, access } = this.kernel;
    const variants = access.every((a, i) => a[rank - 1] !== 2 || program.inputs[i]?.kind === "index") ? [4, 1] : [1];
    return variants.map((vector) => {
      const variant = { vector, wide: false } as Variant;
      if (isMap(program)) return this.#text("map", variant);
      return program.outputs.some((o) => o.role === "lane")
        ? this.#text("lanes", variant)
        : this.#text("rows", variant);
    });
  }

  work(session: Session, launch: Launch): Work {
    const { kernel } = this;
    const { rank, program } = kernel;
    const { sizes } = launch;
    const rows = sizes.slice(0, -1).reduce((n, size) => n * size, 1);
    const length = sizes[rank - 1]!;
    const variant: Variant = {
      vector: isVectorizable(kernel, launch) ? 4 : 1,
      wide: !isNarrow(launch, session.narrowLimit),
    };
    if (isMap(program)) return this.#map(session, launch, variant, rows * length);
    if (program.outputs.some((o) => o.role === "lane")) return this.#lanes(session, launch, variant, rows, length);
    const long = longRowShape(kernel, launch, rows, length, variant.vector, session.longBlock);
    if (long) return this.#longRows(session, launch, variant, rows, length, long);
    return this.#rows(session, launch, variant, rows, length);
  }

  /** The text of a schedule; `stage` counts the kernels of long rows. */
  #text(schedule: "map" | "lanes" | Walk, variant: Variant, stage?: number): RenderedKernel {
    const key = `${schedule}/${variant.vector}/${variant.wide}/${stage}`;
    let text = this.#rendered.get(key);
    if (!text) {
      if (schedule === "map") text = renderMap(this.kernel, variant);
      else if (schedule === "lanes") text = renderLanes(this.kernel, variant);
      else if (stage === undefined) text = renderRows(this.kernel, variant, schedule);
      else text = renderLongRows(this.kernel, variant, schedule, stage);
      this.#rendered.set(key, text);
    }
    return text;
  }

  #map(session: Session, launch: Launch, variant: Variant, count: number): Work {
    if (count === 0) return noWork;
    const text = this.#text("map", variant);
    const params = this.#params(text, launch);
    params.set("count", count);
    const geometry: Geometry = { blocks: [Math.ceil(count / variant.vector / mapThreads), 1, 1], threads: mapThreads };
    return this.#work(session, launch, text, params, geometry);
  }

  #rows(session: Session, launch: Launch, variant: Variant, rows: number, length: number): Work {
    if (rows === 0) return noWork;
    const { walk, lanes, threads, blocks } = rowShape(this.kernel, launch, rows, length, variant.vector);
    const text = this.#text(walk, variant);
    const params = this.#params(text, launch);
    params.set("rows", rows);
    params.set("length", length);
    params.set("lanes", lanes);
    return this.#work(session, launch, text, params, { blocks: [blocks, 1, 1], threads });
  }

  #longRows(
    session: Session,
    launch: Launch,
    variant: Variant,
    rows: number,
    length: number,
    { walk, lanes, threads, blocks, parts, perPart }: LongRowShape,
  ): Work {
    if (rows === 0) return noWork;
    const { reduces, outputs } = this.kernel.program;
    const stages = longRowStages(this.kernel);
    const walksOutputs = outputs.some((o) => o.role === "full");
    const kernels = Array.from({ length: stages }, (_, stage) => {
      const text = this.#text(walk, variant, stage);
      const params = this.#params(text, launch);
      const split = stage === stages - 1 && !walksOutputs ? 1 : parts;
      for (const [name, value] of Object.entries({ rows, length, perPart, parts, split, lanes }))
        params.set(name, value);
      return { params, work: this.#work(session, launch, text, params, { blocks: [blocks * split, 1, 1], threads }) };
    });
    const bytes = reduces.map(({ of }) => Math.ceil((rows * parts * byteLengthOf(of.type)) / 16) * 16);
    const enqueue = (): void =>
      session.withScratch(
        bytes.reduce((a, b) => a + b, 0),
        (address) => {
          for (const { params, work } of kernels) {
            let at = address;
            bytes.forEach((size, i) => {
              params.set(`w${i}`, at);
              at += size;
            });
            work.enqueue();
          }
        },
      );
    return { enqueue };
  }

  #lanes(session: Session, launch: Launch, variant: Variant, rows: number, length: number): Work {
    // Without lanes there are no sums; what a row has once may still be there.
    if (length === 0 && rows === 0) return noWork;
    const { program, rank } = this.kernel;
    const shape = laneShape(this.kernel, rows, length, variant.vector);
    const text = this.#text("lanes", variant);
    const params = this.#params(text, launch);
    params.set("rows", rows);
    params.set("length", length);
    params.set("lanes", shape.lanes);
    params.set("perGroup", shape.perGroup);
    const geometry: Geometry = { blocks: [...shape.blocks, 1], threads: shape.threads };
    const sums = program.outputs.flatMap(({ role, expr }, k) => {
      if (role !== "lane") return [];
      params.set(`between${k}`, length);
      params.set(`step${k}`, 1);
      return [{ k, type: expr.type, operand: program.inputs.length + k }];
    });
    const first = this.#work(session, launch, text, params, geometry);
    const bytes = sums.map(({ type }) => Math.ceil((shape.parts * length * byteLengthOf(type)) / 16) * 16);
    const joins = sums.map(({ type, operand }) => {
      const join = renderJoin(summable(type), variant.wide);
      const block = join.layout.block();
      block.set("parts", shape.parts);
      block.set("length", length);
      block.set("step", launch.operands[operand]!.strides[rank - 1]!);
      return { join, block };
    });
    const joinGeometry: Geometry = {
      blocks: [Math.ceil(length / joinShape.lanes), 1, 1],
      threads: joinShape.lanes * joinShape.threads,
    };
    const enqueue = (): void =>
      session.withScratch(
        bytes.reduce((a, b) => a + b, 0),
        (address) => {
          let from = address;
          sums.forEach(({ k, type, operand }, i) => {
            params.set(`z${k}`, from);
            joins[i]!.block.set("from", from);
            joins[i]!.block.set("to", addressOf(launch.operands[operand]!, byteLengthOf(type)));
            from += bytes[i]!;
          });
          first.enqueue();
          if (length === 0) return;
          for (const { join, block } of joins) session.launch(join, joinGeometry, block, launch.label);
        },
      );
    return { enqueue };
  }

  /** Arguments with all that no replay changes. */
  #params(text: RenderedKernel, { sizes, operands }: Launch): ParamsBlock {
    const params = text.layout.block();
    params.setAll("size", sizes);
    operands.forEach(({ strides, offset }, i) => {
      params.setAll(`stride${i}`, strides);
      if (this.kernel.program.inputs[i]?.kind === "index") params.set(`base${i}`, offset);
    });
    return params;
  }

  #work(session: Session, launch: Launch, text: RenderedKernel, params: ParamsBlock, geometry: Geometry): Work {
    const { program } = this.kernel;
    const pointers = operandTypes(program).flatMap((type, i) => {
      if (program.inputs[i]?.kind === "index") return [];
      return [{ operand: launch.operands[i]!, unit: byteLengthOf(type), place: text.layout.place(`p${i}`) }];
    });
    const scalars = program.scalars.map((_, i) => text.layout.place(`s${i}`));
    return new KernelWork(session, { text, geometry, params, label: launch.label }, () => {
      for (const { operand, unit, place } of pointers) params.put(place, addressOf(operand, unit));
      for (let i = 0; i < scalars.length; i++) params.put(scalars[i]!, launch.scalars[i]!);
    });
  }
}

const operandTypes = (program: Program): DType[] => [
  ...program.inputs.map((x) => x.type),
  ...program.outputs.map((o) => o.expr.type),
];

/** Bools and numbers of 16 bits are never summed. */
const summable = (type: DType) => (type === "bool" || isHalf(type) ? unreachable(`a sum of ${type} over rows`) : type);
