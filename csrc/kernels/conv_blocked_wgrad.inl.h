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
// Floats of one block's gradients that stay in the first-level cache while all weights pass by.
constexpr int kBlockedWgradChunk = 4096;

struct BlockedWgradTile {
  const float* src[kBlockedWgradRows];
  float* grad_weights[kBlockedWgradRows];
  const float* grad_dst;
  int64_t src_row, src_col, dst_row, dst_col, dst_block, weights_block;
  int rows, cols;
  bool accumulate;
};

template <int kBlocks, int kRows>
static inline void blocked_wgrad_tile(const BlockedWgradTile& t) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
  for (int y = 0; y < t.rows; ++y) {
    const float* s[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) s[r] = t.src[r] + y * t.src_row;
    const float* g = t.grad_dst + y * t.dst_row;
    int64_t at = 0;
    for (int x = 0; x < t.cols; ++x, at += t.src_col, g += t.dst_col) {
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
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      float* grad =
          t.grad_weights[r] + (v / kBlockVectors) * t.weights_block + (v % kBlockVectors) * V::lanes;
      store(grad, t.accumulate ? load(grad) + acc[r][v] : acc[r][v]);
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

// All blocks of output channels, for one tile of rows.
static inline void blocked_wgrad_blocks(const ConvBlockedWgrad& a, BlockedWgradTile t, int rows) {
  for (int block = 0; block < a.blocks;) {
    const int n = a.blocks - block < kBlockedWgradBlocks ? 1 : kBlockedWgradBlocks;
    const auto tile = n == 1 ? blocked_wgrad_find<1, kBlockedWgradRows>(rows)
                             : blocked_wgrad_find<kBlockedWgradBlocks, kBlockedWgradRows>(rows);
    tile(t);
    t.grad_dst += n * a.dst_block;
    for (int i = 0; i < rows; ++i) t.grad_weights[i] += n * a.weights_block;
    block += n;
  }
}

// One rectangle's part of the output rows [y0, y1).
static inline void blocked_wgrad_rect(const ConvBlockedWgrad& a, const Rect& rect, int y0, int y1) {
  const int first = static_cast<int>(rect.dst0 / (static_cast<int64_t>(a.cols) * kLanes));
  const int from = y0 > first ? y0 - first : 0;
  const int to = y1 - first < rect.rows ? y1 - first : rect.rows;
  Rect part = rect;
  part.rows = to > from ? to - from : 0;
  const Rect r = straightened(part, kBlockedWgradRows);
  BlockedWgradTile t;
  t.src_row = r.src_row, t.src_col = r.src_col, t.dst_row = r.dst_row, t.dst_col = r.dst_col;
  t.rows = r.rows, t.cols = r.cols;
  t.dst_block = a.dst_block, t.weights_block = a.weights_block;
  t.accumulate = a.accumulate || y0 > 0;
  t.grad_dst = a.grad_dst + rect.dst0 + from * rect.dst_row;
  const float* src = a.src + rect.src0 + from * rect.src_row;
  const int length = rect.run ? rect.run : a.ic;
  const Parts parts = split_evenly(rect.n_taps * length, kBlockedWgradRows);
  const Tap* tap = rect.taps;
  for (int part = 0, c = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    for (int i = 0; i < n; ++i) {
      t.src[i] = src + tap->src_offset + (rect.run ? c : (c / kLanes) * a.src_block + c % kLanes);
      const int64_t row = (rect.run ? tap->index : static_cast<int64_t>(tap->index) * a.tap_rows) + c;
      t.grad_weights[i] = a.grad_weights + row * a.weights_row;
      if (++c == length) ++tap, c = 0;
    }
    blocked_wgrad_blocks(a, t, n);
  }
}

static void conv_blocked_wgrad(const ConvBlockedWgrad& a) {
  const int64_t line = static_cast<int64_t>(a.cols) * kLanes;
  const int fit = static_cast<int>(kBlockedWgradChunk / line);
  const Parts chunks = split_evenly(a.rows, fit > 0 ? fit : 1);
  for (int chunk = 0, y0 = 0; chunk < chunks.count; ++chunk) {
    const int y1 = y0 + chunks.size + (chunk < chunks.larger);
    for (int i = 0; i < a.n_rects; ++i) blocked_wgrad_rect(a, a.rects[i], y0, y1);
    if (a.grad_bias)
      for (int block = 0; block < a.blocks; ++block)
        blocked_bias_grad(a.grad_dst + block * a.dst_block + y0 * line, (y1 - y0) * int64_t{a.cols},
                          a.grad_bias + block * a.weights_block, a.accumulate || y0 > 0);
    y0 = y1;
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
