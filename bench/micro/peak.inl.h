// Body of the peak loop for the vector of one instruction set. Twelve independent sums: two FMA pipes with a
// latency of four or five need eight to ten, and twelve sums with two operands still fit into sixteen
// registers.
#pragma once
#include "micro/peak.h"

namespace cnnfast::bench {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kSums = 12;
constexpr int kFmasPerSum = 16;

static float run_peak(int64_t iterations, float x) {
  const V a = set1(x), b = set1(1 - x);
  V acc[kSums];
#pragma GCC unroll 12
  for (int s = 0; s < kSums; ++s) acc[s] = set1(x + static_cast<float>(s));
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int f = 0; f < kFmasPerSum; ++f) {
#pragma GCC unroll 12
      for (int s = 0; s < kSums; ++s) acc[s] = fma(acc[s], a, b);
    }
  }
  V total = acc[0];
#pragma GCC unroll 12
  for (int s = 1; s < kSums; ++s) total = total + acc[s];
  return sum(total);
}

constexpr PeakLoop kPeak{&run_peak, int64_t{2} * kSums* kFmasPerSum* V::lanes};

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast::bench
