// Finding a library, trying it, and handing it to the CPU backend.

import { type Blas, type NoBlas, TensorError } from "@torchium/tensor";
import { type OptionSpec, type OptionTable, readOptions } from "@torchium/tensor/options";
import { fileVariable, type Machine, placesOf } from "./discovery.js";
import { type Host, loadHost, messageOf } from "./host.js";
import { coreVariable, mistakenCore } from "./processor.js";
import { type ConnectProducts, type ProductsData, productsSource } from "./products-source.js";
import { checkProducts } from "./self-check.js";
import { integerBitsOf, type Symbols, symbolsOf } from "./symbols.js";
import { type Identity, identify } from "./vendors.js";

/** Options of `findBlas`. */
export type FindBlasOptions = {
  /** The library's file, or its name for the dynamic linker. The environment variable `TORCHIUM_BLAS` may name it, too. */
  readonly path?: string;
  /**
   * The processor whose kernels OpenBLAS shall use: `SkylakeX`, `Haswell`. Without it OpenBLAS chooses by itself, and where it
   * mistakes the processor for an old one it is opened anew with kernels that fit. It becomes `OPENBLAS_CORETYPE` of this
   * process and counts only for the first use of an OpenBLAS in it; other libraries do not read it.
   */
  readonly coreType?: string;
};

const name = (expected: string): OptionSpec<string | undefined> => ({
  kind: "word",
  expected,
  accepts: (x) => typeof x === "string" && x !== "",
  optional: true,
});

const table = {
  path: name("a file or a library's name"),
  coreType: name("a processor's name"),
} as const satisfies OptionTable<FindBlasOptions>;

/** A library that was found, ready for `createCpuDevice({ blas })`. */
export interface BlasLibrary extends Blas, Identity {
  /** The file, or the name that the dynamic linker found it by. */
  readonly path: string;
  /** Bits of its integers. */
  readonly integerBits: 32 | 64;
  /** What keeps it from its full speed, and what helps. */
  readonly warning?: string;
}

/** Multiply-adds of one matrix from which on a library beats the embedded product: see docs/performance.md. */
const leastMultiplyAdds = 32 ** 3;

/**
 * Finds a BLAS and switches its own threads off, for this whole process: the CPU backend calls it from all of its threads.
 * Looks into the active Python environment, the system's places and Python wheels; a file that is named is the only one tried.
 * @returns the library, or why there is none.
 * @throws TensorError `unsupported` where a file was named and cannot be used, `argument` for options that it has not and for
 *   a `coreType` that the OpenBLAS which was found did not take
 */
export async function findBlas(options: FindBlasOptions = {}): Promise<BlasLibrary | NoBlas> {
  const { path, coreType } = readOptions("findBlas", table, options);
  const named = path ?? globalThis.process?.env?.[fileVariable];
  let host: Host;
  try {
    host = await loadHost();
  } catch (error) {
    if (named || !TensorError.is(error)) throw error;
    return { missing: error.message };
  }
  if (coreType === undefined) return look(host, named, coreType);
  const before = process.env[coreVariable];
  process.env[coreVariable] = coreType;
  try {
    return look(host, named, coreType);
  } catch (error) {
    if (before === undefined) delete process.env[coreVariable];
    else process.env[coreVariable] = before;
    throw error;
  }
}

function look(host: Host, named: string | undefined, coreType: string | undefined): BlasLibrary | NoBlas {
  const cpuInfo = readText(host, "/proc/cpuinfo");
  if (named) {
    try {
      return open(host, named, cpuInfo, coreType);
    } catch (error) {
      if (TensorError.is(error)) throw error;
      const message = `findBlas: the library cannot be used: ${messageOf(error)}, got ${named}, expected a BLAS with CBLAS`;
      throw new TensorError("unsupported", message, { path: named }, error);
    }
  }
  let refusal: string | undefined;
  for (const path of new Set(placesOf(machineOf(host)))) {
    try {
      const library = open(host, path, cpuInfo, coreType);
      // The embedded products are faster than kernels for processors of long ago.
      if (library.warning === undefined) return library;
      refusal ??= `not used: ${library.warning}`;
    } catch (error) {
      if (TensorError.is(error)) throw error;
      // The linker knows no such name, which is no news; a file that is there and does not work is.
      if (host.fs.existsSync(path)) refusal ??= `${path}: ${messageOf(error)}`;
    }
  }
  return { missing: refusal ?? "no BLAS was found in the usual places" };
}

/** A library before it was tried. */
interface Opened {
  readonly symbols: Symbols;
  readonly identity: Identity;
  /** The core that OpenBLAS should have chosen. */
  readonly fitting: string | undefined;
}

function load(host: Host, path: string, cpuInfo: string): Opened & { readonly unload: () => void } {
  const library = host.koffi.load(path);
  const symbols = symbolsOf(library);
  const identity = identify(symbols, path);
  const fitting = identity.name === "OpenBLAS" ? mistakenCore(identity.core, cpuInfo) : undefined;
  return { symbols, identity, fitting, unload: () => library.unload() };
}

/**
 * Loads a library; an OpenBLAS that mistakes the processor once more, with the core it should have chosen. That counts
 * where nobody else in the process has it open, and on the main thread, whose environment is the process's own.
 * @throws TensorError `argument` for an OpenBLAS that did not take `coreType`: it ignores what it does not know
 */
function loadFitting(host: Host, path: string, cpuInfo: string, coreType: string | undefined): Opened {
  const first = load(host, path, cpuInfo);
  const { name, core } = first.identity;
  if (coreType !== undefined && name === "OpenBLAS" && core !== undefined) {
    if (core.toLowerCase() === coreType.toLowerCase()) return { ...first, fitting: undefined };
    first.unload();
    const wrong = `${titleOf(first.identity)}, ${path}, did not take coreType and chose ${core}`;
    const expected = "one that it knows and that can run here, before anything has opened it, on the main thread";
    const message = `findBlas: ${wrong}, got ${coreType}, expected ${expected}`;
    throw new TensorError("argument", message, { path, coreType, core });
  }
  if (first.fitting === undefined || process.env[coreVariable] !== undefined) return first;
  first.unload();
  process.env[coreVariable] = first.fitting;
  try {
    return load(host, path, cpuInfo);
  } finally {
    delete process.env[coreVariable];
  }
}

const titleOf = ({ name, version }: Identity): string => (version ? `${name} ${version}` : name);

/** Opens a library and tries it. @throws Error where it cannot be used */
function open(host: Host, path: string, cpuInfo: string, coreType: string | undefined): BlasLibrary {
  const { symbols, identity, fitting } = loadFitting(host, path, cpuInfo, coreType);
  const integerBits = integerBitsOf(symbols);
  const data: ProductsData = {
    koffi: host.require.resolve("koffi"),
    path,
    names: { float32: symbols.nameOf("cblas_sgemm"), float64: symbols.nameOf("cblas_dgemm") },
    integer: integerBits === 64 ? "int64_t" : "int",
  };
  const connectProducts = host.vm.runInThisContext(productsSource) as ConnectProducts;
  const connect: Blas["connect"] = (memory) => connectProducts(memory, data, host.require);
  checkProducts(connect as (memory: WebAssembly.Memory) => ReturnType<ConnectProducts>);
  const title = identity.core ? `${titleOf(identity)} (${identity.core})` : titleOf(identity);
  const advice = `it takes this processor for an old one; set ${coreVariable}=${fitting}, or coreType of findBlas`;
  const facts = { ...identity, path, integerBits, ...(fitting && { warning: `${title}, ${path}: ${advice}` }) };
  const library: BlasLibrary = {
    ...facts,
    description: `${title}, ${path}${fitting ? ` (${advice})` : ""}`,
    leastMultiplyAdds,
    connect,
    worker: { source: productsSource, data },
  };
  // What Node prints: without the text of a whole program.
  return Object.defineProperty(library, Symbol.for("nodejs.util.inspect.custom"), { value: () => facts });
}

function readText({ fs }: Host, path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function machineOf({ fs, os }: Host): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    env: process.env,
    home: os.homedir(),
    list: (folder) => {
      try {
        return fs.readdirSync(folder);
      } catch {
        return [];
      }
    },
  };
}
