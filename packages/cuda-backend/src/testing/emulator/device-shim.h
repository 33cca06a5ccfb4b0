// CUDA C++ for the host compiler: put before a kernel's text, it turns threads into calls and barriers into switches.
// Only what generated kernels use is here; anything else fails to compile, as a reminder to add it with its meaning.
#pragma once
#define TORCHIUM_EMULATED
#include "abi.h"
#include "half-floats.h"

extern "C" {
EmulatorThread* emulator_thread;
const EmulatorHost* emulator_host;
}

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__
#define __grid_constant__
#define __align__(bytes) alignas(bytes)
// One block runs at a time, so a block's shared variables are the module's. Their section lets the emulator fill them.
#define __shared__ static __attribute__((section("emulator_shared")))
#define threadIdx (emulator_thread->thread)
#define blockIdx (emulator_thread->block)
#define blockDim (emulator_thread->block_size)
#define gridDim (emulator_thread->grid_size)

inline void __syncthreads() { emulator_host->sync_block(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator_host->exchange(mask, 0); }

template <class T>
inline unsigned long long emulator_bits(T value) {
  static_assert(sizeof(T) <= 8, "shuffles move up to eight bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
inline T emulator_shuffle(unsigned mask, T value, unsigned source) {
  const unsigned long long* values = emulator_host->exchange(mask, emulator_bits(value));
  T out;
  __builtin_memcpy(&out, &values[source], sizeof(T));
  return out;
}
inline unsigned emulator_lane() {
  const EmulatorThread& t = *emulator_thread;
  return ((t.thread.z * t.block_size.y + t.thread.y) * t.block_size.x + t.thread.x) % 32;
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int distance) {
  return emulator_shuffle(mask, value, emulator_lane() ^ distance);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance) {
  const unsigned lane = emulator_lane();
  return emulator_shuffle(mask, value, lane >= distance ? lane - distance : lane);
}
template <class T>
inline T __shfl_sync(unsigned mask, T value, int source) {
  return emulator_shuffle(mask, value, source & 31);
}

#include "tensor-cores.h"

inline unsigned __ballot_sync(unsigned mask, bool vote) {
  const unsigned long long* votes = emulator_host->exchange(mask, vote);
  unsigned out = 0;
  for (int i = 0; i < 32; i++)
    if (mask >> i & 1 && votes[i]) out |= 1u << i;
  return out;
}
inline int __ffs(int x) { return __builtin_ffs(x); }

inline unsigned long long atomicMin(unsigned long long* place, unsigned long long value) {
  const unsigned long long old = *place;
  if (value < old) *place = value;
  return old;
}

inline float exp2_approx(float x) { return __builtin_exp2f(x); }
inline float expf(float x) { return __builtin_expf(x); }
inline double exp(double x) { return __builtin_exp(x); }
inline float logf(float x) { return __builtin_logf(x); }
inline double log(double x) { return __builtin_log(x); }
inline float log1pf(float x) { return __builtin_log1pf(x); }
inline double log1p(double x) { return __builtin_log1p(x); }
inline float expm1f(float x) { return __builtin_expm1f(x); }
inline double expm1(double x) { return __builtin_expm1(x); }
inline float sqrtf(float x) { return __builtin_sqrtf(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline float rsqrtf(float x) { return (float)(1 / __builtin_sqrt((double)x)); }
inline double rsqrt(double x) { return 1 / __builtin_sqrt(x); }
inline float tanhf(float x) { return __builtin_tanhf(x); }
inline double tanh(double x) { return __builtin_tanh(x); }
inline float erff(float x) { return __builtin_erff(x); }
inline double erf(double x) { return __builtin_erf(x); }
inline float sinf(float x) { return __builtin_sinf(x); }
inline double sin(double x) { return __builtin_sin(x); }
inline float cosf(float x) { return __builtin_cosf(x); }
inline double cos(double x) { return __builtin_cos(x); }
inline float powf(float x, float y) { return __builtin_powf(x, y); }
inline double pow(double x, double y) { return __builtin_pow(x, y); }
inline float floorf(float x) { return __builtin_floorf(x); }
inline double floor(double x) { return __builtin_floor(x); }
inline float ceilf(float x) { return __builtin_ceilf(x); }
inline double ceil(double x) { return __builtin_ceil(x); }
inline float truncf(float x) { return __builtin_truncf(x); }
inline double trunc(double x) { return __builtin_trunc(x); }
inline float rintf(float x) { return __builtin_rintf(x); }
inline double rint(double x) { return __builtin_rint(x); }
inline float fabsf(float x) { return __builtin_fabsf(x); }
inline double fabs(double x) { return __builtin_fabs(x); }
inline float fminf(float x, float y) { return __builtin_signbit(x) ? (x <= y ? x : y) : (y <= x ? y : x); }
inline float fmaxf(float x, float y) { return __builtin_signbit(x) ? (y >= x ? y : x) : (x >= y ? x : y); }
inline double fmin(double x, double y) { return __builtin_signbit(x) ? (x <= y ? x : y) : (y <= x ? y : x); }
inline double fmax(double x, double y) { return __builtin_signbit(x) ? (y >= x ? y : x) : (x >= y ? x : y); }
inline float fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
inline double fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }

// A device saturates where C leaves the result open. NaN gives 0, from double precision the least integer.
inline int __float2int_rz(float x) {
  return x != x ? 0 : x >= 2147483648.0f ? 2147483647 : x < -2147483648.0f ? -2147483647 - 1 : (int)x;
}
inline unsigned __float2uint_rz(float x) { return !(x > 0.0f) ? 0 : x >= 4294967296.0f ? 4294967295u : (unsigned)x; }
inline int __double2int_rz(double x) {
  return x != x || x <= -2147483649.0 ? -2147483647 - 1 : x >= 2147483648.0 ? 2147483647 : (int)x;
}
inline unsigned __double2uint_rz(double x) {
  return x != x ? 2147483648u : x <= 0.0 ? 0 : x >= 4294967296.0 ? 4294967295u : (unsigned)x;
}
template <class To, class From>
inline To emulator_as(From value) {
  To out;
  __builtin_memcpy(&out, &value, sizeof(To));
  return out;
}
inline float __uint_as_float(unsigned x) { return emulator_as<float>(x); }
inline float __int_as_float(int x) { return emulator_as<float>(x); }
inline double __longlong_as_double(long long x) { return emulator_as<double>(x); }

// Kernels take their arguments by value; the emulator keeps a copy of each launch's.
template <int... I>
struct EmulatorIndices {};
template <int N, int... I>
struct EmulatorCount : EmulatorCount<N - 1, N - 1, I...> {};
template <int... I>
struct EmulatorCount<0, I...> {
  using type = EmulatorIndices<I...>;
};
template <class... A, int... I>
inline void emulator_apply(void (*kernel)(A...), void** arguments, EmulatorIndices<I...>) {
  kernel(*(A*)arguments[I]...);
}
template <class... A>
inline void emulator_call(void (*kernel)(A...), void** arguments) {
  emulator_apply(kernel, arguments, typename EmulatorCount<sizeof...(A)>::type());
}
template <class... A>
inline const int* emulator_sizes(void (*)(A...)) {
  static const int sizes[] = {sizeof(A)..., 0};
  return sizes;
}
template <class... A>
inline int emulator_argument_count(void (*)(A...)) {
  return sizeof...(A);
}

extern "C" {
extern char __start_emulator_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulator_shared[] __attribute__((weak, visibility("hidden")));
}

#define EMULATOR_MODULE(waits) \
  extern "C" EmulatorModule emulator_module() { \
    return {&emulator_thread, &emulator_host, __start_emulator_shared, __stop_emulator_shared, waits}; \
  }
#define EMULATOR_KERNEL(name, threads) \
  extern "C" EmulatorKernel emulator_kernel_##name() { \
    return {[](void** a) { emulator_call(name, a); }, emulator_argument_count(name), emulator_sizes(name), threads}; \
  }
