// The functions of a library by their plain names. Builds that must not clash with others decorate every name, and those
// with 64-bit integers often end theirs in 64_.

import type { Library } from "./host.js";

const decorations = [
  { prefix: "", suffix: "" },
  { prefix: "scipy_", suffix: "" },
  { prefix: "scipy_", suffix: "64_" },
  { prefix: "", suffix: "64_" },
  { prefix: "", suffix: "_64" },
] as const;

/** C types of the functions in use, by koffi's names. */
type NativeType = "int" | "int64_t" | "void" | "void *" | "float *" | "const char *";

/** Finds functions of a library. */
export interface Symbols {
  /** The name as the library has it. */
  readonly nameOf: (name: string) => string;
  /** A function, or undefined where the library has none of that name. */
  readonly find: (
    result: NativeType,
    name: string,
    ...parameters: readonly NativeType[]
  ) => ((...args: readonly unknown[]) => unknown) | undefined;
}

/** The symbols of a library that has CBLAS under some decoration. @throws Error where it has none */
export function symbolsOf(library: Library): Symbols {
  const find = (result: NativeType, name: string, parameters: readonly NativeType[]) => {
    try {
      return library.func(name, result, [...parameters]) as (...args: readonly unknown[]) => unknown;
    } catch {
      return undefined;
    }
  };
  const decoration = decorations.find(({ prefix, suffix }) => find("void", `${prefix}cblas_sgemm${suffix}`, []));
  if (!decoration) throw new Error("it has no cblas_sgemm");
  const nameOf = (name: string): string => `${decoration.prefix}${name}${decoration.suffix}`;
  return { nameOf, find: (result, name, ...parameters) => find(result, nameOf(name), parameters) };
}

/**
 * Whether the library's integers have 32 or 64 bits: asked for the largest of 2 + (−2³² where the upper half counts) numbers,
 * every BLAS answers 0 for a negative count.
 */
export function integerBitsOf({ find }: Symbols): 32 | 64 {
  const isamax = find("int", "cblas_isamax", "int64_t", "float *", "int64_t");
  if (!isamax) throw new Error("it has no cblas_isamax");
  return isamax(2 - 2 ** 32, Float32Array.of(1, 3), 1) === 1 ? 32 : 64;
}
