// NVIDIA's run-time compiler: kernels' text in, machine code for one GPU out.

import { TensorError, unreachable } from "@torchium/tensor/backend";
import { bind } from "../ffi/bind.js";
import { type Host, hasDeepStacks } from "../ffi/host.js";
import { nvrtcFunctions } from "../ffi/nvrtc-functions.js";
import { machineOf, openLibrary } from "../ffi/open-library.js";
import { OutSlot } from "../ffi/out-slots.js";
import type { NativeFunctions } from "../ffi/signatures.js";

/** `13.0` for 13000, as the driver counts versions. */
export const versionText = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;

/** Compilations at once on other threads: Node has four of them, and koffi refuses a crowd. */
const mostAside = 4;

type Compiled = { readonly code: Uint8Array; readonly log: string };

/** The compiler, opened, for one architecture. */
export class Nvrtc {
  /** `13.0`. */
  readonly version: string;
  readonly path: string;
  /** What every compilation is told. They are part of a kernel's identity. */
  readonly options: readonly string[];
  readonly #functions: NativeFunctions<typeof nvrtcFunctions>;
  readonly #out = new OutSlot();
  /** Libraries that it opens by name: they are closed when nothing refers to them any more. */
  readonly builtins: readonly unknown[];
  /** Whether the code is PTX, which the driver compiles to the end. */
  readonly #ptx: boolean;
  readonly #canRunAside: boolean;
  /** Compilations on other threads that have not ended. */
  readonly #asideCalls: Promise<void>[] = [];

  private constructor(
    functions: NativeFunctions<typeof nvrtcFunctions>,
    builtins: readonly unknown[],
    path: string,
    version: string,
    capability: number,
    canRunAside: boolean,
  ) {
    this.#canRunAside = canRunAside;
    this.#functions = functions;
    this.builtins = builtins;
    this.path = path;
    this.version = version;
    const newest = Math.max(...this.#architectures().filter((a) => a <= capability));
    if (newest === Number.NEGATIVE_INFINITY) {
      const message = `cuda: NVRTC ${version} does not know GPUs of compute capability ${capability / 10}; use an older one`;
      throw new TensorError("unsupported", message, { version, capability });
    }
    this.#ptx = newest !== capability;
    // Code for one GPU may use what only its architecture has, which `a` stands for from 9.0 on.
    const machine = `sm_${newest}${newest >= 90 ? "a" : ""}`;
    this.options = [
      `--gpu-architecture=${this.#ptx ? `compute_${newest}` : machine}`,
      "--std=c++17",
      // One expression has the same bits wherever it is written: kernels that find a maximum again rely on it.
      "--fmad=false",
    ];
  }

  /**
   * Opens the compiler for a GPU.
   * @throws TensorError `unsupported` where there is none, or none that the driver is new enough for
   */
  static open(host: Host, driverVersion: number, capability: number, explicit?: string): Nvrtc {
    const driverMajor = Math.floor(driverVersion / 1000);
    return openLibrary(host, machineOf(host), "nvrtc", driverMajor, explicit, (library, path) => {
      const builtins = loadBuiltins(host, path);
      const functions = bind(library, nvrtcFunctions);
      const [major, minor] = [new Int32Array(1), new Int32Array(1)];
      functions.nvrtcVersion(major, minor);
      const version = `${major[0]}.${minor[0]}`;
      if (major[0]! > driverMajor) {
        const driver = versionText(driverVersion);
        throw new Error(
          `NVRTC ${version} is newer than the driver, which supports CUDA ${driver}: update the driver, or install NVRTC ${driverMajor}`,
        );
      }
      return new Nvrtc(functions, builtins, path, version, capability, hasDeepStacks(host));
    });
  }

  /** Machine code of a kernel's text. @throws TensorError `internal` with the compiler's log */
  compile(source: string): Uint8Array {
    const program = this.#create(source);
    const { nvrtcCompileProgram } = this.#functions;
    return this.#finish(program, source, nvrtcCompileProgram(program, this.options.length, this.options)).code;
  }

  /** The same on another thread. */
  async compileAside(source: string): Promise<Uint8Array> {
    return (await this.#aside(source, this.options)).code;
  }

  /** What the assembler says of a kernel's text: registers, shared memory, bytes spilled. */
  async report(source: string): Promise<string> {
    return (await this.#aside(source, [...this.options, "--ptxas-options=-v"])).log;
  }

  async #aside(source: string, options: readonly string[]): Promise<Compiled> {
    while (this.#asideCalls.length >= mostAside) await Promise.race(this.#asideCalls);
    const call = this.#compileAside(source, options);
    const done = call.then(
      () => {},
      () => {},
    );
    this.#asideCalls.push(done);
    done.then(() => this.#asideCalls.splice(this.#asideCalls.indexOf(done), 1));
    return call;
  }

  async #compileAside(source: string, options: readonly string[]): Promise<Compiled> {
    const program = this.#create(source);
    const { nvrtcCompileProgram } = this.#functions;
    if (!this.#canRunAside) return this.#finish(program, source, nvrtcCompileProgram(program, options.length, options));
    const status = await new Promise<number>((resolve, reject) => {
      nvrtcCompileProgram.async(program, options.length, options, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    });
    return this.#finish(program, source, status);
  }

  #architectures(): number[] {
    const { nvrtcGetNumSupportedArchs, nvrtcGetSupportedArchs } = this.#functions;
    nvrtcGetNumSupportedArchs(this.#out.bytes);
    const all = new Int32Array(this.#out.int);
    nvrtcGetSupportedArchs(all);
    return [...all];
  }

  #create(source: string): number {
    this.#check(this.#functions.nvrtcCreateProgram(this.#out.bytes, source, "kernel.cu", 0, 0, 0), "create a program");
    return this.#out.word;
  }

  #finish(program: number, source: string, status: number): Compiled {
    const f = this.#functions;
    try {
      const log = new TextDecoder().decode(this.#bytes(program, f.nvrtcGetProgramLogSize, f.nvrtcGetProgramLog));
      if (status !== 0) {
        throw new TensorError("internal", `cuda: a kernel does not compile:\n${log}\n${source}`, { log, source });
      }
      const code = this.#ptx
        ? this.#bytes(program, f.nvrtcGetPTXSize, f.nvrtcGetPTX)
        : this.#bytes(program, f.nvrtcGetCUBINSize, f.nvrtcGetCUBIN);
      return { code, log };
    } finally {
      f.nvrtcDestroyProgram(new BigUint64Array([BigInt(program)]));
    }
  }

  #bytes(
    program: number,
    size: (program: number, out: Uint8Array) => number,
    get: (program: number, out: Uint8Array) => number,
  ): Uint8Array {
    this.#check(size(program, this.#out.bytes), "size a result");
    const bytes = new Uint8Array(this.#out.word);
    this.#check(get(program, bytes), "get a result");
    return bytes;
  }

  #check(code: number, action: string): void {
    if (code !== 0) unreachable(`NVRTC cannot ${action}: ${this.#functions.nvrtcGetErrorString(code)}`);
  }
}

/** NVRTC opens its second half by a bare name, which the linker finds only once it has been loaded by its path. */
function loadBuiltins({ koffi, fs, path: paths }: Host, path: string): readonly unknown[] {
  if (!path.includes("/") && !path.includes("\\")) return [];
  const folder = paths.dirname(path);
  const names = fs.readdirSync(folder).filter((name) => /^(lib)?nvrtc-builtins(?!.*alt)/.test(name));
  return names.map((name) => koffi.load(paths.join(folder, name)));
}
