// What kernels on tensor cores call: the twins of `tensorCoreFunctions`, as PTX defines the instructions.
#pragma once

inline unsigned pack_float16(float low, float high) { return float_to_float16(low) | (unsigned)float_to_float16(high) << 16; }
inline unsigned pack_bfloat16(float low, float high) { return float_to_bfloat16(low) | (unsigned)float_to_bfloat16(high) << 16; }

// Number `at` of the pairs that one lane holds of a row of A or a column of B.
inline unsigned short emulator_number(unsigned pair, int at) { return (unsigned short)(pair >> 16 * at); }

template <float (*widen)(unsigned short)>
inline void emulator_multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const int lane = emulator_lane();
  const EmulatorFragment* all = emulator_host->gather({{a[0], a[1], a[2], a[3]}, {b0, b1}});
  for (int k = 0; k < 16; k++) {
    // Pairs of neighbours along K lie in lane K / 2 % 4 of a row, in its second register from K = 8 on.
    const int holder = k / 2 % 4, half = k / 8;
    for (int r = 0; r < 4; r++) {
      const int row = lane / 4, column = lane % 4 * 2 + r % 2;
      const float x = widen(emulator_number(all[row * 4 + holder].a[half * 2 + r / 2], k % 2));
      const float y = widen(emulator_number(all[column * 4 + holder].b[half], k % 2));
      c[r] += x * y;
    }
  }
}
inline float emulator_bfloat16(unsigned short x) { return emulator_float_of((unsigned)x << 16); }
inline void multiply_float16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulator_multiply<float16_to_float>(c, a, b0, b1);
}
inline void multiply_bfloat16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulator_multiply<emulator_bfloat16>(c, a, b0, b1);
}

inline const unsigned short* const* emulator_rows(const unsigned short* row) {
  if ((unsigned long long)row % 16 != 0) emulator_host->fail("a row of a matrix is not aligned to 16 bytes");
  return (const unsigned short* const*)emulator_host->exchange(0xffffffffu, (unsigned long long)row);
}
inline void load_matrices(unsigned (&to)[4], const unsigned short* row) {
  const unsigned short* const* rows = emulator_rows(row);
  const int lane = emulator_lane();
  for (int m = 0; m < 4; m++) {
    const unsigned short* from = rows[m * 8 + lane / 4] + lane % 4 * 2;
    to[m] = from[0] | (unsigned)from[1] << 16;
  }
}
inline void load_matrices_turned(unsigned (&to)[4], const unsigned short* row) {
  const unsigned short* const* rows = emulator_rows(row);
  const int lane = emulator_lane();
  for (int m = 0; m < 4; m++) {
    const unsigned short* const* of = rows + m * 8 + lane % 4 * 2;
    to[m] = of[0][lane / 4] | (unsigned)of[1][lane / 4] << 16;
  }
}

inline void copy_async(unsigned short* to, const unsigned short* from, int bytes) { emulator_host->copy_later(to, from, bytes); }
inline void commit_copies() { emulator_host->commit_copies(); }
template <int n>
inline void wait_copies() {
  emulator_host->wait_copies(n);
}
