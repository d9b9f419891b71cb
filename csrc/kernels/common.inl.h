// What several kernels need: the fused activation of an epilogue, and even cuts of a loop into tiles.
#pragma once
#include "kernels/kernel_table.h"
#include "simd/math.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

static inline V activated(Activation kind, V x) {
  switch (kind) {
    case Activation::relu:
      return max(zero(), x);  // in this order NaN stays NaN
    case Activation::tanh:
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::none:
      break;
  }
  return x;
}

// The lower bound that a fused activation is; what is not one is applied to finished rows. `max` with the
// bound in front keeps NaN.
static inline float lower_bound(Activation kind) {
  return kind == Activation::relu ? 0.0f : -__builtin_inff();
}
static inline bool is_lower_bound(Activation kind) {
  return kind == Activation::none || kind == Activation::relu;
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

// Asks for a cache line; any address will do.
static inline void prefetch(const float* p) {
  __builtin_prefetch(p);
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
