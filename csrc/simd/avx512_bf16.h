// AVX-512 with BF16: the vectors of avx512.h, one instruction that rounds and one that adds both products of
// a pair; both take denormals as zero. The contract stands in simd/bf16.inl.h.
#pragma once
#include "simd/avx512.h"
//
#include "simd/bf16_round.inl.h"

namespace SIMD_NAMESPACE {

static constexpr bool kBf16Native = true;

static inline void store_rounded(uint16_t* p, V x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(x.v));
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
