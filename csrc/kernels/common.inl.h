// What several kernels need: the fused activation of an epilogue, and even cuts of a loop into tiles.
#pragma once
#include "core/prefetch.h"
#include "kernels/kernel_table.h"
#include "simd/math.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

static inline V activated(Activation kind, V x) {
  switch (kind) {
    case Activation::relu:
      return max(zero(), x);  // in this order NaN stays NaN
    case Activation::relu6:
      return min(set1(6.0f), max(zero(), x));
    case Activation::tanh:
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::hard_sigmoid:
      return activated(Activation::relu6, x + set1(3.0f)) * set1(1.0f / 6.0f);
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::hard_silu:
      return x * activated(Activation::hard_sigmoid, x);
    case Activation::gelu:
      return x * set1(0.5f) * (erf(x * set1(0.70710678f)) + set1(1.0f));
    case Activation::none:
      break;
  }
  return x;
}

// The bounds that a fused activation is; what is more is applied to finished vectors.
struct Bounds {
  float low, high;
};
static inline Bounds bounds_of(Activation kind) {
  const float infinity = __builtin_inff();
  return {kind == Activation::relu || kind == Activation::relu6 ? 0.0f : -infinity,
          kind == Activation::relu6 ? 6.0f : infinity};
}
static inline V within(V low, V high, V x) {
  return min(high, max(low, x));  // in this order NaN stays NaN
}

// body.operator()<kind>() of kinds from kKind to kLast.
template <Activation kLast = kLastActivation, Activation kKind = Activation::none, class Body>
static inline void with_activation(Activation kind, Body body) {
  if constexpr (kKind < kLast) {
    constexpr auto kNext = static_cast<Activation>(static_cast<int32_t>(kKind) + 1);
    if (kind != kKind) return with_activation<kLast, kNext>(kind, body);
  }
  body.template operator()<kKind>();
}

// Vectors `step` floats apart, of what is more than bounds. Kept out of the tiles: such functions are long.
static __attribute__((noinline)) void activate_vectors(Activation kind, float* dst, int64_t step, int n) {
  with_activation<kLastActivation, Activation::tanh>(kind, [=]<Activation kActivation>() {
    for (int i = 0; i < n; ++i) store(dst + i * step, activated(kActivation, load(dst + i * step)));
  });
}

// The next cell of a pooling window meets the largest before it: the first of equals wins; NaN beats all, as
// in NumPy.
static inline void meet_winner(V cell, int32_t position, V& best, I& winner) {
  const M better = (cell > best) | is_nan(cell);
  best = select(better, cell, best);
  winner = select(better, iset1(position), winner);
}

// The sums of a tile as an earlier panel left them in rows of dst, or zeros where that is null. Short loops
// with constant bounds are unrolled by order: gcc 12 keeps accumulators in registers from the first load to
// the last store only then.
template <int kRows, int kVectors>
static inline void start_sums(const float* dst, int64_t dst_row, V (&acc)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[m][v] = zero();
  if (!dst) return;
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[m][v] = load(dst + m * dst_row + v * V::lanes);
}

// Cuts n into the fewest parts of at most `most`, sizes differing by one at most: no part is left thin.
struct Parts {
  int count, size, larger;  // the first `larger` parts have size + 1
};
static inline Parts split_evenly(int n, int most) {
  const int count = (n + most - 1) / most;
  return {count, count ? n / count : 0, count ? n % count : 0};
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
