// Binds a table of signatures to an opened library.

import type { Host } from "./host.js";
import type { NativeFunctions, SignatureTable } from "./signatures.js";

type Library = ReturnType<Host["koffi"]["load"]>;

/** The functions of `table` in `library`. @throws Error naming the first function that the library lacks */
export function bind<const T extends SignatureTable>(library: Library, table: T): NativeFunctions<T> {
  const entries = Object.entries(table).map(([name, { parameters, result }]) => [
    name,
    library.func(name, result, [...parameters]),
  ]);
  return Object.fromEntries(entries) as NativeFunctions<T>;
}
