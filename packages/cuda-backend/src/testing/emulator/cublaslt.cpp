// libcublasLt: products of column-major matrices by plain loops, with the library's descriptors and its checks.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "half-floats.h"
#include "state.h"

namespace {

enum Status { ok = 0, invalid = 7, not_supported = 15 };
enum Type { float32 = 0, float64 = 1, float16 = 2, bfloat16 = 14 };

int element_bytes(int type) { return type == float64 ? 8 : type == float32 ? 4 : 2; }

struct Float16 {
  unsigned short bits;
};
struct BFloat16 {
  unsigned short bits;
};

struct Description {
  int compute, scale;
  int transpose_a = 0, transpose_b = 0;
  /** 1 for none, or bits: 4 a bias along the rows of the output, 32 GELU, 64 its gradient, 128 with its input as a matrix. */
  int epilogue = 1;
  const void* bias = nullptr;
  void* aux = nullptr;
  int64_t aux_leading = 0;

  bool adds_bias() const { return epilogue & 4; }
  bool has_aux() const { return epilogue & 128; }
};

/** The epilogues of the real library that there are here. */
bool known(int epilogue) {
  for (int e : {1, 4, 32, 32 | 4, 32 | 128, 32 | 128 | 4, 64 | 128})
    if (e == epilogue) return true;
  return false;
}

const float root = 0.7978845608028654f, cubic = 0.044715f;
float gelu(float x) { return 0.5f * x * (1 + tanhf(root * (x + cubic * x * x * x))); }
float gelu_slope(float x) {
  const float t = tanhf(root * (x + cubic * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * root * (1 + 3 * cubic * x * x);
}

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t leading;
  int batches = 1;
  int64_t batch_stride = 0;
};

struct Preference {
  uint64_t workspace = 0;
};

struct HeuristicResult {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "the library's own size");

double wide(double x) { return x; }
float wide(float x) { return x; }
float wide(Float16 x) { return float16_to_float(x.bits); }
float wide(BFloat16 x) { return bfloat16_to_float(x.bits); }
void narrow(double x, double& to) { to = x; }
void narrow(float x, float& to) { to = x; }
void narrow(float x, Float16& to) { to.bits = float_to_float16(x); }
void narrow(float x, BFloat16& to) { to.bits = float_to_bfloat16(x); }

/**
 * Factors `T`, output `R`; `S` is what elements are multiplied and summed in. Only what is written is rounded to `R`: GELU's
 * input goes into GELU as it was summed.
 */
template <class T, class R, class S>
void multiply(const Description& how, S alpha, const T* a, const Layout& la, const T* b, const Layout& lb, S beta,
              const R* c, const Layout& lc, R* d, const Layout& ld) {
  const uint64_t depth = how.transpose_a ? la.rows : la.columns;
  R* const aux = (R*)how.aux;
  for (int batch = 0; batch < ld.batches; batch++) {
    const T* from_a = a + batch * la.batch_stride;
    const T* from_b = b + batch * lb.batch_stride;
    R* to = d + batch * ld.batch_stride;
    for (uint64_t column = 0; column < ld.columns; column++) {
      for (uint64_t row = 0; row < ld.rows; row++) {
        S sum = 0;
        for (uint64_t k = 0; k < depth; k++) {
          const S x = wide( how.transpose_a ? from_a[k + row * la.leading] : from_a[row + k * la.leading]);
          const S y = wide( how.transpose_b ? from_b[column + k * lb.leading] : from_b[k + column * lb.leading]);
          sum += x * y;
        }
        sum = alpha * sum;
        if (beta != 0) sum = sum + beta * wide(c[batch * lc.batch_stride + row + column * lc.leading]);
        if (how.adds_bias()) sum = sum + wide(((const R*)how.bias)[row]);
        if (how.epilogue & 32) {
          if (how.has_aux()) narrow(sum, aux[row + column * how.aux_leading]);
          sum = gelu(sum);
        }
        if (how.epilogue & 64) sum = sum * gelu_slope(wide(aux[row + column * how.aux_leading]));
        narrow(sum, to[row + column * ld.leading]);
      }
    }
  }
}

/**
 * What the real library refuses: shapes that do not fit, empty matrices, columns that overlap, outputs of another type (but
 * float32 of 16 bits), GELU in batches, and where its input cannot lie.
 */
bool fits(const Description& how, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
  const uint64_t m = how.transpose_a ? a.columns : a.rows, k = how.transpose_a ? a.rows : a.columns;
  const uint64_t n = how.transpose_b ? b.rows : b.columns, k2 = how.transpose_b ? b.columns : b.rows;
  if (!m || !n || !k || k != k2 || d.rows != m || d.columns != n || c.rows != m || c.columns != n) return false;
  for (const Layout* l : {&a, &b, &c, &d})
    if (l->leading < (int64_t)l->rows || l->batches != d.batches) return false;
  const bool widens = element_bytes(a.type) == 2 && d.type == float32;
  if (b.type != a.type || c.type != d.type || (d.type != a.type && !widens)) return false;
  if (!known(how.epilogue) || (how.epilogue != 1 && d.batches != 1)) return false;
  if (how.has_aux() && (how.aux_leading % 8 != 0 || how.aux_leading < (int64_t)d.rows || (size_t)how.aux % 16 != 0))
    return false;
  return d.batches == 1 || d.batch_stride != 0;
}

/** Bytes of all matrices of a layout, from the first element to behind the last. */
size_t extent(const Layout& l) {
  const size_t matrix = l.rows + (l.columns - 1) * l.leading;
  return (matrix + (l.batches - 1) * l.batch_stride) * element_bytes(l.type);
}

}  // namespace

extern "C" {

size_t cublasLtGetVersion() { return 130100; }
int cublasLtCreate(void** handle) {
  *handle = new int(1);
  return ok;
}
int cublasLtDestroy(void* handle) {
  delete (int*)handle;
  return ok;
}
int cublasLtMatmulDescCreate(Description** how, int compute, int scale) {
  *how = new Description{compute, scale};
  return ok;
}
int cublasLtMatmulDescDestroy(Description* how) {
  delete how;
  return ok;
}
int cublasLtMatmulDescSetAttribute(Description* how, int attribute, const void* value, size_t size) {
  if (size != (attribute == 8 || attribute == 11 || attribute == 12 ? 8 : 4)) return invalid;
  if (attribute == 3) memcpy(&how->transpose_a, value, 4);
  else if (attribute == 4) memcpy(&how->transpose_b, value, 4);
  else if (attribute == 7) memcpy(&how->epilogue, value, 4);
  else if (attribute == 8) memcpy(&how->bias, value, 8);
  else if (attribute == 11) memcpy(&how->aux, value, 8);
  else if (attribute == 12) memcpy(&how->aux_leading, value, 8);
  else return not_supported;
  return ok;
}
int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  *layout = new Layout{type, rows, columns, leading};
  return ok;
}
int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return ok;
}
int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t size) {
  if (attribute == 5 && size == 4) memcpy(&layout->batches, value, 4);
  else if (attribute == 6 && size == 8) memcpy(&layout->batch_stride, value, 8);
  else return invalid;
  return ok;
}
int cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference();
  return ok;
}
int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return ok;
}
int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t size) {
  if (attribute == 1 && size == 8) memcpy(&preference->workspace, value, 8);
  else if (attribute < 5 || attribute > 8 || size != 4) return invalid;
  return ok;
}
int cublasLtMatmulAlgoGetHeuristic(void*, Description* how, Layout* a, Layout* b, Layout* c, Layout* d, Preference*,
                                   int requested, HeuristicResult* results, int* found) {
  *found = 0;
  if (requested < 1) return invalid;
  if (!fits(*how, *a, *b, *c, *d)) return not_supported;
  results[0] = {};
  results[0].algorithm[0] = 0x7041;
  *found = 1;
  return ok;
}
int cublasLtMatmul(void*, Description* how, const void* alpha, const void* a, Layout* la, const void* b, Layout* lb,
                   const void* beta, const void* c, Layout* lc, void* d, Layout* ld, const void* algorithm, void*, size_t,
                   Stream* stream) {
  call_count++;
  if (!fits(*how, *la, *lb, *lc, *ld)) return invalid;
  if (*(const uint64_t*)algorithm != 0x7041) return invalid;
  if (!is_device_memory(a, extent(*la)) || !is_device_memory(b, extent(*lb)) || !is_device_memory(d, extent(*ld)))
    return invalid;
  if (how->adds_bias() && !is_device_memory(how->bias, ld->rows * element_bytes(ld->type))) return invalid;
  if (how->has_aux()) {
    // GELU's input is another matrix than the output, which is written at the same time.
    const size_t bytes = (ld->rows + (ld->columns - 1) * how->aux_leading) * element_bytes(ld->type);
    if (!is_device_memory(how->aux, bytes)) return invalid;
    if ((char*)how->aux < (char*)d + extent(*ld) && (char*)d < (char*)how->aux + bytes) return invalid;
  }
  if (how->adds_bias()) setting("biases")++;
  if (how->epilogue & 32) setting("gelus")++;
  if (how->epilogue & 64) setting("gelu_gradients")++;
  const Description description = *how;
  const Layout x = *la, y = *lb, w = *lc, z = *ld;
  double scale[2] = {};
  const int size = z.type == float64 ? 8 : 4;
  memcpy(&scale[0], alpha, size);
  memcpy(&scale[1], beta, size);
  float factor;
  memcpy(&factor, beta, 4);
  const bool adds = size == 8 ? scale[1] != 0 : factor != 0;
  // What is added may be the output itself, in place; a matrix that only overlaps it would be overwritten while it is read.
  if (adds && !is_device_memory(c, extent(w))) return invalid;
  const bool overlaps = (const char*)c < (const char*)d + extent(z) && (const char*)d < (const char*)c + extent(w);
  if (adds && overlaps && (c != d || w.leading != z.leading)) return invalid;
  setting("products")++;
  if (adds) setting("accumulations")++;
  stream->push([=] {
    if (sticky_error) return;
    float single[2] = {};
    memcpy(&single[0], &scale[0], 4);
    memcpy(&single[1], &scale[1], 4);
    const auto run = [&](auto factor, auto output, auto in) {
      using T = decltype(factor);
      using R = decltype(output);
      const auto beta = sizeof in == 8 ? scale[1] : single[1];
      multiply<T, R, decltype(in)>(description, sizeof in == 8 ? scale[0] : single[0], (const T*)a, x, (const T*)b, y, beta,
                                   (const R*)c, w, (R*)d, z);
    };
    if (z.type == float64) run(double(), double(), double());
    else if (x.type == float32) run(float(), float(), float());
    else if (x.type == float16 && z.type == float32) run(Float16(), float(), float());
    else if (x.type == float16) run(Float16(), Float16(), float());
    else if (z.type == float32) run(BFloat16(), float(), float());
    else run(BFloat16(), BFloat16(), float());
  });
  return ok;
}

}  // extern "C"
