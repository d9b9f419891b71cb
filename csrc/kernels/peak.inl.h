// The core's float32 peak: multiply-adds that touch nothing but registers. Twelve independent sums: two FMA
// pipes with a latency of four or five need eight to ten, and twelve sums with two operands still fit into
// sixteen registers.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static constexpr int kPeakSums = 12;
static constexpr int kPeakFmas = 16;  // of each sum, an iteration
static constexpr int64_t kPeakFlops = int64_t{2} * kPeakSums * kPeakFmas * V::lanes;

static float peak(int64_t iterations, float x) {
  const V a = set1(x), b = set1(1 - x);
  V sums[kPeakSums];
#pragma GCC unroll 12
  for (int s = 0; s < kPeakSums; ++s) sums[s] = set1(x + static_cast<float>(s));
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int f = 0; f < kPeakFmas; ++f) {
#pragma GCC unroll 12
      for (int s = 0; s < kPeakSums; ++s) sums[s] = fma(sums[s], a, b);
    }
  }
  V total = sums[0];
#pragma GCC unroll 12
  for (int s = 1; s < kPeakSums; ++s) total = total + sums[s];
  return sum(total);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
