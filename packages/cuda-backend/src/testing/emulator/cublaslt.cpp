// libcublasLt: products of column-major matrices by plain loops, with the library's descriptors and its checks.
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
  /** 1 for none, 4 for a bias along the rows of the output. */
  int epilogue = 1;
  const void* bias = nullptr;
};

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

/** `S` is what elements are multiplied and summed in. */
template <class T, class S>
void multiply(const Description& how, S alpha, const T* a, const Layout& la, const T* b, const Layout& lb, S beta,
              const T* c, const Layout& lc, T* d, const Layout& ld) {
  const uint64_t depth = how.transpose_a ? la.rows : la.columns;
  for (int batch = 0; batch < ld.batches; batch++) {
    const T* from_a = a + batch * la.batch_stride;
    const T* from_b = b + batch * lb.batch_stride;
    T* to = d + batch * ld.batch_stride;
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
        if (how.epilogue == 4) sum = sum + wide(((const T*)how.bias)[row]);
        narrow(sum, to[row + column * ld.leading]);
      }
    }
  }
}

/** What the real library refuses: shapes that do not fit, empty matrices, columns that overlap. */
bool fits(const Description& how, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
  const uint64_t m = how.transpose_a ? a.columns : a.rows, k = how.transpose_a ? a.rows : a.columns;
  const uint64_t n = how.transpose_b ? b.rows : b.columns, k2 = how.transpose_b ? b.columns : b.rows;
  if (!m || !n || !k || k != k2 || d.rows != m || d.columns != n || c.rows != m || c.columns != n) return false;
  for (const Layout* l : {&a, &b, &c, &d})
    if (l->leading < (int64_t)l->rows || l->type != a.type || l->batches != d.batches) return false;
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
  if (size != (attribute == 8 ? 8 : 4)) return invalid;
  if (attribute == 3) memcpy(&how->transpose_a, value, 4);
  else if (attribute == 4) memcpy(&how->transpose_b, value, 4);
  else if (attribute == 7) memcpy(&how->epilogue, value, 4);
  else if (attribute == 8) memcpy(&how->bias, value, 8);
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
  if (!fits(*how, *a, *b, *c, *d) || (how->epilogue != 1 && how->epilogue != 4)) return not_supported;
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
  if (how->epilogue == 4) {
    if (!is_device_memory(how->bias, ld->rows * element_bytes(ld->type))) return invalid;
    setting("biases")++;
  }
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
    if (z.type == float64)
      multiply<double>(description, scale[0], (const double*)a, x, (const double*)b, y, scale[1], (const double*)c, w, (double*)d, z);
    else if (z.type == float32)
      multiply<float>(description, single[0], (const float*)a, x, (const float*)b, y, single[1], (const float*)c, w, (float*)d, z);
    else if (z.type == float16)
      multiply<Float16>(description, single[0], (const Float16*)a, x, (const Float16*)b, y, single[1], (const Float16*)c, w, (Float16*)d, z);
    else
      multiply<BFloat16>(description, single[0], (const BFloat16*)a, x, (const BFloat16*)b, y, single[1], (const BFloat16*)c, w, (BFloat16*)d, z);
  });
  return ok;
}

}  // extern "C"
