// How C functions are declared: one table row a function, from which both its native prototype and its TypeScript type
// follow. Handles and device addresses are JavaScript numbers: addresses of user space lie below 2⁴⁷.

/** Bytes that a C function may fill or read during a call. It must not keep their address. */
export type NativeBytes = ArrayBufferView | ArrayBuffer;

/** The C types in use, by koffi's names, and what they are in JavaScript. */
type NativeTypes = {
  readonly int: number;
  readonly uint8_t: number;
  readonly uint32_t: number;
  readonly int64_t: number;
  readonly uint64_t: number;
  /** A handle, or an address in device or pinned memory. */
  readonly uintptr_t: number;
  readonly "void *": NativeBytes | null;
  readonly "const char *": string | null;
  /** An array of texts. */
  readonly "const char **": readonly string[];
};

/** Name of a C type. */
export type NativeType = keyof NativeTypes;

/** A function's parameter and result types. */
export type Signature<A extends readonly NativeType[] = readonly NativeType[], R extends NativeType = NativeType> = {
  readonly parameters: A;
  readonly result: R;
};

/** Functions of a library by exported name. */
export type SignatureTable = Readonly<Record<string, Signature>>;

/** A function that returns a status code. */
export const status = <const A extends readonly NativeType[]>(...parameters: A): Signature<A, "int"> => ({
  parameters,
  result: "int",
});

/** A function that returns something else. */
export const returning = <R extends NativeType, const A extends readonly NativeType[]>(
  result: R,
  ...parameters: A
): Signature<A, R> => ({ parameters, result });

type ValuesOf<A extends readonly NativeType[]> = { readonly [I in keyof A]: NativeTypes[A[I]] };

type Call<S extends Signature> = (...args: ValuesOf<S["parameters"]>) => NativeTypes[S["result"]];
type Done<S extends Signature> = (error: Error | null, result: NativeTypes[S["result"]]) => void;

/** A bound function. `async` runs it on another thread: for pure functions only, never for the driver's. */
export type NativeFunction<S extends Signature> = Call<S> & {
  readonly async: (...args: [...ValuesOf<S["parameters"]>, Done<S>]) => void;
};

/** The functions of a table, ready to call. */
export type NativeFunctions<T extends SignatureTable> = { readonly [K in keyof T]: NativeFunction<T[K]> };
