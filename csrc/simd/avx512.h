// AVX-512 (F, BW, DQ, VL): sixteen lanes. The contract stands in simd/scalar.h.
#pragma once
// GCC 12 takes its own _mm512_undefined_ps for an uninitialized read (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wuninitialized"
#  pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#  pragma GCC diagnostic pop
#endif

#include <cstdint>

namespace SIMD_NAMESPACE {

static constexpr const char* kIsa = "avx512";

struct V {
  static constexpr int lanes = 16;
  __m512 v;
};
struct I {
  __m512i v;
};
struct M {
  __mmask16 v;
};

static inline __mmask16 first_lanes(int n) {
  return static_cast<__mmask16>((1u << n) - 1u);
}

static inline V zero() {
  return {_mm512_setzero_ps()};
}
static inline V set1(float x) {
  return {_mm512_set1_ps(x)};
}
static inline V load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
static inline void store(float* p, V a) {
  _mm512_storeu_ps(p, a.v);
}
static inline void stream(float* p, V a) {
  _mm512_stream_ps(p, a.v);
}
static inline void stream_end() {
  _mm_sfence();
}
static inline V load_n(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
static inline V load_n(const float* p, int n, V rest) {
  return {_mm512_mask_loadu_ps(rest.v, first_lanes(n), p)};
}
static inline void store_n(float* p, V a, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), a.v);
}

static inline V operator+(V a, V b) {
  return {_mm512_add_ps(a.v, b.v)};
}
static inline V operator-(V a, V b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
static inline V operator*(V a, V b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
static inline V operator/(V a, V b) {
  return {_mm512_div_ps(a.v, b.v)};
}
static inline V fma(V a, V b, V c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
static inline M operator<(V a, V b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)};
}
static inline M operator>(V a, V b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)};
}
static inline M operator|(M a, M b) {
  return {static_cast<__mmask16>(a.v | b.v)};
}
static inline M operator<=(V a, V b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)};
}
static inline M operator==(V a, V b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)};
}
static inline M is_nan(V a) {
  return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)};
}
static inline bool any(M m) {
  return m.v != 0;
}
static inline V select(M m, V yes, V no) {
  return {_mm512_mask_blend_ps(m.v, no.v, yes.v)};
}
static inline V max(V a, V b) {
  return {_mm512_max_ps(a.v, b.v)};
}
static inline V min(V a, V b) {
  return {_mm512_min_ps(a.v, b.v)};
}
static inline V sqrt(V a) {
  return {_mm512_sqrt_ps(a.v)};
}
static inline V floor(V a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF)};
}
static inline V nearest(V a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT)};
}
static inline V product_rest(V a, V b, V product) {
  return {_mm512_fmsub_ps(a.v, b.v, product.v)};
}
static inline float sum(V a) {
  return _mm512_reduce_add_ps(a.v);
}
static inline float max_lane(V a) {
  return _mm512_reduce_max_ps(a.v);
}

static inline I iset1(int32_t x) {
  return {_mm512_set1_epi32(x)};
}
static inline I round_to_int(V a) {
  return {_mm512_cvtps_epi32(a.v)};
}
static inline V to_float(I a) {
  return {_mm512_cvtepi32_ps(a.v)};
}
static inline I operator+(I a, I b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
static inline I operator-(I a, I b) {
  return {_mm512_sub_epi32(a.v, b.v)};
}
static inline V exponent_of(I n) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n.v, _mm512_set1_epi32(127)), 23))};
}

// value * 2^n.
static inline V scaled(V value, I n) {
  return {_mm512_scalef_ps(value.v, _mm512_cvtepi32_ps(n.v))};
}

static inline I iload_bytes(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
static inline void istore_bytes(uint8_t* p, I a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
}
static inline M operator==(I a, I b) {
  return {_mm512_cmpeq_epi32_mask(a.v, b.v)};
}
static inline I select(M m, I yes, I no) {
  return {_mm512_mask_blend_epi32(m.v, no.v, yes.v)};
}

template <int kBit>
static inline V xor_lanes(V a) {
  if constexpr (kBit >= 4) return {_mm512_shuffle_f32x4(a.v, a.v, kBit == 4 ? 0xb1 : 0x4e)};
  return {_mm512_permute_ps(a.v, kBit == 1 ? 0xb1 : 0x4e)};
}

static inline I bits(V a) {
  return {_mm512_castps_si512(a.v)};
}
static inline V as_float(I a) {
  return {_mm512_castsi512_ps(a.v)};
}
static inline I operator&(I a, I b) {
  return {_mm512_and_si512(a.v, b.v)};
}
static inline I operator|(I a, I b) {
  return {_mm512_or_si512(a.v, b.v)};
}
template <int n>
static inline I shift_left(I a) {
  return {_mm512_slli_epi32(a.v, n)};
}
template <int n>
static inline I shift_right(I a) {
  return {_mm512_srli_epi32(a.v, n)};
}
static inline I iload(const uint32_t* p) {
  return {_mm512_loadu_si512(p)};
}
static inline void istore(uint32_t* p, I a) {
  _mm512_storeu_si512(p, a.v);
}
static inline void istore_words(uint16_t* p, I a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}

static inline void transpose(V* rows) {
  __m512 pairs[16], quads[16], halves[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; ++j) {
      quads[i + 2 * j] = _mm512_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0x44);
      quads[i + 2 * j + 1] = _mm512_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0xee);
    }
  }
  // quads[4 r + j] holds, in its four 128-bit parts p, column 4 p + j of rows 4 r .. 4 r + 3.
  for (int j = 0; j < 4; ++j) {
    halves[j] = _mm512_shuffle_f32x4(quads[j], quads[j + 4], 0x88);
    halves[j + 4] = _mm512_shuffle_f32x4(quads[j], quads[j + 4], 0xdd);
    halves[j + 8] = _mm512_shuffle_f32x4(quads[j + 8], quads[j + 12], 0x88);
    halves[j + 12] = _mm512_shuffle_f32x4(quads[j + 8], quads[j + 12], 0xdd);
  }
  for (int j = 0; j < 4; ++j) {
    rows[j].v = _mm512_shuffle_f32x4(halves[j], halves[j + 8], 0x88);
    rows[j + 8].v = _mm512_shuffle_f32x4(halves[j], halves[j + 8], 0xdd);
    rows[j + 4].v = _mm512_shuffle_f32x4(halves[j + 4], halves[j + 12], 0x88);
    rows[j + 12].v = _mm512_shuffle_f32x4(halves[j + 4], halves[j + 12], 0xdd);
  }
}

}  // namespace SIMD_NAMESPACE
