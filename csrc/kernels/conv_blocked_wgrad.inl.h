// Gradient of the weights with sixteen channels in the lanes: tiles of rows (input channels of a tap) times
// output channels, the pixels as the reduction.
#pragma once
#include "kernels/conv_blocked.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Rows and blocks of a tile: 28 accumulators of 32 registers on AVX-512, 12 of 16 elsewhere.
constexpr int kBlockedWgradBlocks = V::lanes == 16 ? 2 : 1;
constexpr int kBlockedWgradRows = kBlockedPixels;

struct BlockedWgradTile {
  const float* src[kBlockedWgradRows];
  const float* sums[kBlockedWgradRows];
  float* to[kBlockedWgradRows];
  const float* grad_dst;
  int64_t src_sample, src_row, src_col, dst_sample, dst_row, dst_col, dst_block, sums_block, to_block;
  int samples, rows, cols;
};

// Adds the products of a line of pixels, so many floats apart. Four at a time, as blocked_terms.
template <int kVectors, int kRows>
static inline __attribute__((always_inline)) void blocked_wgrad_line(const BlockedWgradTile& t,
                                                                     const float* const (&s)[kRows],
                                                                     const float* g, int64_t src_col,
                                                                     int64_t dst_col,
                                                                     V (&acc)[kRows][kVectors]) {
  int64_t at = 0;
#pragma GCC unroll 4
  for (int x = t.cols; x > 0; --x, at += src_col, g += dst_col) {
    V b[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      b[v] = load(g + (v / kBlockVectors) * t.dst_block + (v % kBlockVectors) * V::lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x1 = set1(s[r][at]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = fma(x1, b[v], acc[r][v]);
    }
  }
}

template <int kBlocks, int kRows>
static inline void blocked_wgrad_tile(const BlockedWgradTile& t) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
  // They may lie in memory, which the pixels give time to come.
  for (int r = 0; r < kRows; ++r)
    for (int block = 0; block < kBlocks; ++block) __builtin_prefetch(t.to[r] + block * t.to_block, 1);
  for (int n = 0; n < t.samples; ++n)
    for (int y = 0; y < t.rows; ++y) {
      const float* s[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) s[r] = t.src[r] + n * t.src_sample + y * t.src_row;
      const float* g = t.grad_dst + n * t.dst_sample + y * t.dst_row;
      if (t.src_col == kLanes && t.dst_col == kLanes)
        blocked_wgrad_line(t, s, g, kLanes, kLanes, acc);
      else
        blocked_wgrad_line(t, s, g, t.src_col, t.dst_col, acc);
    }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = (v % kBlockVectors) * V::lanes;
      const V before = load(t.sums[r] + (v / kBlockVectors) * t.sums_block + at);
      store(t.to[r] + (v / kBlockVectors) * t.to_block + at, before + acc[r][v]);
    }
}

using BlockedWgradFn = void (*)(const BlockedWgradTile&);

template <int kBlocks, int kRows>
static inline BlockedWgradFn blocked_wgrad_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return blocked_wgrad_find<kBlocks, kRows - 1>(rows);
  }
  return blocked_wgrad_tile<kBlocks, kRows>;
}

// Four sums a vector hide the latency of an addition.
static inline void blocked_bias_grad(const float* grad_dst, int64_t pixels, float* grad_bias,
                                     bool accumulate) {
  constexpr int kSums = 4;
  V acc[kSums][kBlockVectors];
  for (int i = 0; i < kSums; ++i)
    for (int v = 0; v < kBlockVectors; ++v) acc[i][v] = zero();
  int64_t p = 0;
  for (; p + kSums <= pixels; p += kSums)
    for (int i = 0; i < kSums; ++i)
      for (int v = 0; v < kBlockVectors; ++v)
        acc[i][v] = acc[i][v] + load(grad_dst + (p + i) * kLanes + v * V::lanes);
  for (; p < pixels; ++p)
    for (int v = 0; v < kBlockVectors; ++v)
      acc[0][v] = acc[0][v] + load(grad_dst + p * kLanes + v * V::lanes);
  for (int v = 0; v < kBlockVectors; ++v) {
    float* grad = grad_bias + v * V::lanes;
    const V total = (acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]);
    store(grad, accumulate ? load(grad) + total : total);
  }
}

// One rectangle's part of the outputs, for kBlocks blocks from `block` on.
template <int kBlocks>
static inline void blocked_wgrad_rect(const ConvBlockedWgrad& a, const Rect& rect, int block) {
  const int first = static_cast<int>(rect.dst0 / (static_cast<int64_t>(a.cols) * kLanes));
  const int from = a.row_begin > first ? a.row_begin - first : 0;
  const int to = a.row_end - first < rect.rows ? a.row_end - first : rect.rows;
  Rect part = rect;
  part.rows = to > from ? to - from : 0;
  const Rect r = straightened(part, kBlockedWgradRows);
  const GradPlace<const float> zeros{kBlockedZeros, 0, 0, 0}, sums = a.sums.at ? a.sums : zeros;
  BlockedWgradTile t;
  t.src_sample = a.src_sample, t.src_row = r.src_row, t.src_col = r.src_col;
  t.dst_sample = a.dst_sample, t.dst_row = r.dst_row, t.dst_col = r.dst_col;
  t.samples = a.samples, t.rows = r.rows, t.cols = r.cols;
  t.dst_block = a.dst_block, t.sums_block = sums.block, t.to_block = a.to.block;
  t.grad_dst = a.grad_dst + block * a.dst_block + rect.dst0 + from * rect.dst_row;
  const float* src = a.src + rect.src0 + from * rect.src_row;
  const int length = rect.run ? rect.run : a.ic;
  const Parts parts = split_evenly(rect.n_taps * length, kBlockedWgradRows);
  const Tap* tap = rect.taps;
  for (int part = 0, c = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    for (int i = 0; i < n; ++i) {
      t.src[i] = src + tap->src_offset + (rect.run ? c : (c / kLanes) * a.src_block + c % kLanes);
      const int64_t at = rect.run ? 0 : tap->index, channel = rect.run ? tap->index + c : c;
      t.sums[i] = sums.at + at * sums.tap + channel * sums.row + block * sums.block;
      t.to[i] = a.to.at + at * a.to.tap + channel * a.to.row + block * a.to.block;
      if (++c == length) ++tap, c = 0;
    }
    blocked_wgrad_find<kBlocks, kBlockedWgradRows>(n)(t);
  }
}

// The output gradients of few blocks stay in the first-level cache while all weights pass by.
static void conv_blocked_wgrad(const ConvBlockedWgrad& a) {
  for (int block = 0; block < a.blocks;) {
    const int n = a.blocks - block < kBlockedWgradBlocks ? 1 : kBlockedWgradBlocks;
    const auto sum = n == 1 ? blocked_wgrad_rect<1> : blocked_wgrad_rect<kBlockedWgradBlocks>;
    for (int i = 0; i < a.n_rects; ++i) sum(a, a.rects[i], block);
    block += n;
  }
  if (!a.grad_bias) return;
  const int64_t line = static_cast<int64_t>(a.cols) * kLanes;
  for (int block = 0; block < a.blocks; ++block)
    for (int n = 0; n < a.samples; ++n)
      blocked_bias_grad(a.grad_dst + n * a.dst_sample + block * a.dst_block + a.row_begin * line,
                        int64_t{a.row_end - a.row_begin} * a.cols, a.grad_bias + block * a.bias_block,
                        a.sums.at || n > 0);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
