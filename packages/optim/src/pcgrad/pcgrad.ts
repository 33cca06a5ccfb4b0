// PCGrad: an optimizer around another one, for several losses whose gradients pull in different directions.

import {
  addGradients,
  argumentError,
  defaultGenerator,
  Generator,
  type GeneratorState,
  grad,
  keep,
  noGrad,
  shapeError,
  Tensor,
  TensorError,
} from "@torchium/tensor";
import { HostRandom } from "@torchium/tensor/data";
import { oneOf, readOptions } from "@torchium/tensor/options";
import type { AnyOptimizer } from "../optimizer.js";
import { Adam, type AdamOptions } from "../optimizers/adam.js";
import type { Params } from "../parameters.js";
import type { OptimizerState } from "../state-dict.js";
import { combineGradients, drawOrders } from "./surgery.js";

type SurgeryOptions = {
  /** Add the projected gradients up, or take their mean; the sum unless given. */
  readonly reduction: "sum" | "mean";
};

/** Options of `PCGrad`; those of Adam only where it makes its own. */
export type PCGradOptions = Partial<SurgeryOptions> & {
  /** Decides in which order tasks meet; one seeded by the default generator unless given. */
  readonly generator?: Generator;
} & Partial<AdamOptions>;

/** What `PCGrad` stores in a checkpoint: the wrapped optimizer's state, and the generator's. */
export type PCGradState = OptimizerState & { readonly generator: GeneratorState };

const table = { reduction: oneOf(["sum", "mean"], "sum") } as const;

/**
 * PCGrad (Yu et al., arXiv 2001.06782, algorithm 1): for each task in turn, against the others in random order, the part
 * of its gradient that opposes theirs is taken out: `gᵢ −= ⟨gᵢ, gⱼ⟩ / ‖gⱼ‖² · gⱼ` where the product is negative; then
 * the sum is the gradient of the step. Products are taken over the parameters that at least two tasks reach; others
 * (heads) keep their gradient. Call `pcBackward([loss1, loss2, …])` instead of `loss.backward()`.
 */
export class PCGrad implements AnyOptimizer {
  static readonly declaration = { name: "PCGrad" } as const;
  /** The optimizer that does the steps. */
  readonly optimizer: AnyOptimizer;
  readonly #reduction: "sum" | "mean";
  readonly #generator: Generator;
  #ready = false;

  /**
   * @param target parameters, for which an Adam is made, or an optimizer
   * @throws TensorError `argument` for options or parameters that make no sense
   */
  constructor(target: Params<AdamOptions> | AnyOptimizer, options: PCGradOptions = {}) {
    const { reduction, generator = ownGenerator(), ...rest } = options;
    if (!(generator instanceof Generator)) throw argumentError("PCGrad", "generator", "a Generator", generator);
    this.#reduction = readOptions("PCGrad", table, { reduction }).reduction;
    this.#generator = generator;
    if (!isOptimizer(target)) {
      this.optimizer = new Adam(target, rest);
      return;
    }
    // Whatever is left are options of the optimizer that exists already.
    readOptions("PCGrad", {}, rest);
    this.optimizer = target;
  }

  /** The wrapped optimizer's groups. */
  get paramGroups(): AnyOptimizer["paramGroups"] {
    return this.optimizer.paramGroups;
  }

  /**
   * Adds the combined gradient of several losses to the parameters' `grad`. One forward pass may be shared by all.
   * @throws TensorError `argument`, `shape` for losses that are no scalars, `state` for one without gradient
   */
  pcBackward(losses: readonly Tensor[]): void {
    if (!Array.isArray(losses) || losses.length === 0) {
      throw argumentError("pcBackward", "losses", "a list of at least one loss", losses);
    }
    for (const loss of losses as readonly Tensor[]) {
      if (!(loss instanceof Tensor)) throw argumentError("pcBackward", "losses", "a list of tensors", loss);
      if (loss.numel !== 1) throw shapeError("pcBackward", "a loss must be one number", [loss.shape]);
    }
    const parameters = this.paramGroups.flatMap(({ params }) => params.filter((p) => p.requiresGrad));
    const last = losses.length - 1;
    const tasks = losses.map((loss, k) => grad(loss, parameters, { allowUnused: true, retainGraph: k < last }));
    const orders = drawOrders(losses.length, this.#generator);
    const combined = noGrad(() => combineGradients(tasks, orders, this.#reduction));
    addGradients(new Map(parameters.flatMap((p, i) => (combined[i] ? [[p, combined[i]] as const] : []))));
    for (const loss of losses) keep(loss);
    this.#ready = true;
  }

  /** The wrapped optimizer's step. @throws TensorError `state` unless `pcBackward` came before */
  step(): void {
    if (!this.#ready) {
      const message =
        "PCGrad.step: no pcBackward([loss1, loss2, …]) came before; after a plain backward() the gradients no longer know their tasks";
      throw new TensorError("state", message);
    }
    this.optimizer.step();
    this.#ready = false;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    this.optimizer.zeroGrad();
    this.#ready = false;
  }

  /** The wrapped optimizer's state, and the generator's. */
  stateDict(): PCGradState {
    return { ...this.optimizer.stateDict(), generator: this.#generator.state };
  }

  /** Takes over what `stateDict` gave. @throws TensorError `format`, and as the wrapped optimizer does */
  loadStateDict(state: PCGradState): void {
    const { generator, ...own } = state ?? {};
    const checked = new Generator();
    checked.state = generator;
    this.optimizer.loadStateDict(own);
    this.#generator.state = checked.state;
  }
}

const isOptimizer = (x: unknown): x is AnyOptimizer =>
  typeof x === "object" && x !== null && "paramGroups" in x && typeof (x as AnyOptimizer).step === "function";

/** Seeded by the default generator, but with a state of its own to save. */
const ownGenerator = (): Generator => new Generator(new HostRandom(defaultGenerator()).word());
