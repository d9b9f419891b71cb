// AVX2 + FMA: eight lanes. The contract stands in simd/scalar.h.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace SIMD_NAMESPACE {

static constexpr const char* kIsa = "avx2";

struct V {
  static constexpr int lanes = 8;
  __m256 v;
};
struct I {
  __m256i v;
};
struct M {
  __m256 v;
};

static inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline V zero() {
  return {_mm256_setzero_ps()};
}
static inline V set1(float x) {
  return {_mm256_set1_ps(x)};
}
static inline V load(const float* p) {
  return {_mm256_loadu_ps(p)};
}
static inline void store(float* p, V a) {
  _mm256_storeu_ps(p, a.v);
}
static inline void stream(float* p, V a) {
  _mm256_stream_ps(p, a.v);
}
static inline void stream_end() {
  _mm_sfence();
}
static inline V load_n(const float* p, int n) {
  return {_mm256_maskload_ps(p, first_lanes(n))};
}
static inline V load_n(const float* p, int n, V rest) {
  const __m256i first = first_lanes(n);
  return {_mm256_blendv_ps(rest.v, _mm256_maskload_ps(p, first), _mm256_castsi256_ps(first))};
}
// A masked store is microcoded on AMD's AVX2 cores (18 to 42 micro-operations), a loop over the tail is not.
static inline void store_n(float* p, V a, int n) {
  alignas(32) float t[8];
  _mm256_store_ps(t, a.v);
  for (int i = 0; i < n; ++i) p[i] = t[i];
}

static inline V operator+(V a, V b) {
  return {_mm256_add_ps(a.v, b.v)};
}
static inline V operator-(V a, V b) {
  return {_mm256_sub_ps(a.v, b.v)};
}
static inline V operator*(V a, V b) {
  return {_mm256_mul_ps(a.v, b.v)};
}
static inline V operator/(V a, V b) {
  return {_mm256_div_ps(a.v, b.v)};
}
static inline V fma(V a, V b, V c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
static inline M operator<(V a, V b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)};
}
static inline M operator>(V a, V b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)};
}
static inline M operator|(M a, M b) {
  return {_mm256_or_ps(a.v, b.v)};
}
static inline M operator<=(V a, V b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)};
}
static inline M operator==(V a, V b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)};
}
static inline M is_nan(V a) {
  return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)};
}
static inline bool any(M m) {
  return _mm256_movemask_ps(m.v) != 0;
}
static inline V select(M m, V yes, V no) {
  return {_mm256_blendv_ps(no.v, yes.v, m.v)};
}
static inline V max(V a, V b) {
  return {_mm256_max_ps(a.v, b.v)};
}
static inline V min(V a, V b) {
  return {_mm256_min_ps(a.v, b.v)};
}
static inline V sqrt(V a) {
  return {_mm256_sqrt_ps(a.v)};
}
static inline V floor(V a) {
  return {_mm256_floor_ps(a.v)};
}
static inline V nearest(V a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT)};
}
static inline V product_rest(V a, V b, V product) {
  return {_mm256_fmsub_ps(a.v, b.v, product.v)};
}
static inline float sum(V a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline float max_lane(V a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline I iset1(int32_t x) {
  return {_mm256_set1_epi32(x)};
}
static inline I round_to_int(V a) {
  return {_mm256_cvtps_epi32(a.v)};
}
static inline V to_float(I a) {
  return {_mm256_cvtepi32_ps(a.v)};
}
static inline I operator+(I a, I b) {
  return {_mm256_add_epi32(a.v, b.v)};
}
static inline I operator-(I a, I b) {
  return {_mm256_sub_epi32(a.v, b.v)};
}
static inline V exponent_of(I n) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n.v, _mm256_set1_epi32(127)), 23))};
}

// value * 2^n, |n| <= 252, in two steps: n itself leaves the range of an exponent at both ends.
static inline V scaled(V value, I n) {
  const I half = round_to_int(to_float(n) * set1(0.5f));
  return value * exponent_of(half) * exponent_of(n - half);
}

static inline I iload_bytes(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
static inline void istore_bytes(uint8_t* p, I a) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
static inline M operator==(I a, I b) {
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))};
}
static inline I select(M m, I yes, I no) {
  return {_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(no.v), _mm256_castsi256_ps(yes.v), m.v))};
}

template <int kBit>
static inline V xor_lanes(V a) {
  if constexpr (kBit == 4) return {_mm256_permute2f128_ps(a.v, a.v, 1)};
  return {_mm256_permute_ps(a.v, kBit == 1 ? 0xb1 : 0x4e)};
}

static inline I bits(V a) {
  return {_mm256_castps_si256(a.v)};
}
static inline V as_float(I a) {
  return {_mm256_castsi256_ps(a.v)};
}
static inline I operator&(I a, I b) {
  return {_mm256_and_si256(a.v, b.v)};
}
static inline I operator|(I a, I b) {
  return {_mm256_or_si256(a.v, b.v)};
}
template <int n>
static inline I shift_left(I a) {
  return {_mm256_slli_epi32(a.v, n)};
}
template <int n>
static inline I shift_right(I a) {
  return {_mm256_srli_epi32(a.v, n)};
}
static inline I iload(const uint32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
static inline void istore(uint32_t* p, I a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
static inline void istore_words(uint16_t* p, I a) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}

static inline void transpose(V* rows) {
  __m256 pairs[8], quads[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i].v, rows[i + 1].v);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; ++j) {
      quads[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0x44);
      quads[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0xee);
    }
  }
  for (int i = 0; i < 4; ++i) {
    rows[i].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
    rows[i + 4].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
  }
}

}  // namespace SIMD_NAMESPACE
