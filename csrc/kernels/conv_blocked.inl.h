// Convolution with sixteen channels in the lanes (nchw16c): register tiles of pixels times blocks of output
// channels, for any source whose channels lie side by side in pieces. Forward and backward-data share
// conv_blocked.
#pragma once
#include "kernels/blocked.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Registers for the accumulators and weights of a tile, and its most pixels: 28 accumulators of 32 registers
// on AVX-512, 12 of 16 elsewhere. With all 32 in use gcc 12 spills.
constexpr int kBlockedRegisters = V::lanes == 16 ? 31 : 16;
constexpr int kBlockedPixels = V::lanes == 16 ? 14 : (V::lanes == 8 ? 6 : 3);

// Blocks of input channels that a 1x1 kernel's source lines are fetched ahead of their use: far enough for
// the third-level cache (Zen 3, 2026-11: 256 to 64 channels at 56 from 90 % of peak with one to 95).
constexpr int kBlockedPixelsAhead = 4;

// Tiles of few pixels take more blocks of output channels: sums enough to hide the latency of a multiply-add.
// Four blocks of five or six pixels gcc 12 spills.
constexpr int blocked_blocks(int pixels) {
  const int most = kBlockedRegisters / ((pixels + 1) * kBlockVectors);
  return most >= 4 && pixels <= 4 ? 4 : (most >= 2 ? 2 : 1);
}

// Weights that are used next, rows side by side of each block of output channels: fetched, some rows with
// every tap, while the present ones are in use. Those that few pixels share come from far away (Zen 3,
// 2026-11: 1x1 of 2048 to 512 channels on 7 x 7 from 79 to 93 % of peak, 3x3 s2 of 512 on 14 x 14 from 80 to
// 90). Few tiles fetch more at a time (Zen 5, 2026-11: the same in ResNet50 from 69 to 85 and 72 to 90).
constexpr int kMostAhead = 8;
struct BlockedAhead {
  const float *at, *end;  // of this block's
  int64_t size, step;     // floats of a block's, and between blocks
  int blocks;             // after this one
  int rows;               // with every tap of sixteen input channels
};

// Pixels in a straight line, tile after tile, and the part of the sum that is added to them.
struct BlockedRun {
  const Rect* rect;
  const float* src;
  const float* weights;
  const float* bias;  // or zeros
  float* dst;
  int64_t src_step, dst_step;
  const float* summand;  // at a.dst's offsets: the residual, later what earlier parts left in dst; or null
  int first, last;       // blocks of sixteen input channels
  int tiles;
  Bounds bounds;          // of an output
  Activation activation;  // that is more than bounds
  BlockedAhead ahead;
};

// How a source is read: a 1x1 kernel's pixels side by side, in blocks of channels, or in runs.
enum class BlockedSource { pointwise, blocks, runs };

// One term of the sum: a row of weights times the pixels' values of one channel. What is less of both is held
// in registers.
template <int kBlocks, int kPixels>
static inline void blocked_term(const float* s, int64_t step, const float* w, int64_t block_size,
                                V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  constexpr int kVectors = kBlocks * kBlockVectors, kHeld = kPixels < kVectors ? kPixels : kVectors;
  V held[kHeld];
  if constexpr (kPixels < kVectors) {
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) held[p] = set1(s[p * step]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const V b = load(w + (v / kBlockVectors) * block_size + (v % kBlockVectors) * V::lanes);
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) acc[p][v] = fma(held[p], b, acc[p][v]);
    }
  } else {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      held[v] = load(w + (v / kBlockVectors) * block_size + (v % kBlockVectors) * V::lanes);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      const V x = set1(s[p * step]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[p][v] = fma(x, held[v], acc[p][v]);
    }
  }
}

// Neighbouring channels, each a term. Four at a time: where a neighbour shares the core, instructions are
// what counts (Zen 3, 2026-11: 3x3 of 64 channels at 56 from 70 to 80 % of peak; alone from 94 to 96).
template <int kBlocks, int kPixels>
static inline void blocked_terms(const float* s, int64_t n, int64_t step, const float*& w, int64_t block_size,
                                 V (&acc)[kPixels][kBlocks * kBlockVectors]) {
#pragma GCC unroll 4
  for (const float* const end = s + n; s != end; ++s, w += kLanes)
    blocked_term<kBlocks, kPixels>(s, step, w, block_size, acc);
}

static inline void blocked_fetch(BlockedAhead& ahead) {
  for (int row = 0; row < ahead.rows && ahead.at < ahead.end; ++row, ahead.at += kLanes)
    __builtin_prefetch(ahead.at, 0, 2);
}

// The source of the tiles to come: a block of input channels of one of them.
struct BlockedPixels {
  const float *tile, *at;
  int left;  // blocks of that tile from there on
};

static inline void blocked_next(const ConvBlocked& a, const BlockedRun& run, int64_t tile,
                                BlockedPixels& pixels) {
  pixels.at += a.src_block;
  if (--pixels.left == 0) pixels.at = pixels.tile += tile, pixels.left = run.last - run.first;
}

template <int kBlocks, int kPixels>
static inline void blocked_pointwise(const ConvBlocked& a, const BlockedRun& run, const float* src,
                                     BlockedPixels& pixels, BlockedAhead& ahead,
                                     V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  const int64_t block_size = static_cast<int64_t>(a.ic) * kLanes;
  const float* w = run.weights + run.first * kLanes * kLanes;
  src += run.first * a.src_block;
  const int end_left = a.ic - run.last * kLanes;
  for (int left = a.ic - run.first * kLanes; left > end_left; left -= kLanes, src += a.src_block) {
    for (int p = 0; p < kPixels; ++p) prefetch(pixels.at + p * kLanes);
    blocked_next(a, run, kPixels * kLanes, pixels);
    blocked_fetch(ahead);
    blocked_terms<kBlocks, kPixels>(src, left < kLanes ? left : kLanes, kLanes, w, block_size, acc);
  }
}

template <int kBlocks, int kPixels>
static inline void blocked_taps(const ConvBlocked& a, const BlockedRun& run, const float* src,
                                BlockedAhead& ahead, V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  const Tap *const begin = run.rect->taps, *const end = begin + run.rect->n_taps;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  const int64_t step = run.src_step, tap_block = static_cast<int64_t>(a.all_taps) * kLanes * kLanes;
  const float* weights = run.weights + run.first * tap_block;
  src += run.first * a.src_block;
  const int end_left = a.ic - run.last * kLanes;
  for (int left = a.ic - run.first * kLanes; left > end_left; left -= kLanes) {
    const int64_t channels = left < kLanes ? left : kLanes;
    for (const Tap* tap = begin; tap != end; ++tap) {
      const float* s = src + tap->src_offset;
      // A strided source: the next block's, which no neighbouring tile has read and the hardware misses
      // (Zen 3, 2026-11, kernel alone: 3x3 s2 of 128 channels on 56 x 56 from 82 to 89 % of peak).
      if (step != kLanes)
        for (int p = 0; p < kPixels; ++p) prefetch(s + a.src_block + p * step);
      blocked_fetch(ahead);
      const float* w = weights + tap->index * channels * kLanes;
      blocked_terms<kBlocks, kPixels>(s, channels, step, w, block_size, acc);
    }
    src += a.src_block, weights += tap_block;
  }
}

template <int kBlocks, int kPixels>
static inline void blocked_runs(const ConvBlocked& a, const BlockedRun& run, const float* src,
                                V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  const Tap *const begin = run.rect->taps, *const end = begin + run.rect->n_taps;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  const int64_t length = run.rect->run, step = run.src_step;
  const float* const weights = run.weights;
  for (const Tap* tap = begin; tap != end; ++tap) {
    const float* w = weights + tap->index * kLanes;
    blocked_terms<kBlocks, kPixels>(src + tap->src_offset, length, step, w, block_size, acc);
  }
}

// Bias and summand, before the sum: no product waits for them. Short loops with constant bounds: gcc 12 keeps
// accumulators in registers only if it unrolls all of them.
template <int kBlocks, int kPixels>
static inline void blocked_start(const ConvBlocked& a, const BlockedRun& run, const float* dst,
                                 V (&acc)[kPixels][kBlocks * kBlockVectors]) {
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p)
#pragma GCC unroll 16
    for (int v = 0; v < kBlocks * kBlockVectors; ++v) acc[p][v] = load(run.bias + v * V::lanes);
  if (!run.summand) return;
  const float* summand = run.summand + (dst - a.dst);
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p, summand += run.dst_step)
#pragma GCC unroll 16
    for (int v = 0; v < kBlocks * kBlockVectors; ++v) {
      const int64_t at = (v / kBlockVectors) * a.dst_block + (v % kBlockVectors) * V::lanes;
      acc[p][v] = load(summand + at) + acc[p][v];
    }
}

template <int kBlocks, int kPixels>
static inline void blocked_finish(const ConvBlocked& a, const BlockedRun& run, float* dst,
                                  V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  const V low = set1(run.bounds.low), high = set1(run.bounds.high);
  float* to = dst;
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p, to += run.dst_step)
#pragma GCC unroll 16
    for (int v = 0; v < kBlocks * kBlockVectors; ++v)
      store(to + (v / kBlockVectors) * a.dst_block + (v % kBlockVectors) * V::lanes,
            within(low, high, acc[p][v]));
  if (run.activation == Activation::none) return;
  for (int block = 0; block < kBlocks; ++block)
    blocked_activate(run.activation, dst + block * a.dst_block, run.dst_step, kPixels);
}

template <int kBlocks, int kPixels, BlockedSource kSource>
static void blocked_tiles(const ConvBlocked& a, BlockedRun& run) {
  const float* src = run.src;
  float* dst = run.dst;
  BlockedAhead ahead = run.ahead;
  const float* const first = src + run.first * a.src_block;
  BlockedPixels pixels{first, first, run.last - run.first};
  for (int i = 0; i < kBlockedPixelsAhead; ++i) blocked_next(a, run, kPixels * kLanes, pixels);
  for (int tile = 0; tile < run.tiles; ++tile) {
    if (ahead.at >= ahead.end && ahead.blocks)
      --ahead.blocks, ahead.end += ahead.step, ahead.at = ahead.end - ahead.size;
    V acc[kPixels][kBlocks * kBlockVectors];
    blocked_start<kBlocks, kPixels>(a, run, dst, acc);
    if constexpr (kSource == BlockedSource::pointwise)
      blocked_pointwise<kBlocks, kPixels>(a, run, src, pixels, ahead, acc);
    else if constexpr (kSource == BlockedSource::blocks)
      blocked_taps<kBlocks, kPixels>(a, run, src, ahead, acc);
    else
      blocked_runs<kBlocks, kPixels>(a, run, src, acc);
    blocked_finish<kBlocks, kPixels>(a, run, dst, acc);
    src += kPixels * run.src_step, dst += kPixels * run.dst_step;
  }
  run.ahead = ahead;
}

using BlockedFn = void (*)(const ConvBlocked&, BlockedRun&);

template <int kBlocks, int kPixels>
static inline BlockedFn blocked_find(int blocks, BlockedSource source) {
  if constexpr (kBlocks > 1) {
    if (blocks < kBlocks) return blocked_find<kBlocks / 2, kPixels>(blocks, source);
  }
  if (source == BlockedSource::pointwise) return blocked_tiles<kBlocks, kPixels, BlockedSource::pointwise>;
  if (source == BlockedSource::blocks) return blocked_tiles<kBlocks, kPixels, BlockedSource::blocks>;
  return blocked_tiles<kBlocks, kPixels, BlockedSource::runs>;
}

// The widest tile of so many pixels, for at most so many blocks.
template <int kPixels>
static inline BlockedFn blocked_find(int pixels, int blocks, BlockedSource source) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return blocked_find<kPixels - 1>(pixels, blocks, source);
  }
  return blocked_find<blocked_blocks(kPixels), kPixels>(blocks, source);
}

// Columns x0, x0 + pixels, ... of every row, all blocks of output channels, one panel of the input channels.
static inline void blocked_strips(const ConvBlocked& a, BlockedRun& run, int x0, int pixels, int strips) {
  const Rect& r = *run.rect;
  const int blocks = (a.oc + kLanes - 1) / kLanes;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  const bool pointwise = !r.run && a.all_taps == 1 && r.n_taps == 1 && r.src_col == kLanes;
  const int64_t src0 = r.src0 + (pointwise ? r.taps->src_offset : 0) + x0 * r.src_col;
  const BlockedSource source = pointwise ? BlockedSource::pointwise
                               : r.run   ? BlockedSource::runs
                                         : BlockedSource::blocks;
  run.tiles = strips;
  for (int block = 0; strips && block < blocks;) {
    int n = blocked_blocks(pixels);
    while (n > blocks - block) n /= 2;
    const BlockedFn tiles = blocked_find<kBlockedPixels>(pixels, n, source);
    run.weights = a.weights + block * block_size;
    run.bias = a.bias && !run.first ? a.bias + block * kLanes : kBlockedZeros;
    for (int y = 0; y < r.rows; ++y) {
      run.src = a.src + src0 + y * r.src_row;
      run.dst = a.dst + block * a.dst_block + r.dst0 + y * r.dst_row + x0 * r.dst_col;
      tiles(a, run);
    }
    block += n;
  }
}

// What follows a panel: the next one, or the first one of what is computed next.
static inline BlockedAhead blocked_ahead(const ConvBlocked& a, const Parts& panels, int panel, int last) {
  const bool more = panel + 1 < panels.count;
  if (a.rects->run || !(more || a.next_weights)) return {};
  const int blocks = panels.size + ((more ? panel + 1 : 0) < panels.larger);
  const int64_t tap_block = static_cast<int64_t>(a.all_taps) * kLanes * kLanes;
  const float* const at = more ? a.weights + last * tap_block : a.next_weights;
  const int64_t size = blocks * tap_block, step = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  // A tile has passed by sixteen rows of each of its blocks with every tap; as many are to be fetched while
  // all tiles pass by.
  int pixels = 0;
  for (int i = 0; i < a.n_rects; ++i) pixels += a.rects[i].rows * a.rects[i].cols;
  const int rows = (kLanes * blocked_blocks(kBlockedPixels) * kBlockedPixels + pixels - 1) / pixels;
  return {at,   at + size,           size,
          step, (a.oc - 1) / kLanes, rows < 2 ? 2 : (rows < kMostAhead ? rows : kMostAhead)};
}

static void conv_blocked(const ConvBlocked& a) {
  const int blocks = (a.ic + kLanes - 1) / kLanes;
  const int fit = a.rects->run ? blocks : kBlockedPanel / (a.all_taps * kLanes);
  const Parts panels = split_evenly(blocks, fit > 1 ? fit : 1);
  BlockedRun run{};
  for (int panel = 0; panel < panels.count; ++panel) {
    const int end = run.last + panels.size + (panel < panels.larger);
    run.first = run.last, run.last = a.rects->run ? 1 : end;
    run.summand = run.first ? a.dst : a.residual;
    run.ahead = blocked_ahead(a, panels, panel, end);
    const Activation last = panel + 1 == panels.count ? a.activation : Activation::none;
    run.bounds = bounds_of(last);
    run.activation = is_bounds(last) ? Activation::none : last;
    for (int i = 0; i < a.n_rects; ++i) {
      const Rect r = straightened(a.rects[i], kBlockedPixels);
      const Parts widths = split_evenly(r.cols, kBlockedPixels);
      run.rect = &r, run.src_step = r.src_col, run.dst_step = r.dst_col;
      blocked_strips(a, run, 0, widths.size + 1, widths.larger);
      blocked_strips(a, run, widths.larger * (widths.size + 1), widths.size, widths.count - widths.larger);
    }
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
