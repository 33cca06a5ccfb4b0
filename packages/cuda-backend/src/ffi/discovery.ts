// Where NVIDIA's libraries may lie: a toolkit, a system package, or Python wheels. The places are a pure function of
// what the machine shows, so every rule can be tested without the libraries.

/** The libraries in use. */
export type LibraryName = "driver" | "nvrtc" | "cublasLt";

/** What discovery may ask of the machine. */
export type Machine = {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Names in a folder; none when it cannot be read. */
  readonly list: (folder: string) => readonly string[];
  /** What a command prints, or undefined when it fails. */
  readonly output: (command: string, args: readonly string[]) => string | undefined;
};

/** Places to look at, the likeliest first. `certain`: the user named the file, so nothing else is tried. */
export type Places = { readonly paths: Iterable<string>; readonly certain: boolean };

/** Environment variables that name a library's file. */
export const fileVariables = {
  driver: "TORCHIUM_CUDA_DRIVER",
  nvrtc: "TORCHIUM_CUDA_NVRTC",
  cublasLt: "TORCHIUM_CUDA_CUBLASLT",
} as const satisfies Record<LibraryName, string>;

/** Environment variable that names folders to look into. */
export const folderVariable = "TORCHIUM_CUDA_LIBRARY_PATH";

/** Major versions of NVRTC and cuBLASLt that are known to work, the newest first. */
const majors = [13, 12] as const;

/** File names of a library; of versioned ones those of `driverMajor` and older first. */
export function fileNames(library: LibraryName, platform: string, driverMajor: number): string[] {
  const windows = platform === "win32";
  if (library === "driver") return windows ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"];
  const usable = majors.filter((major) => major <= driverMajor);
  const order = [...usable, ...majors.filter((major) => !usable.includes(major))];
  const names = {
    nvrtc: windows ? (major: number) => `nvrtc64_${major}0_0.dll` : (major: number) => `libnvrtc.so.${major}`,
    cublasLt: windows ? (major: number) => `cublasLt64_${major}.dll` : (major: number) => `libcublasLt.so.${major}`,
  };
  const unversioned = windows ? [] : [`lib${library}.so`];
  return [...order.map(names[library]), ...unversioned];
}

/** Where to look for a library. `explicit` is the file that the program named. */
export function placesOf(library: LibraryName, machine: Machine, driverMajor: number, explicit?: string): Places {
  const named = explicit ?? machine.env[fileVariables[library]];
  if (named) return { paths: [named], certain: true };
  return { paths: likelyPaths(library, machine, driverMajor), certain: false };
}

function* likelyPaths(library: LibraryName, machine: Machine, driverMajor: number): Iterable<string> {
  const names = fileNames(library, machine.platform, driverMajor);
  const separator = machine.platform === "win32" ? "\\" : "/";
  const within = (folder: string) => names.map((name) => `${folder}${separator}${name}`);
  for (const folder of foldersIn(machine, folderVariable)) yield* within(folder);
  if (library !== "driver") {
    for (const variable of ["CUDA_HOME", "CUDA_PATH"]) {
      const root = machine.env[variable];
      if (root) for (const part of ["lib64", "lib", "bin"]) yield* within(`${root}${separator}${part}`);
    }
  }
  yield* names;
  for (const folder of usualFolders(library, machine)) yield* within(folder);
  if (library === "driver") return;
  for (const folder of wheelFolders(machine, sitePackages(machine))) yield* within(folder);
  // Starting Python takes a moment, so it is asked last.
  const script = "import site,sys;print('\\n'.join([*site.getsitepackages(),site.getusersitepackages(),*sys.path]))";
  const told = machine.output("python3", ["-c", script])?.split(/\r?\n/).filter(Boolean) ?? [];
  for (const folder of wheelFolders(machine, told)) yield* within(folder);
}

function foldersIn({ env, platform }: Machine, variable: string): string[] {
  return (env[variable] ?? "").split(platform === "win32" ? ";" : ":").filter(Boolean);
}

function usualFolders(library: LibraryName, { platform, list }: Machine): string[] {
  if (platform === "win32") return [];
  const system = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
  // Under Windows' Linux the driver lies apart; in some containers, too.
  if (library === "driver") return ["/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", ...system];
  const toolkits = list("/usr/local")
    .filter((name) => /^cuda(-[\d.]+)?$/.test(name))
    .sort()
    .reverse();
  return [...toolkits.map((name) => `/usr/local/${name}/lib64`), "/opt/cuda/lib64", ...system];
}

/** `site-packages` folders of the active environments. */
function sitePackages(machine: Machine): string[] {
  const { env, home, list, platform } = machine;
  const roots = [env["VIRTUAL_ENV"], env["CONDA_PREFIX"], `${home}/.local`, "/usr/local", "/usr"].filter(
    (root): root is string => Boolean(root),
  );
  const found = foldersIn(machine, "PYTHONPATH");
  for (const root of roots) {
    if (platform === "win32") found.push(`${root}\\Lib\\site-packages`);
    for (const name of list(`${root}/lib`)) {
      if (/^python3/.test(name)) found.push(`${root}/lib/${name}/site-packages`, `${root}/lib/${name}/dist-packages`);
    }
  }
  return found;
}

/** Folders of NVIDIA's wheels: one for all since CUDA 13, one a library before. */
function wheelFolders({ list, platform }: Machine, packages: readonly string[]): string[] {
  const separator = platform === "win32" ? "\\" : "/";
  const inner = platform === "win32" ? "bin" : "lib";
  return packages.flatMap((folder) => {
    const root = `${folder}${separator}nvidia`;
    const parts = list(root).filter((name) => /^(cu\d+|cuda_nvrtc|cublas)$/.test(name));
    return parts.map((part) => `${root}${separator}${part}${separator}${inner}`);
  });
}
