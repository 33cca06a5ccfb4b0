// Module: what every layer, model and criterion extends. It finds its parameters, buffers and submodules by looking at
// its own properties, in the order they are declared, and names them as PyTorch would.

import { gradientOf } from "../control.js";
import { checkDType, type DType, type FloatType, isFloat } from "../dtype.js";
import { TensorError } from "../errors.js";
import { Device } from "../graph/device.js";
import { makeLeaf, type Tensor } from "../tensor.js";
import { snakeCase } from "./names.js";
import { Parameter, rehouse } from "./parameter.js";
import { type Entry, type LoadOptions, type LoadResult, loadInto, type StateDict } from "./state-dict.js";

/** What lies directly in a module, under its own part of the key: a parameter, a saved buffer or a module. */
export type Member = { readonly key: string; readonly value: Tensor | Module };

/** The base of layers, models and criteria: assign parameters and modules to properties, and write `forward`. */
export abstract class Module {
  /** Whether dropout and its like are active; `train()` and `eval()` set it here and below. */
  training = true;
  readonly #buffers = new Map<string, { readonly persistent: boolean }>();

  /** Computes the module's output. */
  abstract forward(...args: never[]): unknown;

  /**
   * Keeps a tensor that is no parameter with the module: it is computed now, moves with `to`, and is saved unless
   * `persistent` is false. Returns what to assign to the property `name`.
   */
  protected registerBuffer(name: string, tensor: Tensor, { persistent = true }: { persistent?: boolean } = {}): Tensor {
    const held = tensor.detach().contiguous();
    makeLeaf(held);
    this.#buffers.set(name, { persistent });
    this.#setBuffer(name, held);
    return held;
  }

  /**
   * Parameters, saved buffers and submodules that lie directly in this module, in PyTorch's order. Containers with keys
   * of their own override it. @throws TensorError `state` for modules in an array, which would go unnoticed
   */
  protected members(): readonly Member[] {
    const tensors: Member[] = [];
    const modules: Member[] = [];
    for (const [name, value] of Object.entries(this)) {
      const key = snakeCase(name);
      if (value instanceof Module) modules.push({ key, value });
      else if (value instanceof Parameter) tensors.push({ key, value });
      else if (Array.isArray(value) && value.some((x) => x instanceof Module || x instanceof Parameter)) {
        throw new TensorError(
          "state",
          `${this.constructor.name}: what an array holds is not found, got ${name}, expected a ModuleList or Sequential`,
          { property: name },
        );
      }
    }
    for (const [name, { persistent }] of this.#buffers) {
      if (persistent) tensors.push({ key: snakeCase(name), value: this.#buffer(name) });
    }
    return [...tensors, ...modules];
  }

  /** The tree of modules with the shapes of their parameters, a line each, as PyTorch prints it. */
  toString(): string {
    const members = this.members();
    const own = members.flatMap(({ key, value }) =>
      value instanceof Module ? [] : [`${key}=[${value.shape.join(", ")}]`],
    );
    const below = members.flatMap(({ key, value }) =>
      value instanceof Module ? [`  (${key}): ${String(value).replaceAll("\n", "\n  ")}\n`] : [],
    );
    const title = `${this.constructor.name}(${own.join(", ")}`;
    return below.length === 0 ? `${title})` : `${title}\n${below.join("")})`;
  }

  /** What Node prints: the tree. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** This module and all below it, each once, with the keys they are first found at; this one's is empty. */
  namedModules(): [string, Module][] {
    const found = new Map<Module, string>();
    const visit = (module: Module, key: string): void => {
      if (found.has(module)) return;
      found.set(module, key);
      for (const m of module.members()) if (m.value instanceof Module) visit(m.value, join(key, m.key));
    };
    visit(this, "");
    return [...found].map(([module, key]) => [key, module]);
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** The submodules that lie directly in this one, each once, with their keys. */
  namedChildren(): [string, Module][] {
    const found = new Map<Module, string>();
    for (const { key, value } of this.members())
      if (value instanceof Module && !found.has(value)) found.set(value, key);
    return [...found].map(([module, key]) => [key, module]);
  }

  /** The submodules that lie directly in this one, each once. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** Parameters here and below with their keys in the state dictionary; a shared one appears once, under its first. */
  namedParameters(): [string, Parameter][] {
    const found = new Map<Parameter, string>();
    for (const { key, tensor } of this.#entries()) {
      if (tensor instanceof Parameter && !found.has(tensor)) found.set(tensor, key);
    }
    return [...found].map(([parameter, key]) => [key, parameter]);
  }

  /** Parameters here and below, each once. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Buffers here and below with their keys, those that are not saved included. */
  namedBuffers(): [string, Tensor][] {
    return this.namedModules().flatMap(([prefix, module]) =>
      [...module.#buffers.keys()].map((name): [string, Tensor] => [
        join(prefix, snakeCase(name)),
        module.#buffer(name),
      ]),
    );
  }

  /** Buffers here and below. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /**
   * Parameters and saved buffers by PyTorch's keys; a shared one appears under each of its keys. The tensors stand for
   * the current values: read or save them before the next update, or `keep(tensor.clone())`.
   */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.#entries().map(({ key, tensor }) => [key, tensor.detach()]));
  }

  /**
   * Overwrites parameters and saved buffers with those of `dict`, all or none. A shared one may come under any of its
   * keys. `strict: false` lets keys be missing or unexpected, and returns them.
   * @throws TensorError `format` for missing or unexpected keys, `shape`, `dtype`, `device`
   */
  loadStateDict(dict: StateDict, options: LoadOptions = {}): LoadResult {
    return loadInto(this.constructor.name, this.#entries(), dict, options);
  }

  /** Training mode here and below: dropout is active. */
  train(on = true): this {
    for (const m of this.modules()) m.training = on;
    return this;
  }

  /** Evaluation mode here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Moves parameters, their gradients and buffers to a device, or converts the floating ones to a dtype, in place. */
  to(dtype: FloatType): this;
  to(device: Device): Promise<this>;
  to(target: DType | Device): this | Promise<this> {
    if (target instanceof Device) return this.#move(target);
    const dtype = checkDType("Module.to", target);
    if (!isFloat(dtype)) {
      throw new TensorError(
        "dtype",
        `Module.to: needs a floating dtype, got ${dtype}, expected float32, float64, bfloat16 or float16`,
      );
    }
    this.#replace((t) => (isFloat(t.dtype) ? t.to(dtype) : t));
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const p of this.parameters()) p.grad = undefined;
  }

  /** Says whether the parameters here and below take gradients. */
  requiresGrad_(on = true): this {
    for (const p of this.parameters()) p.requiresGrad = on;
    return this;
  }

  /** Calls `fn` with every module below and then this one, for example to initialise by kind of layer. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  #buffer(name: string): Tensor {
    return (this as unknown as Readonly<Record<string, Tensor>>)[name]!;
  }

  #setBuffer(name: string, tensor: Tensor): void {
    Object.assign(this, { [name]: tensor });
  }

  /** Every parameter and saved buffer by every key it has. */
  #entries(): Entry[] {
    const entries: Entry[] = [];
    const open = new Set<Module>();
    const visit = (module: Module, prefix: string): void => {
      if (open.has(module)) {
        throw new TensorError("state", `${this.constructor.name}: a module contains itself, got it again at ${prefix}`);
      }
      open.add(module);
      for (const { key, value } of module.members()) {
        if (value instanceof Module) visit(value, join(prefix, key));
        else entries.push({ key: join(prefix, key), tensor: value });
      }
      open.delete(module);
    };
    visit(this, "");
    return entries;
  }

  async #move(device: Device): Promise<this> {
    const moved = new Map<Tensor, Tensor>();
    for (const t of [...this.parameters(), ...this.buffers()]) {
      moved.set(t, await t.detach().to(device));
      const gradient = gradientOf(t);
      if (gradient) moved.set(gradient, await gradient.to(device));
    }
    this.#replace((t) => moved.get(t)!);
    return this;
  }

  #replace(by: (t: Tensor) => Tensor): void {
    for (const [key, p] of this.namedParameters()) {
      if (p.rowGradients.length === 0) continue;
      const message = `Module.to: a row-sparse gradient stays where it is, got one of ${key}; step or zeroGrad first`;
      throw new TensorError("state", message, { key });
    }
    for (const p of this.parameters()) {
      const gradient = gradientOf(p);
      rehouse(p, by(p));
      if (gradient) p.grad = by(gradient);
    }
    for (const module of this.modules()) {
      for (const name of module.#buffers.keys()) module.#setBuffer(name, by(module.#buffer(name)));
    }
  }
}

const join = (prefix: string, key: string): string => (prefix === "" ? key : `${prefix}.${key}`);
