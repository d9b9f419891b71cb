// Winograd's transform G of the weights, and its transpose G', which ends the gradient of the weights.
#pragma once
#include "kernels/winograd_lines.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

static inline void winograd_kernel(const V (&g)[3], V (&r)[4]) {
  const V even = set1(0.5f) * (g[0] + g[2]), odd = set1(0.5f) * g[1];
  r[0] = g[0];
  r[1] = even + odd;
  r[2] = even - odd;
  r[3] = g[2];
}

static inline void winograd_kernel(const V (&g)[3], V (&r)[6]) {
  const V even1 = fma(set1(12.0f / 65), g[0], set1(27.0f / 65) * g[2]);
  const V even2 = fma(set1(-27.0f / 65), g[0], set1(-12.0f / 65) * g[2]);
  const V odd = set1(18.0f / 65) * g[1];
  r[0] = g[0];
  r[1] = even1 + odd;
  r[2] = even1 - odd;
  r[3] = even2 - odd;
  r[4] = even2 + odd;
  r[5] = g[2];
}

static inline void winograd_kernel(const V (&g)[3], V (&r)[8]) {
  const V even1 = set1(-2.0f / 9) * (g[0] + g[2]), odd1 = set1(-2.0f / 9) * g[1];
  const V even2 = set1(1.0f / 90) * fma(set1(4.0f), g[2], g[0]), odd2 = set1(1.0f / 45) * g[1];
  const V even3 = set1(1.0f / 180) * fma(set1(4.0f), g[0], g[2]), odd3 = set1(1.0f / 90) * g[1];
  r[0] = g[0];
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = even3 + odd3;
  r[6] = even3 - odd3;
  r[7] = g[2];
}

// Stride 2: the outer taps, then the one between them.
static inline void winograd_stride2_kernel(const V (&g)[3], V (&r)[6]) {
  r[0] = g[0];
  r[1] = set1(-4.0f / 9) * fma(set1(2.0f), g[0], g[2]);
  r[2] = set1(2.0f / 9) * (g[2] - g[0]);
  r[3] = set1(1.0f / 9) * fma(set1(2.0f), g[2], g[0]);
  r[4] = g[2];
  r[5] = g[1];
}

static inline void winograd_stride2_kernel(const V (&g)[3], V (&r)[7]) {
  const V even1 = set1(8.0f / 65) * g[0], odd1 = set1(12.0f / 65) * g[2];
  const V even2 = set1(-81.0f / 130) * g[0], odd2 = set1(-27.0f / 65) * g[2];
  r[0] = g[0];
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = g[2];
  r[6] = g[1];
}

static inline void winograd_grad_kernel(const V (&r)[6], V (&g)[3]) {
  const V even1 = r[1] + r[2], odd1 = r[1] - r[2], even2 = r[3] + r[4], odd2 = r[3] - r[4];
  g[0] = fma(set1(12.0f / 65), even1, fma(set1(-27.0f / 65), even2, r[0]));
  g[1] = set1(18.0f / 65) * (odd1 - odd2);
  g[2] = fma(set1(27.0f / 65), even1, fma(set1(-12.0f / 65), even2, r[5]));
}

template <WinogradForm kForm, int kWeights>
static inline void winograd_kernel_line(const V (&g)[3], V (&r)[kWeights]) {
  if constexpr (winograd_is_stride2(kForm)) {
    winograd_stride2_kernel(g, r);
  } else {
    winograd_kernel(g, r);
  }
}

// The frequencies of sixteen kernels. Streams are stored line by line between the sums of the next: F(4, 3)'s
// of 512 to 512 channels take 1.8 ms, stored into the caches 4.0 to 6.7, as a burst after each block 3.4
// (Zen 3, 2026-11).
template <WinogradForm kForm, bool kStream>
static inline void winograd_kernels_to(const V (&taps)[kWinogradVectors][9][V::lanes], int row, float* to,
                                       int64_t frequency) {
  constexpr int kWeights = winograd_axis(kForm).weights;
  V cols[kWinogradVectors][3][kWeights];
  for (int v = 0; v < kWinogradVectors; ++v)
    for (int x = 0; x < 3; ++x) {
      const V line[3] = {taps[v][x][row], taps[v][3 + x][row], taps[v][6 + x][row]};
      winograd_kernel_line<kForm>(line, cols[v][x]);
    }
  for (int y = 0; y < kWeights; ++y) {
    V r[kWinogradVectors][kWeights];
    for (int v = 0; v < kWinogradVectors; ++v) {
      const V line[3] = {cols[v][0][y], cols[v][1][y], cols[v][2][y]};
      winograd_kernel_line<kForm>(line, r[v]);
    }
    for (int x = 0; x < kWeights; ++x, to += frequency)
      for (int v = 0; v < kWinogradVectors; ++v)
        if constexpr (kStream) {
          stream(to + v * V::lanes, r[v][x]);
        } else {
          store(to + v * V::lanes, r[v][x]);
        }
  }
}

// One tap of some rows and lanes, V::lanes of each at most, a vector of lanes for each row.
static inline void winograd_tap(const WinogradWeights& a, const float* from, int rows, int lanes,
                                V (&tap)[V::lanes]) {
  if (a.lane_stride == 1) {
    for (int row = 0; row < rows; ++row) tap[row] = load_n(from + row * a.row_stride, lanes);
  } else {
    for (int lane = 0; lane < V::lanes; ++lane)
      tap[lane] = lane < lanes ? load_n(from + lane * a.lane_stride, rows) : zero();
    transpose(tap);
  }
}

template <WinogradForm kForm, bool kStream>
static inline void winograd_weights_run(const WinogradWeights& a) {
  for (int row0 = 0; row0 < a.rows; row0 += V::lanes) {
    const int rows = a.rows - row0 < V::lanes ? a.rows - row0 : V::lanes;
    V taps[kWinogradVectors][9][V::lanes];
    for (int v = 0; v < kWinogradVectors; ++v) {
      const int left = a.lanes - v * V::lanes, lanes = left < 0 ? 0 : (left < V::lanes ? left : V::lanes);
      for (int tap = 0; tap < 9; ++tap)
        winograd_tap(a,
                     a.kernel + (a.flipped ? 8 - tap : tap) * a.tap_stride + row0 * a.row_stride +
                         v * V::lanes * a.lane_stride,
                     rows, lanes, taps[v][tap]);
    }
    for (int row = 0; row < rows; ++row)
      winograd_kernels_to<kForm, kStream>(taps, row, a.dst + static_cast<int64_t>(row0 + row) * kLanes,
                                          a.frequency);
  }
}

template <bool kStream>
static inline void winograd_weights_of_form(const WinogradWeights& a) {
  switch (a.form) {
    case WinogradForm::f2:
      return winograd_weights_run<WinogradForm::f2, kStream>(a);
    case WinogradForm::f4:
      return winograd_weights_run<WinogradForm::f4, kStream>(a);
    case WinogradForm::f6:
      return winograd_weights_run<WinogradForm::f6, kStream>(a);
    case WinogradForm::stride2_f4:
    case WinogradForm::stride2_f4_back:
      return winograd_weights_run<WinogradForm::stride2_f4, kStream>(a);
    case WinogradForm::stride2_f5:
    case WinogradForm::stride2_f5_back:
      return winograd_weights_run<WinogradForm::stride2_f5, kStream>(a);
  }
}

static void winograd_weights(const WinogradWeights& a) {
  if (!a.streams) return winograd_weights_of_form<false>(a);
  winograd_weights_of_form<true>(a);
  stream_end();
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
