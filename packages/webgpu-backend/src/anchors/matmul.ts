// Matrix products: chooses tiles by the sizes, and how the factors are read by their strides.

import type { Launch } from "@torchium/tensor/backend";
import { operationsOf } from "../kernels/fours.js";
import { countOf, GpuExecutable, type LaunchPlan, useOf } from "../run/dispatch.js";
import type { Shader } from "../wgsl/module.js";
import { ParamLayout } from "../wgsl/params.js";
import { type Product, writtenFrom } from "./matmul-finish.js";
import { type FactorLayout, matmulText } from "./matmul-text.js";
import { chooseTiles, type TileLimits, tilesOf } from "./matmul-tiles.js";
import { isVectorAlong } from "./vectors.js";

/** Operations of an epilogue up to which threads take large blocks. */
const shortEpilogue = 12;

/** A matrix product, with the map behind it. */
export class MatmulExecutable extends GpuExecutable {
  readonly #call: Product;
  readonly #layout: ParamLayout<"tilesM" | "tilesN" | "groups">;
  readonly #limits: TileLimits;
  readonly #shaders = new Map<string, Shader>();

  constructor(key: string, call: Product, dearBarriers: boolean) {
    const { type } = call;
    const { inputs = [], outputs = [], scalars = [] } = call.epilogue?.program ?? {};
    const own = call.epilogue ? [...inputs.slice(1), ...outputs.map((y) => y.expr)].map((x) => x.type) : [type];
    super(key, scalars, [type, type, ...own]);
    this.#call = call;
    const operands = call.epilogue ? 1 + call.epilogue.access.length : 3;
    this.#layout = new ParamLayout(["tilesM", "tilesN", "groups"], call.rank, operands, scalars.length);
    const isShort = !call.epilogue || operationsOf(call.epilogue.program) <= shortEpilogue;
    this.#limits = { mayBeLarge: isShort, dearBarriers };
  }

  plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan {
    const { sizes, operands, label } = launch;
    const { rank, epilogue } = this.#call;
    const outer = sizes.slice(0, -1);
    if (countOf(outer, label) === 0) return { dispatches: [], scratchWords: 0 };
    const [m, n, k] = sizes.slice(-3) as [number, number, number];
    const batch = countOf(sizes.slice(0, -3), label);
    const name = chooseTiles(batch, m, n, this.#limits);
    const tiles = tilesOf(name);
    const { direct = false } = tiles;
    const tilesM = Math.ceil(m / tiles.rows);
    const tilesN = Math.ceil(n / tiles.columns);
    const a = factorLayout(operands[0]!, [rank - 1, k], direct && [rank - 3, m]);
    const b = factorLayout(operands[1]!, [rank - 2, n], direct && [rank - 1, k]);
    const fours = !direct || k % 4 === 0;
    const results = operands.slice(writtenFrom(epilogue));
    const byFours = this.#limits.mayBeLarge && n % 4 === 0 && results.every((o) => isVectorAlong(o, rank - 2));
    const out = byFours ? "fours" : "elements";
    const variant = `${name}${[a.dense, a.vectors, a.across, b.dense, b.vectors, b.across, fours].map(Number).join("")}/${out}`;
    let shader = this.#shaders.get(variant);
    if (!shader) {
      shader = {
        key: `${this.key}/${variant}`,
        render: (slots) => matmulText(this.#call, this.#layout, { tiles, a, b, fours, out }, slots),
      };
      this.#shaders.set(variant, shader);
    }
    const groups = batch * tilesM * tilesN;
    const words = this.#layout.block(
      { tilesM, tilesN, groups },
      sizes,
      operands.map((o) => o.strides),
    );
    const uses = operands.map((_, i) => useOf(launch, i, i >= writtenFrom(epilogue)));
    return { dispatches: [{ shader, layout: this.#layout, words, uses, groups }], scratchWords: 0 };
  }
}

/** An axis of a factor and its size. */
type Axis = readonly [axis: number, size: number];

/**
 * How a factor is read whose vectors lie along an axis, or across it along another one where that is of use. Layouts that
 * are read alike are alike: each takes a shader.
 */
function factorLayout(operand: Launch["operands"][number], along: Axis, across: Axis | false): FactorLayout {
  const hasVectors = ([axis, size]: Axis): boolean => size % 4 === 0 && isVectorAlong(operand, axis);
  const vectors = hasVectors(along);
  if (across) return { dense: vectors, vectors, across: !vectors && hasVectors(across) };
  return { dense: operand.strides[along[0]] === 1, vectors, across: false };
}
