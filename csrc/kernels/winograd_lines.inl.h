// Winograd's transforms of one row or column: of the inputs (B'), of the outputs (A'), and for the gradient
// of the weights of the gradients of the outputs (A). The points are 0, +-1 (F(2, 3)), +-1, +-2, +-1/2 (F(6,
// 3)) and for F(4, 3) 0, +-3/2, +-2/3: half the error of 0, +-1, +-2 in as many steps. Its frequencies are
// scaled by the other point of a pair, 2/3 and 3/2. Even and odd terms of a pair of points share their sums.
//
// Stride 2 is polyphase: of two neighbours in the larger image one meets two taps, by F(4, 2) on the points
// 0, 1/2, -1 and 2 (a third closer than 0, +-1 and 2) or F(5, 2) on F(4, 3)'s, and the other one tap, as it
// is.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kWinogradVectors = kLanes / V::lanes;  // in a block of sixteen channels

static inline int32_t winograd_blocks(int32_t channels) {
  return (channels + kLanes - 1) / kLanes;
}

static inline void winograd_in(const V (&d)[4], V (&r)[4]) {
  r[0] = d[0] - d[2];
  r[1] = d[1] + d[2];
  r[2] = d[2] - d[1];
  r[3] = d[1] - d[3];
}

static inline void winograd_in(const V (&d)[6], V* r) {
  const V even1 = fma(set1(-4.0f / 9), d[2], d[4]), odd1 = fma(set1(-4.0f / 9), d[1], d[3]);
  const V even2 = fma(set1(-2.25f), d[2], d[4]), odd2 = fma(set1(-2.25f), d[1], d[3]);
  r[0] = fma(set1(-97.0f / 36), d[2], d[0] + d[4]);
  r[1] = fma(set1(1.5f), odd1, even1);
  r[2] = fma(set1(-1.5f), odd1, even1);
  r[3] = fma(set1(2.0f / 3), odd2, even2);
  r[4] = fma(set1(-2.0f / 3), odd2, even2);
  r[5] = fma(set1(-97.0f / 36), d[3], d[1] + d[5]);
}

static inline void winograd_in(const V (&d)[8], V (&r)[8]) {
  const V even1 = fma(set1(-4.25f), d[4], d[2] + d[6]), odd1 = fma(set1(-4.25f), d[3], d[1] + d[5]);
  const V even2 = fma(set1(0.25f), d[2], fma(set1(-1.25f), d[4], d[6]));
  const V odd2 = fma(set1(0.5f), d[1], fma(set1(-2.5f), d[3], set1(2.0f) * d[5]));
  const V even3 = fma(set1(4.0f), d[2], fma(set1(-5.0f), d[4], d[6]));
  const V odd3 = fma(set1(2.0f), d[1], fma(set1(-2.5f), d[3], set1(0.5f) * d[5]));
  r[0] = fma(set1(5.25f), d[4] - d[2], d[0] - d[6]);
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = even2 + odd2;
  r[4] = even2 - odd2;
  r[5] = even3 + odd3;
  r[6] = even3 - odd3;
  r[7] = fma(set1(5.25f), d[3] - d[5], d[7] - d[1]);
}

static inline void winograd_out(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

static inline void winograd_out(const V (&m)[6], V (&y)[4]) {
  const V even1 = m[1] + m[2], odd1 = m[1] - m[2], even2 = m[3] + m[4], odd2 = m[3] - m[4];
  y[0] = fma(set1(2.0f / 3), even1, fma(set1(1.5f), even2, m[0]));
  y[1] = odd1 + odd2;
  y[2] = fma(set1(1.5f), even1, set1(2.0f / 3) * even2);
  y[3] = fma(set1(2.25f), odd1, fma(set1(4.0f / 9), odd2, m[5]));
}

static inline void winograd_out(const V (&m)[8], V (&y)[6]) {
  const V even1 = m[1] + m[2], odd1 = m[1] - m[2], even2 = m[3] + m[4], odd2 = m[3] - m[4];
  const V even3 = m[5] + m[6], odd3 = m[5] - m[6];
  y[0] = m[0] + even1 + fma(set1(32.0f), even3, even2);
  y[1] = fma(set1(16.0f), odd3, fma(set1(2.0f), odd2, odd1));
  y[2] = fma(set1(8.0f), even3, fma(set1(4.0f), even2, even1));
  y[3] = fma(set1(4.0f), odd3, fma(set1(8.0f), odd2, odd1));
  y[4] = fma(set1(2.0f), even3, fma(set1(16.0f), even2, even1));
  y[5] = fma(set1(32.0f), odd2, odd1) + odd3 + m[7];
}

// Two taps, F(4, 2).
static inline void winograd_two_taps_in(const V (&d)[5], V* r) {
  r[0] = fma(set1(-1.5f), d[1] + d[2], d[0] + d[3]);
  r[1] = fma(set1(-2.0f), d[1], d[3] - d[2]);
  r[2] = fma(set1(-2.5f), d[2], d[1] + d[3]);
  r[3] = fma(set1(0.5f), d[2] - d[1], d[3]);
  r[4] = fma(set1(-1.5f), d[2] + d[3], d[1] + d[4]);
}

static inline void winograd_two_taps_out(const V* m, V (&y)[4]) {
  y[0] = (m[0] + m[1]) + (m[2] + m[3]);
  y[1] = fma(set1(2.0f), m[3], fma(set1(0.5f), m[1], zero() - m[2]));
  y[2] = fma(set1(4.0f), m[3], fma(set1(0.25f), m[1], m[2]));
  y[3] = fma(set1(8.0f), m[3], fma(set1(0.125f), m[1], m[4] - m[2]));
}

// F(5, 2) has F(4, 3)'s inputs.
static inline void winograd_two_taps_in(const V (&d)[6], V* r) {
  winograd_in(d, r);
}

static inline void winograd_two_taps_out(const V* m, V (&y)[5]) {
  const V even1 = m[1] + m[2], odd1 = m[1] - m[2], even2 = m[3] + m[4], odd2 = m[3] - m[4];
  y[0] = m[0] + (even1 + even2);
  y[1] = fma(set1(2.0f / 3), odd2, set1(1.5f) * odd1);
  y[2] = fma(set1(4.0f / 9), even2, set1(2.25f) * even1);
  y[3] = fma(set1(8.0f / 27), odd2, set1(3.375f) * odd1);
  y[4] = fma(set1(16.0f / 81), even2, fma(set1(81.0f / 16), even1, m[5]));
}

template <int kLine>
static inline void winograd_stride2_in(const V (&d)[kLine], V (&r)[kLine]) {
  constexpr int kTile = kLine / 2;
  V even[kTile + 1];
  for (int i = 0; i <= kTile; ++i) even[i] = d[2 * i];
  winograd_two_taps_in(even, r);
  for (int i = 0; i < kTile; ++i) r[kTile + 1 + i] = d[2 * i + 1];
}

template <int kLine, int kTile>
static inline void winograd_stride2_out(const V (&m)[kLine], V (&y)[kTile]) {
  winograd_two_taps_out(m, y);
  for (int i = 0; i < kTile; ++i) y[i] = y[i] + m[kTile + 1 + i];
}

// Backwards; with an odd padding the first output is one that meets one tap.
template <int kIn, int kLine>
static inline void winograd_stride2_back_in(const V (&d)[kIn], V (&r)[kLine], bool odd) {
  winograd_two_taps_in(d, r);
  for (int i = 0; i < kIn - 1; ++i) r[kIn + i] = odd ? d[i] : d[i + 1];
}

template <int kLine, int kOut>
static inline void winograd_stride2_back_out(const V (&m)[kLine], V (&y)[kOut], bool odd) {
  constexpr int kTile = kOut / 2;
  V two_taps[kTile];
  winograd_two_taps_out(m, two_taps);
  for (int i = 0; i < kTile; ++i) {
    y[2 * i] = odd ? m[kTile + 1 + i] : two_taps[i];
    y[2 * i + 1] = odd ? two_taps[i] : m[kTile + 1 + i];
  }
}

// The gradients of four outputs to six frequencies.
static inline void winograd_grad_out(const V (&y)[4], V (&m)[6]) {
  const V even1 = fma(set1(1.5f), y[2], set1(2.0f / 3) * y[0]), odd1 = fma(set1(2.25f), y[3], y[1]);
  const V even2 = fma(set1(1.5f), y[0], set1(2.0f / 3) * y[2]), odd2 = fma(set1(4.0f / 9), y[3], y[1]);
  m[0] = y[0];
  m[1] = even1 + odd1;
  m[2] = even1 - odd1;
  m[3] = even2 + odd2;
  m[4] = even2 - odd2;
  m[5] = y[3];
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
