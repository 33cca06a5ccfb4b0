// OpenBLAS chooses its kernels by the processor's model; one newer than the library gets those of an old processor, at a fifth
// of the speed. The flags that Linux lists tell.

/** The environment variable that tells OpenBLAS, when it is loaded, which processor's kernels to take. */
export const coreVariable = "OPENBLAS_CORETYPE";

/** OpenBLAS's names of kernels that do without 256-bit registers. */
const oldCores = new Set(
  [
    ...["Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Atom", "Nano", "Katmai", "Coppermine", "Northwood"],
    ...["Banias", "Athlon", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat"],
  ].map((name) => name.toLowerCase()),
);

/** What `OPENBLAS_CORETYPE` should be for a processor with these flags; undefined for one that is old indeed. */
function fittingCore(flags: ReadonlySet<string>): string | undefined {
  if (["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"].every((flag) => flags.has(flag))) return "SkylakeX";
  return flags.has("avx2") && flags.has("fma") ? "Haswell" : undefined;
}

/** The core that OpenBLAS should have chosen instead of `core`, where it took the processor for an old one. */
export function mistakenCore(core: string | undefined, cpuInfo: string): string | undefined {
  if (core === undefined || !oldCores.has(core.toLowerCase())) return undefined;
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1];
  return flags === undefined ? undefined : fittingCore(new Set(flags.trim().split(/\s+/)));
}
