// A vendor's matrix product, OpenBLAS through koffi with its own threads: `openblas.ts THREADS`. It is the library that
// `findBlas` gives to ours, with the kernels chosen there; OPENBLAS_CORETYPE=Haswell in the environment chooses those for AVX2.
import koffi from "koffi";
import { serve, threadsAsked } from "../serve.js";
import { meanSize, wave } from "../work.js";
import { foundBlas } from "./found-blas.js";

const { path, name, version, core } = await foundBlas();
if (name !== "OpenBLAS") throw new Error(`Error: ${path} is ${name}; OPENBLAS_LIB can name an OpenBLAS`);
const library = koffi.load(path);
const threads = threadsAsked();
library.func("void openblas_set_num_threads(int)")(threads);
const sgemm = library.func(
  "void cblas_sgemm(int, int, int, int, int, int, float, float *, int, float *, int, float, _Out_ float *, int)",
);
const [rowMajor, plain, transposed] = [101, 111, 112];

await serve({ version: `${version} ${core}`, threads }, ({ op, sizes }) => {
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
