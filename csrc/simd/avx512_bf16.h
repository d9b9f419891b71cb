// AVX-512 with BF16: the vectors of avx512.h, instructions that round and one that adds both products of a
// pair; all take denormals as zero. The contract stands in simd/bf16.inl.h.
#pragma once
#include "simd/avx512.h"

namespace SIMD_NAMESPACE {

static constexpr bool kBf16Native = true;

static inline void store_rounded(uint16_t* p, V x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(x.v));
}

static inline I round_pair(V low, V high) {
  static constexpr uint16_t kInterleaved[] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                              8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(high.v, low.v);
  return {_mm512_permutexvar_epi16(_mm512_loadu_si512(kInterleaved), halves)};
}

struct Pairs {
  __m512bh v;
};
static inline Pairs pairs(I a) {
  return {(__m512bh)a.v};
}
static inline V fma(Pairs a, Pairs b, V c) {
  return {_mm512_dpbf16_ps(c.v, a.v, b.v)};
}

}  // namespace SIMD_NAMESPACE
