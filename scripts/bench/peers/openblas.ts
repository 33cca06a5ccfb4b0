// A vendor's matrix product, OpenBLAS through koffi: `openblas.ts THREADS`. OPENBLAS_LIB names the library; otherwise the
// usual places are tried. OPENBLAS_CORETYPE=Haswell in the environment chooses its AVX2 kernel.
import koffi from "koffi";
import { serve, threadsAsked } from "../serve.js";
import { meanSize, wave } from "../work.js";

const places = [
  process.env.OPENBLAS_LIB,
  "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
  "libopenblas.so.0",
  "libopenblas.so",
  "libopenblas.dylib",
];

function load(): ReturnType<typeof koffi.load> {
  for (const place of places) {
    if (place === undefined) continue;
    try {
      return koffi.load(place);
    } catch {
      // The next place; when none is left the error below says so.
    }
  }
  throw new Error("no libopenblas found; OPENBLAS_LIB can name it");
}

const library = load();
const threads = threadsAsked();
library.func("void openblas_set_num_threads(int)")(threads);
const core = library.func("const char *openblas_get_corename()")() as string;
const sgemm = library.func(
  "void cblas_sgemm(int, int, int, int, int, int, float, float *, int, float *, int, float, _Out_ float *, int)",
);
const [rowMajor, plain, transposed] = [101, 111, 112];

await serve({ version: core, threads }, ({ op, sizes }) => {
  if (op !== "matmul") return undefined;
  const { m, n, k, batch, transposeA, transposeB } = sizes as Readonly<Record<string, number>> & typeof sizes;
  const a = wave(batch! * m! * k!, 0);
  const b = wave(batch! * k! * n!, 1);
  const c = new Float32Array(batch! * m! * n!);
  const part = (x: Float32Array, i: number): Float32Array =>
    x.subarray((i * x.length) / batch!, ((i + 1) * x.length) / batch!);
  const calls = Array.from({ length: batch! }, (_, i) => [part(a, i), part(b, i), part(c, i)] as const);
  const run = (): void => {
    for (const [x, y, z] of calls) {
      sgemm(
        ...[rowMajor, transposeA ? transposed : plain, transposeB ? transposed : plain, m, n, k, 1],
        ...[x, transposeA ? m : k, y, transposeB ? k : n, 0, z, n],
      );
    }
  };
  return {
    run,
    check: () => {
      run();
      return meanSize(c);
    },
  };
});
