// The known libraries: how each is told from the others, what it says of itself, and how it is kept to the calling thread.

import type { Symbols } from "./symbols.js";

/** What a library says of itself. */
export interface Identity {
  readonly name: string;
  readonly version?: string;
  /** The processor whose kernels it chose. */
  readonly core?: string;
}

interface Vendor {
  /** What the library is, and its threads switched off; undefined where it is another one. @throws Error for unfit builds */
  readonly identify: (symbols: Symbols, path: string) => Identity | undefined;
}

const openBlas: Vendor = {
  identify({ find }) {
    const config = find("const char *", "openblas_get_config")?.();
    if (typeof config !== "string") return undefined;
    if (find("int", "openblas_get_parallel")?.() === 0) {
      throw new Error("this OpenBLAS is built for one thread and must not be called from several");
    }
    find("void", "openblas_set_num_threads", "int")?.(1);
    const core = find("const char *", "openblas_get_corename")?.();
    return { name: "OpenBLAS", ...versionIn(config, /OpenBLAS (\d[\w.]*)/), ...(core ? { core: String(core) } : {}) };
  },
};

const mkl: Vendor = {
  identify({ find }) {
    const getVersion = find("void", "MKL_Get_Version_String", "void *", "int");
    if (!getVersion) return undefined;
    // 1 is MKL_THREADING_SEQUENTIAL: no OpenMP is loaded.
    find("int", "MKL_Set_Threading_Layer", "int")?.(1);
    const bytes = new Uint8Array(256);
    getVersion(bytes, bytes.length);
    return { name: "MKL", ...versionIn(textOf(bytes), /Version (\d[\w.]*)/) };
  },
};

const blis: Vendor = {
  identify({ find }) {
    const version = find("const char *", "bli_info_get_version_str")?.();
    if (typeof version !== "string") return undefined;
    find("void", "bli_thread_set_num_threads", "int64_t")?.(1);
    const id = find("int", "bli_arch_query_id")?.();
    const core = id === undefined ? undefined : find("const char *", "bli_arch_string", "int")?.(id);
    return { name: "BLIS", version, ...(core ? { core: String(core) } : {}) };
  },
};

const accelerate: Vendor = {
  identify({ find }, path) {
    if (!/Accelerate\.framework|vecLib/.test(path)) return undefined;
    // 1 is BLAS_THREADING_SINGLE_THREADED; from macOS 15 on.
    find("int", "BLASSetThreading", "int")?.(1);
    return { name: "Accelerate" };
  },
};

const vendors = [openBlas, mkl, blis, accelerate] as const;

/** What a library is, with its own threads switched off. @throws Error where it must not be used on several threads */
export function identify(symbols: Symbols, path: string): Identity {
  for (const vendor of vendors) {
    const identity = vendor.identify(symbols, path);
    if (identity) return identity;
  }
  return { name: "an unknown BLAS" };
}

function versionIn(text: string, pattern: RegExp): { readonly version?: string } {
  const version = pattern.exec(text)?.[1];
  return version === undefined ? {} : { version };
}

const textOf = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(0, Math.max(0, bytes.indexOf(0))));
