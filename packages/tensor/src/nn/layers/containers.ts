// Containers: modules in order, in a list, or by name; parameters in a list or by name. Their keys are the positions or names.

import { isPlain } from "../../arguments.js";
import { argumentError, TensorError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import { type Member, Module } from "../module.js";
import { Parameter } from "../parameter.js";

/** A module from one tensor to one tensor. */
export type Layer = Module & { forward(x: Tensor): Tensor };

function checkModule(owner: string, value: unknown): void {
  if (!(value instanceof Module)) throw argumentError(owner, "an entry", "a Module", value);
}

function checkParameter(owner: string, value: unknown): void {
  if (!(value instanceof Parameter)) throw argumentError(owner, "an entry", "a Parameter", value);
}

abstract class Listed<M extends Module> extends Module implements Iterable<M> {
  readonly #items: M[] = [];

  protected override members(): readonly Member[] {
    return this.#items.map((value, i) => ({ key: String(i), value }));
  }

  /** How many there are. */
  get length(): number {
    return this.#items.length;
  }

  /** The one at a position, counted from the end when negative. @throws TensorError `index` */
  at(position: number): M {
    const found = this.#items.at(position);
    if (found && Number.isInteger(position)) return found;
    const size = this.#items.length;
    throw new TensorError(
      "index",
      `${this.constructor.name}: no such entry, got ${position}, expected an integer in [${-size}, ${size - 1}]`,
    );
  }

  /** Adds one at the end. @throws TensorError `argument` for anything but a Module */
  append(module: M): this {
    checkModule(this.constructor.name, module);
    this.#items.push(module);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#items.values();
  }
}

/** Modules applied one after the other. */
export class Sequential extends Listed<Layer> {
  /** @throws TensorError `argument` */
  constructor(...modules: readonly Layer[]) {
    super();
    for (const m of modules) this.append(m);
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (const m of this) y = m.forward(y);
    return y;
  }
}

const noForward = (name: string): TensorError =>
  new TensorError("unsupported", `${name}: has no forward of its own; call its entries'`);

/** A list of modules that a parent walks itself; it is what keeps an array's parameters from being lost. */
export class ModuleList<M extends Module = Module> extends Listed<M> {
  /** @throws TensorError `argument` */
  constructor(modules: Iterable<M> = []) {
    super();
    for (const m of modules) this.append(m);
  }

  /** Adds several at the end. */
  extend(modules: Iterable<M>): this {
    for (const m of modules) this.append(m);
    return this;
  }

  /** @throws TensorError `unsupported`: a list has no forward */
  forward(): never {
    throw noForward("ModuleList");
  }
}

/** What has a name each. The names are part of the keys as they are. */
abstract class Named<V extends Module | Parameter> extends Module implements Iterable<readonly [string, V]> {
  readonly #items = new Map<string, V>();

  /** @throws TensorError `argument` unless it may be an entry */
  protected abstract check(value: unknown): void;

  protected override members(): readonly Member[] {
    return [...this.#items].map(([key, value]) => ({ key, value }));
  }

  /** How many there are. */
  get size(): number {
    return this.#items.size;
  }

  /** Adds or replaces one. @throws TensorError `argument` for a name with a dot, or what may be no entry */
  set(name: string, value: V): this {
    this.check(value);
    if (typeof name !== "string" || name === "" || name.includes(".")) {
      throw argumentError(this.constructor.name, "a name", "not empty, without dots", name);
    }
    this.#items.set(name, value);
    return this;
  }

  /** The one of a name. @throws TensorError `argument` when there is none */
  get(name: string): V {
    const found = this.#items.get(name);
    if (found) return found;
    throw argumentError(this.constructor.name, "the name", `one of ${[...this.#items.keys()].join(", ")}`, name);
  }

  /** Whether there is one of that name. */
  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** Takes one out; whether there was one. */
  delete(name: string): boolean {
    return this.#items.delete(name);
  }

  /** Names in the order they were added. */
  keys(): string[] {
    return [...this.#items.keys()];
  }

  /** Entries in the order they were added. */
  values(): V[] {
    return [...this.#items.values()];
  }

  [Symbol.iterator](): Iterator<readonly [string, V]> {
    return this.#items.entries();
  }

  /** @throws TensorError `unsupported`: a dictionary has no forward */
  forward(): never {
    throw noForward(this.constructor.name);
  }
}

/** Modules by name. The names are part of the keys as they are. */
export class ModuleDict<M extends Module = Module> extends Named<M> {
  /** @throws TensorError `argument` */
  constructor(modules: Readonly<Record<string, M>> = {}) {
    super();
    for (const [name, m] of entriesOf("ModuleDict", "modules", modules)) this.set(name, m);
  }

  protected override check(value: unknown): void {
    checkModule("ModuleDict", value);
  }
}

/** Parameters by name that a module uses itself. The names are part of the keys as they are. */
export class ParameterDict extends Named<Parameter> {
  /** @throws TensorError `argument` */
  constructor(parameters: Readonly<Record<string, Parameter>> = {}) {
    super();
    for (const [name, p] of entriesOf("ParameterDict", "parameters", parameters)) this.set(name, p);
  }

  protected override check(value: unknown): void {
    checkParameter("ParameterDict", value);
  }
}

function entriesOf<V>(owner: string, field: string, given: Readonly<Record<string, V>>): [string, V][] {
  if (!isPlain(given)) throw argumentError(owner, field, "an object of them by name", given);
  return Object.entries(given);
}

/** A list of parameters that a module uses itself; it is what keeps an array's parameters from being lost. */
export class ParameterList extends Module implements Iterable<Parameter> {
  readonly #items: Parameter[] = [];

  /** @throws TensorError `argument` */
  constructor(parameters: Iterable<Parameter> = []) {
    super();
    for (const p of parameters) this.append(p);
  }

  protected override members(): readonly Member[] {
    return this.#items.map((value, i) => ({ key: String(i), value }));
  }

  /** How many there are. */
  get length(): number {
    return this.#items.length;
  }

  /** The one at a position, counted from the end when negative. @throws TensorError `index` */
  at(position: number): Parameter {
    const found = this.#items.at(position);
    if (found && Number.isInteger(position)) return found;
    const range = `[${-this.length}, ${this.length - 1}]`;
    throw new TensorError(
      "index",
      `ParameterList: no such entry, got ${String(position)}, expected an integer in ${range}`,
    );
  }

  /** Adds one at the end. @throws TensorError `argument` for anything but a Parameter */
  append(parameter: Parameter): this {
    checkParameter("ParameterList", parameter);
    this.#items.push(parameter);
    return this;
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.#items.values();
  }

  /** @throws TensorError `unsupported`: a list has no forward */
  forward(): never {
    throw noForward("ParameterList");
  }
}
