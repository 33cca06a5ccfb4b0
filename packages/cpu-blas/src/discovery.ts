// Where a BLAS may lie: an active Python environment, the system, Python wheels. A pure function of what the machine shows,
// so every rule is tested without the libraries.

/** What discovery may ask of the machine. */
export interface Machine {
  readonly platform: string;
  /** Node's name of the processor's architecture. */
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Names in a folder; none when it cannot be read. */
  readonly list: (folder: string) => readonly string[];
}

/** Environment variable that names the library's file. */
export const fileVariable = "TORCHIUM_BLAS";

type Platform = "linux" | "darwin" | "win32";

// What a file of each library is called, the library to prefer first. Accelerate has one place and no file.
const fileNames = {
  linux: [/^lib(scipy_)?openblas.*\.so(\.\d+)*$/, /^libmkl_rt\.so(\.\d+)?$/, /^libblis(-mt)?\.so(\.\d+)*$/],
  darwin: [/^lib(scipy_)?openblas.*\.dylib$/, /^libmkl_rt(\.\d+)?\.dylib$/, /^libblis(-mt)?(\.\d+)?\.dylib$/],
  win32: [/^(lib)?(scipy_)?openblas.*\.dll$/i, /^mkl_rt(\.\d+)?\.dll$/i, /^(AOCL-)?(lib)?blis.*\.dll$/i],
} as const satisfies Record<Platform, readonly RegExp[]>;

// MKL's front loads the rest of itself at the first call and ends the process where that is missing.
const mklFront = /mkl_rt/;
const mklCore = /mkl_core/;

const linkerNames = {
  linux: ["libopenblas.so.0", "libopenblas.so", "libblis.so.4", "libblis.so"],
  darwin: ["libopenblas.dylib", "libblis.dylib"],
  win32: ["libopenblas.dll", "openblas.dll"],
} as const satisfies Record<Platform, readonly string[]>;

const accelerate = "/System/Library/Frameworks/Accelerate.framework/Accelerate";

const isKnown = (platform: string): platform is Platform => platform in fileNames;

/** Files and linker names to try, the likeliest first. */
export function* placesOf(machine: Machine): Iterable<string> {
  const { platform, env, home } = machine;
  if (!isKnown(platform)) return;
  const active = [env.CONDA_PREFIX, env.VIRTUAL_ENV].filter((root): root is string => Boolean(root));
  for (const root of active) yield* inEnvironment(machine, platform, root);
  if (platform === "darwin") yield accelerate;
  yield* linkerNames[platform];
  for (const folder of systemFolders(machine, platform)) yield* inFolder(machine, platform, folder);
  const roots = platform === "win32" ? [] : [`${home}/.local`, "/usr/local", "/usr"];
  for (const root of roots) yield* inWheels(machine, platform, root);
}

function* inEnvironment(machine: Machine, platform: Platform, root: string): Iterable<string> {
  const own = platform === "win32" ? `${root}\\Library\\bin` : `${root}/lib`;
  yield* inFolder(machine, platform, own);
  yield* inWheels(machine, platform, root);
}

function inFolder({ list }: Machine, platform: Platform, folder: string): string[] {
  const names = list(folder);
  const hasMklCore = names.some((name) => mklCore.test(name));
  const separator = platform === "win32" ? "\\" : "/";
  return fileNames[platform].flatMap((pattern) =>
    names
      .filter((name) => pattern.test(name) && (hasMklCore || !mklFront.test(name)))
      .sort()
      .map((name) => `${folder}${separator}${name}`),
  );
}

function systemFolders({ arch, list }: Machine, platform: Platform): string[] {
  if (platform === "win32") return ["C:\\Program Files (x86)\\Intel\\oneAPI\\mkl\\latest\\bin"];
  if (platform === "darwin") return ["/opt/homebrew/opt/openblas/lib", "/usr/local/opt/openblas/lib"];
  const triple = `/usr/lib/${arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
  // Debian has a folder for each kind of threads.
  const kinds = list(triple).filter((name) => /^(openblas|blis)\d*-/.test(name));
  const oneApi = "/opt/intel/oneapi/mkl/latest/lib";
  const general = [triple, "/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/OpenBLAS/lib"];
  return [...kinds.map((kind) => `${triple}/${kind}`), ...general, oneApi, `${oneApi}/intel64`];
}

/** Libraries that NumPy, SciPy and scipy-openblas bring along. */
function* inWheels(machine: Machine, platform: Platform, root: string): Iterable<string> {
  const { list } = machine;
  const windows = platform === "win32";
  const packages = windows
    ? [`${root}\\Lib\\site-packages`]
    : list(`${root}/lib`)
        .filter((name) => /^python3/.test(name))
        .map((name) => `${root}/lib/${name}/site-packages`);
  const separator = windows ? "\\" : "/";
  for (const folder of packages) {
    for (const inner of wheelFolders[platform]) {
      yield* inFolder(machine, platform, [folder, ...inner].join(separator));
    }
  }
}

const ownWheels = [
  ["scipy_openblas32", "lib"],
  ["scipy_openblas64", "lib"],
] as const;
const wheelFolders = {
  linux: [["numpy.libs"], ["scipy.libs"], ...ownWheels],
  darwin: [["numpy", ".dylibs"], ["scipy", ".dylibs"], ...ownWheels],
  win32: [["numpy.libs"], ["scipy.libs"], ...ownWheels],
} as const satisfies Record<Platform, readonly (readonly string[])[]>;
