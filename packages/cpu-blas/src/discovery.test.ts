import { describe, expect, it } from "vitest";
import { type Machine, placesOf } from "./discovery.js";

type Folders = Readonly<Record<string, readonly string[]>>;

const places = (folders: Folders, given: Partial<Machine> = {}): string[] => [
  ...placesOf({
    ...{ platform: "linux", arch: "x64", env: {}, home: "/home/me" },
    list: (folder) => folders[folder] ?? [],
    ...given,
  }),
];

describe("the places of a BLAS", () => {
  it("an active environment comes before the linker, the system and other people's wheels", () => {
    const triple = "/usr/lib/x86_64-linux-gnu";
    const found = places(
      {
        "/venv/lib": ["python3.12"],
        "/venv/lib/python3.12/site-packages/numpy.libs": ["libgfortran-1.so.5", "libscipy_openblas64_-32a4b2a6.so"],
        "/conda/lib": ["libmkl_core.so.2", "libmkl_rt.so.2", "libopenblas.so.0", "libc.so"],
        [triple]: ["openblas-pthread", "blis-openmp", "libopenblas.so.0"],
        [`${triple}/openblas-pthread`]: ["libopenblas.so.0", "libblas.so.3"],
        [`${triple}/blis-openmp`]: ["libblis.so.4"],
        "/usr/lib": ["python3"],
        "/usr/lib/python3/site-packages/scipy.libs": ["libscipy_openblas-6cdc3b4a.so"],
      },
      { env: { VIRTUAL_ENV: "/venv", CONDA_PREFIX: "/conda" } },
    );
    expect(found).toEqual([
      "/conda/lib/libopenblas.so.0",
      "/conda/lib/libmkl_rt.so.2",
      "/venv/lib/python3.12/site-packages/numpy.libs/libscipy_openblas64_-32a4b2a6.so",
      ...["libopenblas.so.0", "libopenblas.so", "libblis.so.4", "libblis.so"],
      `${triple}/openblas-pthread/libopenblas.so.0`,
      `${triple}/blis-openmp/libblis.so.4`,
      `${triple}/libopenblas.so.0`,
      "/usr/lib/python3/site-packages/scipy.libs/libscipy_openblas-6cdc3b4a.so",
    ]);
  });

  it("MKL's front is left alone where the rest of it is missing: it would end the process", () => {
    const folder = "/opt/intel/oneapi/mkl/latest/lib";
    expect(places({ [folder]: ["libmkl_rt.so.2"] })).not.toContain(`${folder}/libmkl_rt.so.2`);
    expect(places({ [folder]: ["libmkl_rt.so.2", "libmkl_core.so.2"] })).toContain(`${folder}/libmkl_rt.so.2`);
  });

  it("on a Mac Accelerate comes first, and Homebrew's OpenBLAS is known", () => {
    const brew = "/opt/homebrew/opt/openblas/lib";
    const found = places({ [brew]: ["libopenblas.dylib"] }, { platform: "darwin", arch: "arm64" });
    expect(found[0]).toBe("/System/Library/Frameworks/Accelerate.framework/Accelerate");
    expect(found.at(-1)).toBe(`${brew}/libopenblas.dylib`);
  });

  it("on Windows conda's folder and wheels are known", () => {
    const found = places(
      {
        "C:\\conda\\Library\\bin": ["mkl_rt.2.dll", "mkl_core.2.dll", "openblas.dll", "zlib.dll"],
        "C:\\conda\\Lib\\site-packages\\numpy.libs": ["libscipy_openblas64_-13e2df.dll"],
      },
      { platform: "win32", env: { CONDA_PREFIX: "C:\\conda" } },
    );
    expect(found).toEqual([
      "C:\\conda\\Library\\bin\\openblas.dll",
      "C:\\conda\\Library\\bin\\mkl_rt.2.dll",
      "C:\\conda\\Lib\\site-packages\\numpy.libs\\libscipy_openblas64_-13e2df.dll",
      ...["libopenblas.dll", "openblas.dll"],
    ]);
  });

  it("a system that nobody has thought of has none", () => {
    expect(places({}, { platform: "plan9" })).toEqual([]);
  });
});
