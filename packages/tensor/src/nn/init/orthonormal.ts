// Gram-Schmidt on the host, twice over each vector, which is as good as a QR decomposition with a positive diagonal.

/**
 * Makes `count` vectors of `length`, one after the other in `vectors`, orthonormal in place. Returns them, or undefined
 * when they are linearly dependent.
 */
export function orthonormalColumns(vectors: Float64Array, count: number, length: number): Float64Array | undefined {
  for (let k = 0; k < count; k++) {
    const v = vectors.subarray(k * length, (k + 1) * length);
    const before = Math.sqrt(dot(v, v));
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const u = vectors.subarray(j * length, (j + 1) * length);
        const along = dot(u, v);
        for (let i = 0; i < length; i++) v[i] = v[i]! - along * u[i]!;
      }
    }
    const norm = Math.sqrt(dot(v, v));
    if (!(norm > 1e-12 * before)) return undefined;
    for (let i = 0; i < length; i++) v[i] = v[i]! / norm;
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
