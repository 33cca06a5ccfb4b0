// Builds one function: typed locals, structured control flow with callbacks, statements made of expressions.
// Code is emitted in the order of the calls; constants of the pool are set once, before everything else.

import { type Bytes, unsignedLeb } from "./encoding.js";
import {
  type Code,
  type Expr,
  expr,
  type Local,
  localOpcode,
  type Operand,
  operand,
  type ValueType,
  writeCode,
} from "./expression.js";
import { f32x4, f64x2, i32, relaxed, type Vector, v128 } from "./instructions.js";
import { encodeBody, type Span } from "./local-slots.js";
import { type Statement, stores } from "./memory-effects.js";

/** A jump target: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

/** Parameter types by name; the order of the keys is the order of the parameters. */
export type Params = Readonly<Record<string, ValueType>>;
/** The locals that hold the parameters. */
export type ParamLocals<P extends Params> = { readonly [K in keyof P]: Local<P[K]> };

/** A function's type: what it takes and, at most one, what it gives. */
export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly result: ValueType | undefined;
}

/** A function of the module, to call by `FunctionBuilder.call`. */
export interface FunctionRef<R extends ValueType | undefined = ValueType | undefined> extends FunctionType {
  readonly index: number;
  readonly result: R;
}

/** What `call` gives: an expression for functions with a result, nothing (the call is emitted) for those without. */
export type CallResult<R extends ValueType | undefined> = R extends ValueType ? Expr<R> : undefined;

type Stores = {
  readonly [K in keyof typeof stores]: (...args: Parameters<(typeof stores)[K]>) => void;
};

// One method a store, shared by all builders: making them anew for each function took longer than its code.
const storePrototype = Object.fromEntries(
  Object.entries(stores).map(([name, build]) => [
    name,
    function (this: { emit: (statement: Statement) => void }, ...args: never[]) {
      this.emit((build as (...args: never[]) => Statement)(...args));
    },
  ]),
);

// The 16 bytes of the constant that is being looked up.
const scratchBytes = new ArrayBuffer(16);
const scratch = {
  u8: new Uint8Array(scratchBytes),
  i32: new Int32Array(scratchBytes),
  i64: new BigInt64Array(scratchBytes),
  f32: new Float32Array(scratchBytes),
  f64: new Float64Array(scratchBytes),
};

/** Collects the body of one function. Made by `ModuleBuilder.function`. */
export class FunctionBuilder {
  /** Whether `madd` and `nmadd` may use relaxed SIMD. */
  readonly relaxedSimd: boolean;
  /** Stores and other statements on memory, by name: `f.store.v128(address, value, offset)`. */
  readonly store: Stores;

  readonly #body: Code[] = [];
  readonly #prologue: Code[] = [];
  readonly #locals: ValueType[] = [];
  readonly #spans: Span[] = [];
  readonly #paramCount: number;
  readonly #constants = new Map<string, Local<"v128">>();
  #depth = 0;

  constructor(params: readonly ValueType[], relaxedSimd: boolean) {
    this.relaxedSimd = relaxedSimd;
    this.#paramCount = params.length;
    this.#locals.push(...params);
    this.store = Object.create(storePrototype, { emit: { value: (statement: Statement) => this.#emit(statement) } });
  }

  /** The local that holds parameter number `index`. */
  param<T extends ValueType>(type: T, index: number): Local<T> {
    return { type, args: [], code: [{ opcode: localOpcode.get, local: index }], index };
  }

  /**
   * A new local, set to `value` here when one is given; else it must be set before it is read. Locals are for naming values: those
   * that are set once share slots with others whose time does not overlap.
   */
  local<T extends ValueType>(type: T, value?: Operand<T>): Local<T> {
    const local = this.param(type, this.#locals.push(type) - 1);
    if (value !== undefined) this.set(local, value);
    return local;
  }

  /** `local = value`. */
  set<T extends ValueType>(local: Local<T>, value: Operand<T>): void {
    this.#emit({ args: [operand(local.type, value)], code: [{ opcode: localOpcode.set, local: local.index }] });
  }

  /** Sets `local` and gives the value: for a use inside a larger expression. */
  tee<T extends ValueType>(local: Local<T>, value: Operand<T>): Expr<T> {
    return expr(local.type, [operand(local.type, value)], [{ opcode: localOpcode.tee, local: local.index }]);
  }

  /** `local += amount`, wrapping. */
  increment(local: Local<"i32">, amount: Operand<"i32">): void {
    this.set(local, i32.add(local, amount));
  }

  /** Vector constants in locals set once at the start of the function (engines do not hoist `v128.const` from loops). */
  readonly constants = {
    f32x4: (value: number): Local<"v128"> => this.#constant(() => scratch.f32.fill(value)),
    f64x2: (value: number): Local<"v128"> => this.#constant(() => scratch.f64.fill(value)),
    i32x4: (...values: [number] | [number, number, number, number]): Local<"v128"> =>
      this.#constant(() => {
        for (let i = 0; i < 4; i++) scratch.i32[i] = values[i] ?? values[0];
      }),
    i64x2: (value: bigint): Local<"v128"> => this.#constant(() => scratch.i64.fill(value)),
    bytes: (bytes: Uint8Array): Local<"v128"> => this.#constant(() => scratch.u8.set(bytes)),
  };

  /** Four-lane `a * b + c`: one rounding with relaxed SIMD (on processors with FMA), two without. */
  madd(a: Vector, b: Vector, c: Vector): Vector {
    return this.relaxedSimd ? relaxed.maddF32x4(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
  }

  /** Four-lane `c - a * b`, as `madd`. */
  nmadd(a: Vector, b: Vector, c: Vector): Vector {
    return this.relaxedSimd ? relaxed.nmaddF32x4(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
  }

  /** Two-lane double precision `a * b + c`, as `madd`. */
  madd64(a: Vector, b: Vector, c: Vector): Vector {
    return this.relaxedSimd ? relaxed.maddF64x2(a, b, c) : f64x2.add(f64x2.mul(a, b), c);
  }

  /** Two-lane double precision `c - a * b`, as `madd`. */
  nmadd64(a: Vector, b: Vector, c: Vector): Vector {
    return this.relaxedSimd ? relaxed.nmaddF64x2(a, b, c) : f64x2.sub(c, f64x2.mul(a, b));
  }

  /** Runs `body`; a branch to its label leaves it. */
  block(body: (end: Label) => void): void {
    this.#nest([0x02, 0x40], body);
  }

  /** Runs `body` once; a branch to its label starts it over. */
  loop(body: (start: Label) => void): void {
    this.#nest([0x03, 0x40], body, true);
  }

  /** Runs `then` when `condition` is nonzero, else `otherwise`. */
  if(condition: Operand<"i32">, then: () => void, otherwise?: () => void): void {
    this.#emit({ args: [operand("i32", condition)], code: [0x04, 0x40] });
    this.#span(then, false);
    if (otherwise) {
      this.#body.push(0x05);
      this.#span(otherwise, false);
    }
    this.#body.push(0x0b);
  }

  /** Runs `body` as long as `condition`, evaluated anew each time, is nonzero; a branch to the label leaves. */
  while(condition: Operand<"i32">, body: (end: Label) => void): void {
    this.block((end) => {
      this.loop((start) => {
        this.brUnless(end, condition);
        body(end);
        this.br(start);
      });
    });
  }

  /** `for (index = from; index < to; index += step)`, signed; `to` and `step` are evaluated each turn. */
  for(
    index: Local<"i32">,
    from: Operand<"i32">,
    to: Operand<"i32">,
    step: Operand<"i32">,
    body: (end: Label) => void,
  ): void {
    this.set(index, from);
    // Tested once before and then at the bottom: one branch a turn.
    this.block((end) => {
      this.brIf(end, i32.geS(index, to));
      this.loop((start) => {
        body(end);
        this.increment(index, step);
        this.brIf(start, i32.ltS(index, to));
      });
    });
  }

  /** Jumps to a label. */
  br(label: Label): void {
    this.#body.push(0x0c, ...this.#relative(label));
  }

  /** Jumps when `condition` is nonzero. */
  brIf(label: Label, condition: Operand<"i32">): void {
    this.#emit({ args: [operand("i32", condition)], code: [0x0d, ...this.#relative(label)] });
  }

  /** Jumps when `condition` is zero. */
  brUnless(label: Label, condition: Operand<"i32">): void {
    this.brIf(label, i32.eqz(condition));
  }

  /** Leaves the function, with its result if it has one. */
  return(value?: Expr): void {
    this.#emit({ args: value ? [value] : [], code: [0x0f] });
  }

  /** Traps. */
  unreachable(): void {
    this.#body.push(0x00);
  }

  /** Evaluates for the effect and drops the value. */
  drop(value: Expr): void {
    this.#emit({ args: [value], code: [0x1a] });
  }

  /** Calls a function: emitted here if it has no result, else an expression. */
  call<R extends ValueType | undefined>(callee: FunctionRef<R>, ...args: readonly Operand[]): CallResult<R> {
    return this.#call(callee, callee.params, args, [], [0x10, ...unsignedLeb(callee.index)]) as CallResult<R>;
  }

  /** Calls entry `index` of the imported table, which must have type `type` (else it traps); `typeIndex` is the type's. */
  callIndirect<R extends ValueType | undefined>(
    type: FunctionType & { readonly typeIndex: number; readonly result: R },
    index: Operand<"i32">,
    ...args: readonly Operand[]
  ): CallResult<R> {
    const bytes = [0x11, ...unsignedLeb(type.typeIndex), 0x00];
    return this.#call(type, type.params, args, [operand("i32", index)], bytes) as CallResult<R>;
  }

  /** Copies `byteLength` bytes; the ranges may overlap. */
  memoryCopy(to: Operand<"i32">, from: Operand<"i32">, byteLength: Operand<"i32">): void {
    this.#emit({ args: [to, from, byteLength].map((x) => operand("i32", x)), code: [0xfc, 0x0a, 0x00, 0x00] });
  }

  /** Sets `byteLength` bytes to the low byte of `value`. */
  memoryFill(to: Operand<"i32">, value: Operand<"i32">, byteLength: Operand<"i32">): void {
    this.#emit({ args: [to, value, byteLength].map((x) => operand("i32", x)), code: [0xfc, 0x0b, 0x00] });
  }

  /** The finished code without its length: declarations of locals and the body. */
  finish(): Uint8Array {
    // The constants' assignments come first, so that their lives begin before any loop's.
    const shift = this.#prologue.length;
    const spans = this.#spans.map((span) => ({ ...span, start: span.start + shift, end: span.end + shift }));
    return encodeBody([...this.#prologue, ...this.#body, 0x0b], this.#locals, this.#paramCount, spans);
  }

  #emit(statement: Statement): void {
    writeCode(this.#body, statement);
  }

  #nest(opening: Bytes, body: (label: Label) => void, isLoop = false): void {
    this.#body.push(...opening);
    this.#span(body, isLoop);
    this.#body.push(0x0b);
  }

  #span(body: (label: Label) => void, isLoop: boolean): void {
    const start = this.#body.length;
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    this.#spans.push({ start, end: this.#body.length, isLoop });
  }

  #relative(label: Label): Bytes {
    return unsignedLeb(this.#depth - label.depth);
  }

  #constant(write: () => void): Local<"v128"> {
    write();
    const key = scratch.i32.join();
    const known = this.#constants.get(key);
    if (known) return known;
    const local = this.local("v128");
    writeCode(this.#prologue, v128.const(scratch.u8));
    this.#prologue.push({ opcode: localOpcode.set, local: local.index });
    this.#constants.set(key, local);
    return local;
  }

  #call(type: FunctionType, params: readonly ValueType[], args: readonly Operand[], more: Expr[], code: Bytes) {
    const values = [...params.map((param, i) => operand(param, args[i] as Operand<typeof param>)), ...more];
    if (type.result !== undefined) return expr(type.result, values, code);
    this.#emit({ args: values, code });
    return undefined;
  }
}
