// What CUDA C++ offers only through headers, as functions of one PTX instruction each: the only text with assembly. The
// emulator brings C++ functions of the same names, and defines TORCHIUM_EMULATED.

import type { HalfType } from "@torchium/tensor/backend";

/** A function for devices; the emulator has its own. */
const onDevice = (text: string): string => `#ifndef TORCHIUM_EMULATED\n${text}\n#endif`;

/** Functions by name. */
export const deviceFunctions = {
  float16_to_float: onDevice(`__device__ __forceinline__ float float16_to_float(unsigned short x) {
  float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x)); return y;
}`),
  float_to_float16: onDevice(`__device__ __forceinline__ unsigned short float_to_float16(float x) {
  unsigned short y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y;
}`),
  bfloat16_to_float: `__device__ __forceinline__ float bfloat16_to_float(unsigned short x) {
  return __uint_as_float((unsigned)x << 16);
}`,
  // GPUs before 8.0 have no instruction for it.
  float_to_bfloat16: onDevice(`__device__ __forceinline__ unsigned short float_to_bfloat16(float x) {
#if __CUDA_ARCH__ >= 800
  unsigned short y; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y;
#else
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7fc0 : (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
#endif
}`),
  exp2_approx: onDevice(`__device__ __forceinline__ float exp2_approx(float x) {
  float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y;
}`),
} as const;

const packOf = (type: HalfType): string => `__device__ __forceinline__ unsigned pack_${type}(float low, float high) {
  unsigned y; asm("cvt.rn.${ptxType[type]}x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low)); return y;
}`;

const multiplyOf = (
  type: HalfType,
): string => `__device__ __forceinline__ void multiply_${type}(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.${ptxType[type]}.${ptxType[type]}.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}`;

const ptxType = { float16: "f16", bfloat16: "bf16" } as const satisfies Record<HalfType, string>;

const loadOf = (
  name: string,
  turn: string,
): string => `__device__ __forceinline__ void ${name}(unsigned (&to)[4], const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4${turn}.shared.b16 {%0, %1, %2, %3}, [%4];"
    : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"((unsigned)__cvta_generic_to_shared(row)));
}`;

/**
 * What kernels on tensor cores are made of, for GPUs of compute capability 8.0 and later:
 * - `multiply_TYPE` adds A·B to C, 16 × 16 times 16 × 8, all lanes of a warp together; `pack_TYPE` rounds two numbers into
 *   one register of A.
 * - `load_matrices` reads four 8 × 8 matrices of 16-bit numbers from shared memory, lane i giving row i % 8 of matrix i / 8;
 *   `load_matrices_turned` transposes each.
 * - `copy_async` copies 16 bytes from global to shared memory, zeros where `bytes` is 0. They have arrived for the thread
 *   that asked for them when `wait_copies<n>` has let at most n later groups, which `commit_copies` ends, be under way.
 */
export const tensorCoreFunctions = (type: HalfType): string =>
  [
    deviceFunctions.exp2_approx,
    onDevice(
      [
        packOf(type),
        multiplyOf(type),
        loadOf("load_matrices", ""),
        loadOf("load_matrices_turned", ".trans"),
        `__device__ __forceinline__ void copy_async(unsigned short* to, const unsigned short* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes) : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int n> __device__ __forceinline__ void wait_copies() { asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory"); }`,
      ].join("\n"),
    ),
  ].join("\n");
