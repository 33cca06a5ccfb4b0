// The base of every optimizer: parameter groups, per-parameter state, and one update a step.
// A step records everything first and overwrites at the end, so an error leaves parameters and state as they were.

import {
  assignAll,
  type Device,
  gradientOf,
  type LiveOperations,
  liveOperations,
  noGrad,
  rowGradientOf,
  type Tensor,
  zeros,
} from "@torchium/tensor";
import { checkOptions, flag, type OptionTable, readOptions } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration, RuleInput, RuleResult } from "./declaration.js";
import { checkParameters, groupsOf, type ParamGroup, type ParamGroupInit, type Params } from "./parameters.js";
import { applyToRows } from "./row-gradient.js";
import { checkState, copyTensors, type OptimizerState, type ParameterState } from "./state-dict.js";
import { wideRule } from "./wide-rule.js";

/** What every optimizer can do, also those that wrap another one. */
export interface AnyOptimizer {
  /** The groups in use; their options may be changed between steps. */
  readonly paramGroups: readonly (ParamGroup<{ readonly lr: number }> & Readonly<Record<string, unknown>>)[];
  /** Updates every parameter that has a gradient. */
  step(): void;
  /** Forgets the gradients of all parameters. */
  zeroGrad(): void;
  /** What to store in a checkpoint. */
  stateDict(): OptimizerState;
  /** Continues where `state` was taken. */
  loadStateDict(state: OptimizerState): void;
}

type RuleContext<H> = Omit<RuleInput<H, string>, "gradient">;

type Update = {
  readonly parameter: Tensor;
  readonly state: ParameterState;
  readonly pairs: readonly [Tensor, Tensor][];
};

const maximize = flag(false);

/** Parameters and how they are updated. */
export abstract class Optimizer<H extends CommonOptions> implements AnyOptimizer {
  readonly paramGroups: (ParamGroup<H> & Readonly<Record<string, unknown>>)[] = [];
  /** What groups get that say nothing else. */
  readonly defaults: H;
  readonly #declaration: OptimizerDeclaration<H>;
  readonly #table: OptionTable<H>;
  readonly #state = new Map<Tensor, ParameterState>();

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(declaration: OptimizerDeclaration<H>, params: Params<H>, options: Partial<H>) {
    this.#declaration = { ...declaration, rule: wideRule(declaration.rule) };
    this.#table = { ...declaration.options, maximize } as unknown as OptionTable<H>;
    this.defaults = this.#resolve(options);
    this.#declaration.check?.(this.defaults);
    for (const group of groupsOf(declaration.name, params)) this.addParamGroup(group);
  }

  /** Adds parameters, with options of their own. @throws TensorError `argument` */
  addParamGroup(group: ParamGroupInit<H>): void {
    const { name, check } = this.#declaration;
    const { params, ...own } = group;
    const options = this.#resolve(own, this.defaults);
    check?.(options);
    const taken = new Set(this.paramGroups.flatMap((g) => g.params));
    this.paramGroups.push({ ...options, params: checkParameters(name, params, taken) });
  }

  /**
   * Updates every parameter that has a gradient, in one submission a device. Nothing runs on the host but bookkeeping.
   * @throws TensorError `argument` when a group's options have become invalid, `unsupported` for a row-sparse gradient
   *   that this optimizer cannot take
   */
  step(): void {
    const { name } = this.#declaration;
    this.#checkOptions();
    const updates = noGrad(() => liveOperations(this.paramGroups.flatMap((group) => this.#updatesOf(group))));
    const byDevice = new Map<Device, [Tensor, Tensor][]>();
    for (const { parameter, pairs } of updates) {
      const list = byDevice.get(parameter.device);
      if (list) list.push(...pairs);
      else byDevice.set(parameter.device, [...pairs]);
    }
    for (const pairs of byDevice.values()) assignAll(pairs, `${name}.step`);
    for (const { parameter, state } of updates) this.#state.set(parameter, state);
  }

  #checkOptions(): void {
    const { name, check } = this.#declaration;
    this.paramGroups.forEach((group, i) => {
      const place = this.paramGroups.length > 1 ? `paramGroups[${i}].` : "";
      checkOptions(name, this.#table, group, place);
      check?.(group);
    });
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const p of params) p.grad = undefined;
  }

  /** Step counts, state tensors and options, in PyTorch's structure. The tensors are those in use, not copies. */
  stateDict(): OptimizerState {
    const index = new Map(this.paramGroups.flatMap((g) => g.params).map((p, i) => [p, i]));
    const numbers = (params: readonly Tensor[]): number[] => params.map((p) => index.get(p)!);
    const state = [...this.#state].map(([p, { step, tensors }]) => [index.get(p)!, { step, ...tensors }] as const);
    state.sort(([a], [b]) => a - b);
    return {
      state: Object.fromEntries(state),
      paramGroups: this.paramGroups.map(({ params, ...options }) => ({ ...options, params: numbers(params) })),
    };
  }

  /**
   * Takes over what `stateDict` gave, options included. Tensors are copied.
   * @throws TensorError `format` unless it fits these parameters; `device` for tensors elsewhere; nothing is changed then
   */
  loadStateDict(state: OptimizerState): void {
    const { name, state: slots } = this.#declaration;
    const { options, states } = checkState(name, this.paramGroups, slots, state);
    const resolved = options.map((given) => this.#resolve(given, this.defaults));
    const loaded = copyTensors(name, states);
    this.paramGroups.forEach((group, i) => Object.assign(group, resolved[i]));
    this.#state.clear();
    for (const [parameter, one] of loaded) this.#state.set(parameter, one);
  }

  #resolve(given: object, defaults: object = {}): H {
    return readOptions(this.#declaration.name, this.#table, given, defaults) as unknown as H;
  }

  #updatesOf(group: ParamGroup<H>): LiveOperations<Update>[] {
    const declaration = this.#declaration;
    const uphill = (gradient: Tensor): Tensor => (group.maximize ? gradient.neg() : gradient);
    const live = (parameter: Tensor, apply: (input: RuleContext<H>) => RuleResult<string>): LiveOperations<Update> => {
      const record = (): Update => this.#updateOf(parameter, group, apply);
      return {
        record,
        again: () => {
          this.#checkOptions();
          return noGrad(record);
        },
        stamp: () => this.#state.get(parameter)?.step ?? 0,
        advance: () => {
          const { step, tensors } = this.#state.get(parameter)!;
          this.#state.set(parameter, { step: step + 1, tensors });
        },
      };
    };
    return group.params.flatMap((parameter) => {
      const gradient = gradientOf(parameter);
      if (gradient) return [live(parameter, (x) => declaration.rule({ ...x, gradient: uphill(gradient) }))];
      const rows = rowGradientOf(parameter);
      if (!rows) return [];
      const { indices, values, products } = rows;
      const signed = {
        indices,
        values: uphill(values),
        ...(products && { products: { ...products, weights: uphill(products.weights) } }),
      };
      return [live(parameter, (x) => applyToRows(declaration, signed, x))];
    });
  }

  #updateOf(parameter: Tensor, options: H, apply: (input: RuleContext<H>) => RuleResult<string>): Update {
    const { state: slots } = this.#declaration;
    const before = this.#state.get(parameter);
    const used = Object.entries(slots).filter(([, { when }]) => when?.(options) ?? true);
    const { shape, dtype, device } = parameter;
    const tensors = { ...before?.tensors };
    const made = new Set<string>();
    for (const [name, slot] of used) {
      if (tensors[name]) continue;
      const fresh = zeros(slot.shape === "parameter" ? shape : [], { dtype, device });
      tensors[name] = slot.initial ? fresh.add(slot.initial(options)) : fresh;
      made.add(name);
    }
    const step = (before?.step ?? 0) + 1;
    const result = apply({ parameter, state: tensors, options, step, isNew: (slot) => made.has(slot) });
    const pairs: [Tensor, Tensor][] = [[parameter, result.parameter]];
    for (const [name, value] of Object.entries(result.state)) if (value) pairs.push([tensors[name]!, value]);
    return { parameter, state: { step, tensors }, pairs };
  }
}
