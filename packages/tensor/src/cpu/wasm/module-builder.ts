// Builds one module: imports, functions, exports; `finish` gives the bytes of the binary format.
// Imports come before functions, as their indices do.

import { type Bytes, concatenate, nameBytes, sized, unsignedLeb, vector } from "./encoding.js";
import { type ValueType, valueTypeCode } from "./expression.js";
import {
  FunctionBuilder,
  type FunctionRef,
  type FunctionType,
  type ParamLocals,
  type Params,
} from "./function-builder.js";

/** Sections of a module by number, in the order the format wants. */
const section = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

/** Most pages (of 64 KiB) a 32-bit memory can have. */
export const maxMemoryPages = 65536;

/** Collects a module. `relaxedSimd` says whether `madd` and `nmadd` may be fused: see `detectFeatures`. */
export class ModuleBuilder {
  readonly #types: Bytes[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #imports: Bytes[] = [];
  readonly #functions: { readonly typeIndex: number; readonly builder: FunctionBuilder }[] = [];
  readonly #exports: Bytes[] = [];
  readonly #relaxedSimd: boolean;
  #importedFunctions = 0;

  constructor(options: { readonly relaxedSimd?: boolean } = {}) {
    this.#relaxedSimd = options.relaxedSimd ?? false;
  }

  /** Imports the memory all loads and stores use: any size fits, `shared` must be what the memory is. */
  importMemory(module: string, name: string, options: { readonly shared: boolean }): void {
    const limits = options.shared ? [0x03, 0x00, ...unsignedLeb(maxMemoryPages)] : [0x00, 0x00];
    this.#imports.push([...nameBytes(module), ...nameBytes(name), 0x02, ...limits]);
  }

  /** Imports the table of functions that `callIndirect` uses. */
  importTable(module: string, name: string): void {
    this.#imports.push([...nameBytes(module), ...nameBytes(name), 0x01, 0x70, 0x00, 0x00]);
  }

  /** Imports a function; must come before the first `function`. */
  importFunction<R extends ValueType | undefined = undefined>(
    module: string,
    name: string,
    type: { readonly params: readonly ValueType[]; readonly result?: R },
  ): FunctionRef<R> {
    const { typeIndex, ...rest } = this.type<R>(type);
    this.#imports.push([...nameBytes(module), ...nameBytes(name), 0x00, ...unsignedLeb(typeIndex)]);
    return { ...rest, index: this.#importedFunctions++ };
  }

  /** A function type, for `callIndirect`. */
  type<R extends ValueType | undefined = undefined>(type: {
    readonly params: readonly ValueType[];
    readonly result?: R;
  }): FunctionType & { readonly typeIndex: number; readonly result: R } {
    const results = type.result === undefined ? [] : [[valueTypeCode[type.result]]];
    const bytes = [0x60, ...vector(type.params.map((param) => [valueTypeCode[param]])), ...vector(results)];
    const key = bytes.join();
    const typeIndex = this.#typeIndex.get(key) ?? this.#types.push(bytes) - 1;
    this.#typeIndex.set(key, typeIndex);
    return { params: type.params, result: type.result as R, typeIndex };
  }

  /** Adds a function: `body` emits its code. With `export`, it can be called from outside by that name. */
  function<P extends Params, R extends ValueType | undefined = undefined>(
    type: { readonly params: P; readonly result?: R; readonly export?: string },
    body: (f: FunctionBuilder, params: ParamLocals<P>) => void,
  ): FunctionRef<R> {
    const params = Object.values(type.params);
    const { typeIndex, ...rest } = this.type<R>({ params, ...(type.result && { result: type.result }) });
    const builder = new FunctionBuilder(params, this.#relaxedSimd);
    const index = this.#importedFunctions + this.#functions.push({ typeIndex, builder }) - 1;
    if (type.export) this.#exports.push([...nameBytes(type.export), 0x00, ...unsignedLeb(index)]);
    const locals = Object.entries(type.params).map(([name, param], i) => [name, builder.param(param, i)]);
    body(builder, Object.fromEntries(locals) as ParamLocals<P>);
    return { ...rest, index };
  }

  /** The bytes of the module. */
  finish(): Uint8Array<ArrayBuffer> {
    const part = (id: number, items: readonly Bytes[]): Bytes => (items.length ? [id, ...sized(vector(items))] : []);
    const bodies = this.#functions.map(({ builder }) => builder.finish());
    const sizes = bodies.map((body) => unsignedLeb(body.length));
    const count = unsignedLeb(bodies.length);
    const codeLength = [count, ...sizes, ...bodies].reduce((total, { length }) => total + length, 0);
    const types = this.#functions.map(({ typeIndex }) => unsignedLeb(typeIndex));
    return concatenate([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      part(section.type, this.#types),
      part(section.import, this.#imports),
      part(section.function, types),
      part(section.export, this.#exports),
      ...(bodies.length ? [[section.code, ...unsignedLeb(codeLength)], count] : []),
      ...bodies.flatMap((body, i) => [sizes[i] as Bytes, body]),
    ]);
  }
}
