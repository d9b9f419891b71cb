// AVX-512 without a CPU that has it: stands in for the compiler's <immintrin.h> when CNNFAST_EMULATE_AVX512
// is on, so that the AVX-512 kernels are tested on any machine. SIMDe (Debian: libsimde-dev) emulates most
// intrinsics; those that simd/avx512.h uses beyond it are spelled out here, lane by lane. Slow, and never
// part of a wheel.
#pragma once
#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <cmath>
#include <cstdint>
#include <cstring>

typedef uint16_t __mmask16;

namespace emulated {

template <class To, class From>
To bits(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

struct Floats {
  float lane[16];
};
struct Ints {
  int32_t lane[16];
};
struct Words {
  uint16_t lane[16];
};
struct Bytes {
  uint8_t lane[16];
};

}  // namespace emulated

static inline __m128i _mm512_cvtepi32_epi8(__m512i a) {
  const auto from = emulated::bits<emulated::Ints>(a);
  emulated::Bytes to;
  for (int i = 0; i < 16; ++i) to.lane[i] = static_cast<uint8_t>(from.lane[i]);
  return emulated::bits<__m128i>(to);
}

static inline __m256i _mm512_cvtepi32_epi16(__m512i a) {
  const auto from = emulated::bits<emulated::Ints>(a);
  emulated::Words to;
  for (int i = 0; i < 16; ++i) to.lane[i] = static_cast<uint16_t>(from.lane[i]);
  return emulated::bits<__m256i>(to);
}

static inline __m256i _mm512_cvtneps_pbh(__m512 a) {
  const auto from = emulated::bits<emulated::Floats>(a);
  emulated::Words to;
  for (int i = 0; i < 16; ++i) {
    uint32_t u = emulated::bits<uint32_t>(from.lane[i]);
    if (std::isnan(from.lane[i])) {
      u |= 0x00400000;
    } else if (std::fpclassify(from.lane[i]) == FP_SUBNORMAL) {
      u &= 0x80000000;
    } else {
      u += 0x7fff + (u >> 16 & 1);
    }
    to.lane[i] = static_cast<uint16_t>(u >> 16);
  }
  return emulated::bits<__m256i>(to);
}

static inline __m512i _mm512_cvtne2ps_pbh(__m512 high, __m512 low) {
  const __m256i halves[] = {_mm512_cvtneps_pbh(low), _mm512_cvtneps_pbh(high)};
  return emulated::bits<__m512i>(halves);
}

static inline __m512i _mm512_cvtepu8_epi32(__m128i a) {
  const auto from = emulated::bits<emulated::Bytes>(a);
  emulated::Ints to;
  for (int i = 0; i < 16; ++i) to.lane[i] = from.lane[i];
  return emulated::bits<__m512i>(to);
}

static inline __m512 _mm512_cvtepi32_ps(__m512i a) {
  const auto from = emulated::bits<emulated::Ints>(a);
  emulated::Floats to;
  for (int i = 0; i < 16; ++i) to.lane[i] = static_cast<float>(from.lane[i]);
  return emulated::bits<__m512>(to);
}

static inline __m512i _mm512_cvtps_epi32(__m512 a) {
  const auto from = emulated::bits<emulated::Floats>(a);
  emulated::Ints to;
  for (int i = 0; i < 16; ++i)
    to.lane[i] = std::isnan(from.lane[i]) ? INT32_MIN : static_cast<int32_t>(std::nearbyint(from.lane[i]));
  return emulated::bits<__m512i>(to);
}

// SIMDe's rounds twice.
#undef _mm512_fmsub_ps
static inline __m512 _mm512_fmsub_ps(__m512 a, __m512 b, __m512 c) {
  const auto x = emulated::bits<emulated::Floats>(a), y = emulated::bits<emulated::Floats>(b);
  auto to = emulated::bits<emulated::Floats>(c);
  for (int i = 0; i < 16; ++i)
    to.lane[i] = static_cast<float>(static_cast<double>(x.lane[i]) * y.lane[i] - to.lane[i]);
  return emulated::bits<__m512>(to);
}

static inline __m512 _mm512_mask_loadu_ps(__m512 rest, __mmask16 mask, const void* from) {
  auto to = emulated::bits<emulated::Floats>(rest);
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) std::memcpy(&to.lane[i], static_cast<const float*>(from) + i, sizeof(float));
  return emulated::bits<__m512>(to);
}

static inline __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const void* from) {
  return _mm512_mask_loadu_ps(emulated::bits<__m512>(emulated::Floats{}), mask, from);
}

static inline void _mm512_mask_storeu_ps(void* to, __mmask16 mask, __m512 a) {
  const auto from = emulated::bits<emulated::Floats>(a);
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) std::memcpy(static_cast<float*>(to) + i, &from.lane[i], sizeof(float));
}

static inline void _mm512_stream_ps(void* to, __m512 a) {
  if (reinterpret_cast<uintptr_t>(to) % 64 != 0) __builtin_trap();  // as the CPU does
  std::memcpy(to, &a, sizeof a);
}

static inline float _mm512_reduce_add_ps(__m512 a) {
  auto sum = emulated::bits<emulated::Floats>(a);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) sum.lane[i] += sum.lane[i + half];
  return sum.lane[0];
}

static inline float _mm512_reduce_max_ps(__m512 a) {
  const auto from = emulated::bits<emulated::Floats>(a);
  float most = from.lane[0];
  for (const float x : from.lane) most = x > most ? x : most;
  return most;
}

static inline __m512 _mm512_permute_ps(__m512 a, int which) {
  const auto from = emulated::bits<emulated::Floats>(a);
  emulated::Floats to;
  for (int i = 0; i < 16; ++i) to.lane[i] = from.lane[i / 4 * 4 + (which >> (2 * (i % 4)) & 3)];
  return emulated::bits<__m512>(to);
}
static inline __m512 _mm512_shuffle_f32x4(__m512 a, __m512 b, int which) {
  const auto low = emulated::bits<emulated::Floats>(a), high = emulated::bits<emulated::Floats>(b);
  emulated::Floats to;
  for (int quad = 0; quad < 4; ++quad)
    std::memcpy(to.lane + 4 * quad, (quad < 2 ? low : high).lane + 4 * (which >> (2 * quad) & 3), 16);
  return emulated::bits<__m512>(to);
}
