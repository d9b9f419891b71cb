// Convolution with sixteen channels in the lanes over bfloat16, sums in float32: the register-blocked outer
// product of conv_blocked with a pair of products in place of each one. Forward and backward-data pair
// neighbouring channels; the gradient of the weights sums over pixels and pairs samples.
#pragma once
#include "kernels/bf16.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kBf16BlockPairs = kLanes / 2;  // of a pixel's block
// Rows of a tile of the weights' gradient: channels of one pixel, which need one pointer.
constexpr int kBf16WgradRows = V::lanes == 16 ? 8 : kBf16Rows;

// ---- forward and backward-data ----

// Weights that are used next, fetched while the present ones are in use: some rows of them with every eight
// pairs of channels of a tap.
struct Bf16Ahead {
  const uint32_t *at, *end;
  int rows;
};

static inline void bf16_fetch(Bf16Ahead& ahead) {
  for (int row = 0; row < ahead.rows && ahead.at < ahead.end; ++row, ahead.at += kLanes)
    __builtin_prefetch(ahead.at, 0, 2);
}

// Pixels in a straight line.
struct Bf16Run {
  const Rect* rect;
  const uint32_t* src;
  const uint32_t* weights;
  float* dst;
  int64_t src_step, dst_step;
  int oc0;
  Bounds bounds;          // of an output
  Activation activation;  // that is more than bounds
};

// Bias, residual and activation, as conv_blocked has them.
template <int kBlocks, int kPixels>
static inline void bf16_store(const ConvBf16& a, const Bf16Run& run,
                              const V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  const int64_t dst_step = run.dst_step, dst_block = a.dst_block;
  const V low = set1(run.bounds.low), high = set1(run.bounds.high);
  const float* from = a.bias ? a.bias + run.oc0 : kBlockedZeros;
  const float* residual = a.residual ? a.residual + (run.dst - a.dst) : nullptr;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const V bias = load(from + v * V::lanes);
    const int64_t at = (v / kBlockVectors) * dst_block + (v % kBlockVectors) * V::lanes;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      const V sum = acc[p][v] + bias;
      store(run.dst + at + p * dst_step,
            within(low, high, residual ? load(residual + at + p * dst_step) + sum : sum));
    }
  }
  if (run.activation != Activation::none)
    for (int block = 0; block < kBlocks; ++block)
      blocked_activate(run.activation, run.dst + block * dst_block, dst_step, kPixels);
}

template <int kBlocks, int kPixels>
static inline void bf16_tile(const ConvBf16& a, const Bf16Run& run, Bf16Ahead& ahead) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.pairs * kLanes;
  const Tap* const end = run.rect->taps + run.rect->n_taps;
  V acc[kPixels][kVectors];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[p][v] = zero();
  for (const Tap* tap = run.rect->taps; tap != end; ++tap) {
    const uint32_t* src = run.src + tap->src_offset;
    const uint32_t* w = run.weights + static_cast<int64_t>(tap->index) * a.pairs * kLanes;
    for (int i0 = 0; i0 < a.pairs; i0 += kBf16BlockPairs, src += a.src_block) {
      const int n = a.pairs - i0 < kBf16BlockPairs ? a.pairs - i0 : kBf16BlockPairs;
      bf16_fetch(ahead);
      for (int i = 0; i < n; ++i, w += kLanes)
        bf16_term<kBlocks, kPixels>(src + i, run.src_step, w, block_size, acc);
    }
  }
  bf16_store<kBlocks, kPixels>(a, run, acc);
}

using Bf16Fn = void (*)(const ConvBf16&, const Bf16Run&, Bf16Ahead&);

template <int kBlocks, int kPixels>
static inline Bf16Fn bf16_find(int pixels) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return bf16_find<kBlocks, kPixels - 1>(pixels);
  }
  return bf16_tile<kBlocks, kPixels>;
}

template <int kBlocks>
static inline void bf16_line(const ConvBf16& a, Bf16Run run, int pixels, Bf16Ahead& ahead) {
  const Parts parts = split_evenly(pixels, kBf16Rows);
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    bf16_find<kBlocks, kBf16Rows>(n)(a, run, ahead);
    run.src += n * run.src_step;
    run.dst += n * run.dst_step;
  }
}

// One rectangle, some blocks of output channels.
static inline void bf16_rect(const ConvBf16& a, const Rect& rect, int block, int blocks, Bf16Ahead& ahead) {
  const Rect r = straightened(rect, kBf16Rows);
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.pairs * kLanes;
  for (int y = 0; y < r.rows; ++y) {
    Bf16Run run;
    run.rect = &r;
    run.src = a.src + r.src0 + y * r.src_row;
    run.dst = a.dst + block * a.dst_block + r.dst0 + y * r.dst_row;
    run.weights = a.weights + block * block_size;
    run.src_step = r.src_col, run.dst_step = r.dst_col;
    run.oc0 = block * kLanes;
    run.bounds = bounds_of(a.activation);
    run.activation = is_bounds(a.activation) ? Activation::none : a.activation;
    if (blocks == kBf16Blocks) {
      bf16_line<kBf16Blocks>(a, run, r.cols, ahead);
    } else {
      bf16_line<1>(a, run, r.cols, ahead);
    }
  }
}

// What follows these blocks, as fast as the pixels need it.
static inline Bf16Ahead bf16_ahead(const ConvBf16& a, int next, int blocks) {
  constexpr int kMost = 8;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.pairs * kLanes;
  const uint32_t* const at = next < blocks ? a.weights + next * block_size : a.next_weights;
  int pixels = 0;
  for (int i = 0; i < a.n_rects; ++i) pixels += a.rects[i].rows * a.rects[i].cols;
  const int rows = (kBf16BlockPairs * kBf16Blocks * kBf16Rows + pixels - 1) / pixels;
  return {at, at + kBf16Blocks * block_size, rows < kMost ? rows : kMost};
}

// Blocks come one after the other with all their rectangles: their weights come from far away once.
static void conv_bf16(const ConvBf16& a) {
  const int blocks = (a.oc + kLanes - 1) / kLanes;
  for (int block = 0; block < blocks; block += kBf16Blocks) {
    const int some = blocks - block < kBf16Blocks ? blocks - block : kBf16Blocks;
    Bf16Ahead ahead = bf16_ahead(a, block + some, blocks);
    for (int i = 0; i < a.n_rects; ++i) bf16_rect(a, a.rects[i], block, some, ahead);
  }
}

// ---- gradient of the weights ----

struct Bf16WgradTile {
  const uint32_t* src;
  const uint32_t* grad_dst;
  float* grad_weights;
  int64_t src_row, src_col, dst_row, dst_col, dst_block, grad_block;
  int rows, cols;
};

template <int kBlocks, int kRows>
static inline void bf16_wgrad_tile(const Bf16WgradTile& t) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
  for (int y = 0; y < t.rows; ++y) {
    const uint32_t* s = t.src + y * t.src_row;
    const uint32_t* g = t.grad_dst + y * t.dst_row;
    for (int x = 0; x < t.cols; ++x, s += t.src_col, g += t.dst_col)
      bf16_term<kBlocks, kRows>(s, 1, g, t.dst_block, acc);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      float* grad =
          t.grad_weights + (v / kBlockVectors) * t.grad_block + r * kLanes + (v % kBlockVectors) * V::lanes;
      store(grad, load(grad) + acc[r][v]);
    }
}

using Bf16WgradFn = void (*)(const Bf16WgradTile&);

template <int kBlocks, int kRows>
static inline Bf16WgradFn bf16_wgrad_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return bf16_wgrad_find<kBlocks, kRows - 1>(rows);
  }
  return bf16_wgrad_tile<kBlocks, kRows>;
}

// The bias is one more row of the weights, whose source is always 1.
static __attribute__((noinline)) void bf16_bias_grad(const Bf16WgradTile& t, float* grad_bias) {
  static constexpr uint32_t kOnes = 0x3f803f80;
  V acc[1][kBlockVectors];
  for (int v = 0; v < kBlockVectors; ++v) acc[0][v] = load(grad_bias + v * V::lanes);
  for (int y = 0; y < t.rows; ++y)
    for (int x = 0; x < t.cols; ++x)
      bf16_term<1, 1>(&kOnes, 0, t.grad_dst + y * t.dst_row + x * t.dst_col, 0, acc);
  for (int v = 0; v < kBlockVectors; ++v) store(grad_bias + v * V::lanes, acc[0][v]);
}

// All weights of as many blocks of output channels as a tile has, over the tile's outputs.
template <int kBlocks>
static inline void bf16_wgrad_rows(const ConvBf16Wgrad& a, Bf16WgradTile t, int block) {
  const uint32_t* const src = t.src;
  t.grad_dst += block * a.dst_block;
  for (const Tap* tap = a.rect.taps; tap != a.rect.taps + a.rect.n_taps; ++tap) {
    t.grad_weights = a.grad_weights + block * a.grad_block + static_cast<int64_t>(tap->index) * a.ic * kLanes;
    for (int c = 0, n; c < a.ic; c += n, t.grad_weights += n * kLanes) {
      n = a.ic - c < kBf16WgradRows ? a.ic - c : kBf16WgradRows;
      t.src = src + tap->src_offset + (c / kLanes) * a.src_block + c % kLanes;
      bf16_wgrad_find<kBlocks, kBf16WgradRows>(n)(t);
    }
  }
  for (int i = 0; i < kBlocks; ++i, t.grad_dst += a.dst_block)
    bf16_bias_grad(t, a.grad_bias + (block + i) * a.grad_block);
}

static void conv_bf16_wgrad(const ConvBf16Wgrad& a) {
  const Rect& r = a.rect;
  const int fit = kWgradChunk / (r.cols * kLanes * kBf16Blocks);
  const int chunk = fit > 0 ? fit : 1;
  Bf16WgradTile t{nullptr,   nullptr,     nullptr,      r.src_row, r.src_col, r.dst_row,
                  r.dst_col, a.dst_block, a.grad_block, 0,         r.cols};
  for (int y = 0; y < r.rows; y += chunk) {
    t.rows = r.rows - y < chunk ? r.rows - y : chunk;
    t.src = a.src + r.src0 + y * r.src_row;
    t.grad_dst = a.grad_dst + r.dst0 + y * r.dst_row;
    int block = 0;
    for (; block + kBf16Blocks <= a.blocks; block += kBf16Blocks) bf16_wgrad_rows<kBf16Blocks>(a, t, block);
    if (block < a.blocks) bf16_wgrad_rows<1>(a, t, block);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
