// What CUDA C++ offers only through headers, as functions of one PTX instruction each: the only text with assembly. The
// emulator brings C++ functions of the same names, and defines TORCHIUM_EMULATED.

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
} as const;
