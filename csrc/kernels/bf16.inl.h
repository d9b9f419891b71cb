// Rounding to bfloat16, and the sum of products of pairs that all kernels over bfloat16 are made of.
//
// Included after simd/avx512_bf16.h or simd/bf16.inl.h.
#pragma once
#include <cstring>

#include "kernels/blocked.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// A tile: blocks of sixteen columns (output channels), and rows (pixels). Where pairs are taken apart, a mask
// and the part need registers too.
constexpr int kBf16Blocks = V::lanes == 16 ? 2 : 1;
constexpr int kBf16Rows = kBf16Native ? 14 : (V::lanes == 16 ? 8 : (V::lanes == 8 ? 4 : 2));

static void bf16_round_all(const float* src, uint16_t* dst, int64_t n) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) store_rounded(dst + i, load(src + i));
  if (i == n) return;
  const int left = static_cast<int>(n - i);
  uint16_t last[V::lanes];
  store_rounded(last, load_n(src + i, left));
  std::memcpy(dst + i, last, sizeof(uint16_t) * static_cast<size_t>(left));
}

static void bf16_pair_all(const float* low, const float* high, uint32_t* dst, int64_t n) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes)
    istore(dst + i, round_pair(load(low + i), high ? load(high + i) : zero()));
  if (i == n) return;
  const int left = static_cast<int>(n - i);
  uint32_t last[V::lanes];
  istore(last, round_pair(load_n(low + i, left), high ? load_n(high + i, left) : zero()));
  std::memcpy(dst + i, last, sizeof(uint32_t) * static_cast<size_t>(left));
}

// acc[p][v] += pair s[p * step] times the pairs at w.
template <int kBlocks, int kRows>
static inline void bf16_term(const uint32_t* s, int64_t step, const uint32_t* w, int64_t block_size,
                             V (&acc)[kRows][kBlocks * kBlockVectors]) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  Pairs b[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v)
    b[v] = pairs(iload(w + (v / kBlockVectors) * block_size + (v % kBlockVectors) * V::lanes));
#pragma GCC unroll 16
  for (int p = 0; p < kRows; ++p) {
    const Pairs x = pairs(iset1(static_cast<int32_t>(s[p * step])));
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[p][v] = fma(x, b[v], acc[p][v]);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
