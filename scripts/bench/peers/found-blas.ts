// The vendor's library that takes part: the one that OPENBLAS_LIB names, or that `findBlas` finds as it would for a user.
import { type BlasLibrary, findBlas } from "@torchium/cpu-blas";

/** The library. @throws Error with the reason where there is none */
export async function foundBlas(): Promise<BlasLibrary> {
  const path = process.env.OPENBLAS_LIB;
  const found = await findBlas(path === undefined ? {} : { path });
  if ("missing" in found) throw new Error(`Error: ${found.missing}`);
  return found;
}
