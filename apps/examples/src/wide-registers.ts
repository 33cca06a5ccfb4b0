// Wide registers hang on an experimental flag of the engine, so what it makes of kernels is held against plain arithmetic once,
// before a training run relies on it.
import { type Device, fromTypedArray, TensorError } from "@torchium/tensor";

const [rows, columns, inner] = [61, 67, 45] as const;

/** @throws TensorError `unsupported` when the device has no wide registers, or computes wrong with them */
export async function checkWideRegisters(device: Device): Promise<void> {
  const { backend } = device;
  if (!("wideSimd" in backend && backend.wideSimd === true)) {
    const engine = `Node ${process.version} on ${process.arch}`;
    const message = `--wide: the engine has no wide registers, got ${engine}, expected Node 24 or later`;
    throw new TensorError("unsupported", message, { op: "--wide" });
  }
  const whole = (count: number, step: number) => Float32Array.from({ length: count }, (_, i) => ((i * step) % 19) - 9);
  const [a, b] = [whole(rows * inner, 7), whole(inner * columns, 5)];
  const [x, y] = [fromTypedArray(a, [rows, inner], { device }), fromTypedArray(b, [inner, columns], { device })];
  const [product, exponential] = [await x.matmul(y).data(), await x.exp().data()];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[i * inner + k] * b[k * columns + j];
      // Whole numbers of this size are exact.
      compare("matmul", product[i * columns + j], sum, 0);
    }
  }
  a.forEach((value, i) => {
    compare("exp", exponential[i], Math.exp(value), 1e-6 * Math.exp(value));
  });
}

function compare(op: string, got: number | bigint, expected: number, tolerance: number): void {
  if (Math.abs(Number(got) - expected) <= tolerance) return;
  const message = `--wide: this engine computes ${op} wrong with wide registers, got ${got}, expected ${expected}`;
  throw new TensorError("unsupported", message, { op: "--wide" });
}
