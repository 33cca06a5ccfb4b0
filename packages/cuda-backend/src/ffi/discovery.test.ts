import { describe, expect, it } from "vitest";
import { fileNames, type LibraryName, type Machine, placesOf } from "./discovery.js";

/** A machine with some folders and variables. */
const machine = (
  given: Partial<Machine> & { readonly folders?: Readonly<Record<string, readonly string[]>> },
): Machine => ({
  platform: "linux",
  env: {},
  home: "/home/me",
  list: (folder) => given.folders?.[folder] ?? [],
  output: () => undefined,
  ...given,
});

const paths = (library: LibraryName, m: Machine, driverMajor = 13): string[] => [
  ...placesOf(library, m, driverMajor).paths,
];

describe("the places of a library", () => {
  it("a named file is the only place: an option before a variable", () => {
    const m = machine({ env: { TORCHIUM_CUDA_NVRTC: "/a/libnvrtc.so" } });
    expect(placesOf("nvrtc", m, 13)).toEqual({ paths: ["/a/libnvrtc.so"], certain: true });
    expect(placesOf("nvrtc", m, 13, "/b/libnvrtc.so")).toEqual({ paths: ["/b/libnvrtc.so"], certain: true });
  });

  it("named folders, the toolkit's variables, the linker, usual folders, wheels: in this order", () => {
    const found = paths(
      "cublasLt",
      machine({
        env: { TORCHIUM_CUDA_LIBRARY_PATH: "/mine:/yours", CUDA_HOME: "/toolkit", VIRTUAL_ENV: "/venv" },
        folders: {
          "/usr/local": ["bin", "cuda-12.4", "cuda-13.0"],
          "/venv/lib": ["python3.12"],
          "/venv/lib/python3.12/site-packages/nvidia": ["cublas", "cu13", "cudnn"],
        },
      }),
    );
    const order = [
      "/mine/libcublasLt.so.13",
      "/yours/libcublasLt.so.13",
      "/toolkit/lib64/libcublasLt.so.13",
      "libcublasLt.so.13",
      "/usr/local/cuda-13.0/lib64/libcublasLt.so.13",
      "/usr/local/cuda-12.4/lib64/libcublasLt.so.12",
      "/venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
      "/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13",
    ];
    const at = order.map((path) => found.indexOf(path));
    expect(at).not.toContain(-1);
    expect(at).toEqual([...at].sort((a, b) => a - b));
  });

  it("Python is asked last, and only when all else has failed", () => {
    let asked = 0;
    const m = machine({
      output: () => {
        asked++;
        return "/python/site-packages\n";
      },
      folders: { "/python/site-packages/nvidia": ["cuda_nvrtc"] },
    });
    const places = placesOf("nvrtc", m, 13).paths[Symbol.iterator]();
    places.next();
    expect(asked).toBe(0);
    expect(paths("nvrtc", m).at(-1)).toBe("/python/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so");
    expect(asked).toBe(1);
  });

  it("versions that the driver supports come first", () => {
    expect(fileNames("nvrtc", "linux", 13)).toEqual(["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]);
    expect(fileNames("nvrtc", "linux", 12)).toEqual(["libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so"]);
    expect(fileNames("cublasLt", "win32", 13)).toEqual(["cublasLt64_13.dll", "cublasLt64_12.dll"]);
  });

  it("the driver is a system library: no toolkit, no wheel", () => {
    const m = machine({ env: { CUDA_HOME: "/toolkit" }, output: () => expect.unreachable("Python was asked") });
    expect(paths("driver", m).filter((path) => path.startsWith("/toolkit"))).toEqual([]);
    expect(paths("driver", m)).toContain("/usr/lib/wsl/lib/libcuda.so.1");
    expect(paths("driver", machine({ platform: "win32" }))).toEqual(["nvcuda.dll"]);
  });
});
