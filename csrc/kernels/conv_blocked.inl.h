// Convolution with sixteen channels in the lanes (nchw16c): one register-blocked outer product of output
// channels and pixels, for any source whose pixels and channels lie at fixed steps. Forward and backward-data
// share conv_blocked.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kBlockVectors = kLanes / V::lanes;  // vectors in a block of sixteen channels
// Blocks and pixels of a tile: 28 accumulators of 32 registers on AVX-512, 12 of 16 elsewhere.
constexpr int kBlockedBlocks = V::lanes == 16 ? 2 : 1;
constexpr int kBlockedPixels = V::lanes == 16 ? 14 : (V::lanes == 8 ? 6 : 3);
// Output rows whose gradients (one block, in floats) stay in the first-level cache while all weights pass by.
constexpr int kBlockedWgradChunk = 4096;

struct BlockedRun {  // pixels in a straight line
  const float* src;
  const float* weights;
  float* dst;
  int64_t src_step, dst_step;
  int oc0;
};

// One term of the sum: a row of weights times the pixels' values of one channel.
template <int kBlocks, int kPixels>
static inline void blocked_term(const float* s, int64_t step, const float* w, int64_t block_size,
                                V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V b[kVectors];
  for (int v = 0; v < kVectors; ++v)
    b[v] = load(w + (v / kBlockVectors) * block_size + (v % kBlockVectors) * V::lanes);
  for (int p = 0; p < kPixels; ++p) {
    const V x = set1(s[p * step]);
    for (int v = 0; v < kVectors; ++v) acc[p][v] = fma(x, b[v], acc[p][v]);
  }
}

template <int kBlocks, int kPixels>
static inline void blocked_tile(const ConvBlocked& a, const BlockedRun& run) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  const int64_t step = run.src_step;
  const Tap* const end = a.rect.taps + a.rect.n_taps;
  V acc[kPixels][kVectors];
  for (int p = 0; p < kPixels; ++p)
    for (int v = 0; v < kVectors; ++v) acc[p][v] = zero();
  if (a.ic == 1) {  // taps alone make the sum: no inner loop to start and stop
    for (const Tap* tap = a.rect.taps; tap != end; ++tap)
      blocked_term<kBlocks, kPixels>(run.src + tap->src_offset, step, run.weights + tap->index * kLanes,
                                     block_size, acc);
  } else {
    for (const Tap* tap = a.rect.taps; tap != end; ++tap) {
      const float* tap_src = run.src + tap->src_offset;
      const float* w = run.weights + static_cast<int64_t>(tap->index) * a.ic * kLanes;
      for (int i0 = 0; i0 < a.ic; i0 += kLanes, tap_src += a.src_block) {
        const int n = a.ic - i0 < kLanes ? a.ic - i0 : kLanes;
        const float* s = tap_src;
        for (int i = 0; i < n; ++i, s += a.src_lane, w += kLanes)
          blocked_term<kBlocks, kPixels>(s, step, w, block_size, acc);
      }
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const int lane = (v / kBlockVectors) * kLanes + (v % kBlockVectors) * V::lanes;
    const V bias = a.bias ? load(a.bias + run.oc0 + lane) : zero();
    float* dst = run.dst + (v / kBlockVectors) * a.dst_block + (v % kBlockVectors) * V::lanes;
    for (int p = 0; p < kPixels; ++p)
      store(dst + p * run.dst_step, activated(a.activation, acc[p][v] + bias));
  }
}

using BlockedFn = void (*)(const ConvBlocked&, const BlockedRun&);

template <int kBlocks, int kPixels>
static inline BlockedFn blocked_find(int pixels) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return blocked_find<kBlocks, kPixels - 1>(pixels);
  }
  return blocked_tile<kBlocks, kPixels>;
}

template <int kBlocks>
static inline void blocked_line(const ConvBlocked& a, BlockedRun run, int pixels) {
  const Parts parts = split_evenly(pixels, kBlockedPixels);
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    blocked_find<kBlocks, kBlockedPixels>(n)(a, run);
    run.src += n * run.src_step;
    run.dst += n * run.dst_step;
  }
}

static void conv_blocked(const ConvBlocked& a) {
  Rect r = a.rect;
  if (r.cols < kBlockedPixels && r.rows > r.cols) {  // tiles run along the longer side
    r.rows = a.rect.cols, r.cols = a.rect.rows;
    r.src_row = a.rect.src_col, r.src_col = a.rect.src_row;
    r.dst_row = a.rect.dst_col, r.dst_col = a.rect.dst_row;
  }
  const int blocks = (a.oc + kLanes - 1) / kLanes;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  for (int block = 0; block < blocks; block += kBlockedBlocks) {
    for (int y = 0; y < r.rows; ++y) {
      BlockedRun run;
      run.src = a.src + r.src0 + y * r.src_row;
      run.dst = a.dst + block * a.dst_block + r.dst0 + y * r.dst_row;
      run.weights = a.weights + block * block_size;
      run.src_step = r.src_col, run.dst_step = r.dst_col;
      run.oc0 = block * kLanes;
      if (kBlockedBlocks == 2 && block + 2 <= blocks) {
        blocked_line<kBlockedBlocks>(a, run, r.cols);
      } else {
        blocked_line<1>(a, run, r.cols);
      }
    }
  }
}

// ---- gradient of the weights ----

// Times kBlockVectors accumulators. gcc 12 leaves loops of more than 16 turns rolled, and the accumulators in
// memory.
constexpr int kBlockedWgradRows = V::lanes == 16 ? 14 : kBlockedPixels;

struct BlockedWgradTile {
  const float* src[kBlockedWgradRows];
  const float* grad_dst;
  float* grad_weights[kBlockedWgradRows];
  int64_t src_row, src_col, dst_row, dst_col;
  int rows, cols;
};

template <int kRows>
static inline void blocked_wgrad_tile(const BlockedWgradTile& t) {
  V acc[kRows][kBlockVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kBlockVectors; ++v) acc[r][v] = zero();
  for (int y = 0; y < t.rows; ++y) {
    const float* s[kRows];
    for (int r = 0; r < kRows; ++r) s[r] = t.src[r] + y * t.src_row;
    const float* g = t.grad_dst + y * t.dst_row;
    int64_t at = 0;
    for (int x = 0; x < t.cols; ++x, at += t.src_col, g += t.dst_col) {
      V b[kBlockVectors];
      for (int v = 0; v < kBlockVectors; ++v) b[v] = load(g + v * V::lanes);
      for (int r = 0; r < kRows; ++r) {
        const V x1 = set1(s[r][at]);
        for (int v = 0; v < kBlockVectors; ++v) acc[r][v] = fma(x1, b[v], acc[r][v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kBlockVectors; ++v) {
      float* grad = t.grad_weights[r] + v * V::lanes;
      store(grad, load(grad) + acc[r][v]);
    }
}

using BlockedWgradFn = void (*)(const BlockedWgradTile&);

template <int kRows>
static inline BlockedWgradFn blocked_wgrad_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return blocked_wgrad_find<kRows - 1>(rows);
  }
  return blocked_wgrad_tile<kRows>;
}

static inline void blocked_bias_grad(const BlockedWgradTile& t, float* grad_bias) {
  for (int v = 0; v < kBlockVectors; ++v) {
    V acc = load(grad_bias + v * V::lanes);
    for (int y = 0; y < t.rows; ++y)
      for (int x = 0; x < t.cols; ++x)
        acc = acc + load(t.grad_dst + y * t.dst_row + x * t.dst_col + v * V::lanes);
    store(grad_bias + v * V::lanes, acc);
  }
}

static void conv_blocked_wgrad(const ConvBlockedWgrad& a) {
  const Rect& r = a.rect;
  const int rows = r.n_taps * a.ic;
  const Parts parts = split_evenly(rows, kBlockedWgradRows);
  const int fit = kBlockedWgradChunk / (r.cols * kLanes);
  const int chunk = fit > 0 ? fit : 1;
  BlockedWgradTile t;
  t.src_row = r.src_row, t.src_col = r.src_col, t.dst_row = r.dst_row, t.dst_col = r.dst_col, t.cols = r.cols;
  for (int y0 = 0; y0 < r.rows; y0 += chunk) {
    t.rows = r.rows - y0 < chunk ? r.rows - y0 : chunk;
    t.grad_dst = a.grad_dst + r.dst0 + y0 * r.dst_row;
    for (int part = 0, row = 0; part < parts.count; ++part) {
      const int n = parts.size + (part < parts.larger);
      for (int i = 0; i < n; ++i, ++row) {
        const Tap& tap = r.taps[row / a.ic];
        const int c = row % a.ic;
        t.src[i] = a.src + r.src0 + tap.src_offset + (c / kLanes) * a.src_block + (c % kLanes) * a.src_lane +
                   y0 * r.src_row;
        t.grad_weights[i] = a.grad_weights + (static_cast<int64_t>(tap.index) * a.ic + c) * kLanes;
      }
      blocked_wgrad_find<kBlockedWgradRows>(n)(t);
    }
    if (a.grad_bias) blocked_bias_grad(t, a.grad_bias);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
