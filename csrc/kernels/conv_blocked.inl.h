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

// Taps of a block of the next panel whose weights are fetched with each tile: those that few pixels share
// come from far away (Zen 3, 2026-11: 3x3 s2 of 512 channels on 14 x 14 goes from 58 to 84 % of peak).
constexpr int kBlockedAhead = 2;

// Tiles of few pixels take more blocks of output channels: sums enough to hide the latency of a multiply-add.
constexpr int blocked_blocks(int pixels) {
  const int most = kBlockedRegisters / ((pixels + 1) * kBlockVectors);
  return most >= 4 ? 4 : (most >= 2 ? 2 : 1);
}

// Pixels in a straight line, and the part of the sum that is added to them.
struct BlockedRun {
  const Rect* rect;
  const float* src;
  const float* weights;
  float* dst;
  int64_t src_step, dst_step;
  const float* summand;  // at a.dst's offsets: the residual, later what earlier parts left in dst; or null
  int first, last;       // blocks of sixteen input channels
  int ahead;             // such blocks after them whose weights are fetched meanwhile
  int oc0;
  float least;            // of an output: 0 for relu, else minus infinity
  Activation activation;  // any other
};

// One term of the sum: a row of weights times the pixels' values of one channel.
template <int kBlocks, int kPixels>
static inline void blocked_term(const float* s, int64_t step, const float* w, int64_t block_size,
                                V (&acc)[kPixels][kBlocks * kBlockVectors]) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V b[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v)
    b[v] = load(w + (v / kBlockVectors) * block_size + (v % kBlockVectors) * V::lanes);
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    const V x = set1(s[p * step]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[p][v] = fma(x, b[v], acc[p][v]);
  }
}

// kOneTap: of a source in blocks, which is soon over, and the next block lies in a plane far away. To fetch
// it meanwhile gains 1x1 layers up to 8 % (Zen 3, 2026-11); beside more taps it would only cost.
template <int kBlocks, int kPixels, bool kOneTap>
static inline void blocked_tile(const ConvBlocked& a, const BlockedRun& run) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  const int64_t src_step = run.src_step, dst_step = run.dst_step, dst_block = a.dst_block;
  const int length = kOneTap ? 0 : run.rect->run;
  const Tap *const begin = run.rect->taps, *const end = begin + (kOneTap ? 1 : run.rect->n_taps);
  V acc[kPixels][kVectors];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[p][v] = zero();
  const int64_t src_block = a.src_block, tap_block = static_cast<int64_t>(a.all_taps) * kLanes * kLanes;
  const float* block_src = run.src + run.first * src_block;
  const float* block_weights = run.weights + run.first * tap_block;
  int left = a.ic - run.first * kLanes;
  const int end_left = a.ic - run.last * kLanes;
  for (; left > end_left; left -= kLanes, block_src += src_block, block_weights += tap_block) {
    const int64_t channels = left < kLanes ? left : kLanes;
    const int64_t n = length ? length : channels, row = (length ? 1 : channels) * kLanes;
    if constexpr (kOneTap)
      for (int p = 0; p < kPixels; ++p) prefetch(block_src + begin->src_offset + src_block + p * src_step);
    for (const Tap* tap = begin; tap != end; ++tap) {
      const float* s = block_src + tap->src_offset;
      const float* w = block_weights + tap->index * row;
      for (const float* const s_end = s + n; s != s_end; ++s, w += kLanes)
        blocked_term<kBlocks, kPixels>(s, src_step, w, block_size, acc);
    }
  }
  // Short loops with constant bounds: gcc 12 keeps accumulators in registers only if it unrolls all of them.
  const V least = set1(run.least);
  const float* from = a.bias && !run.first ? a.bias + run.oc0 : kBlockedZeros;
  V bias[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) bias[v] = load(from + v * V::lanes);
  float* dst = run.dst;
  if (run.summand) {
    const float* summand = run.summand + (dst - a.dst);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p, dst += dst_step, summand += dst_step)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const int64_t at = (v / kBlockVectors) * dst_block + (v % kBlockVectors) * V::lanes;
        store(dst + at, max(least, load(summand + at) + (acc[p][v] + bias[v])));
      }
  } else {
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p, dst += dst_step)
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        float* to = dst + (v / kBlockVectors) * dst_block + (v % kBlockVectors) * V::lanes;
        store(to, max(least, acc[p][v] + bias[v]));
      }
  }
  if (run.activation != Activation::none)
    for (int block = 0; block < kBlocks; ++block)
      blocked_activate(run.activation, run.dst + block * dst_block, dst_step, kPixels);
}

using BlockedFn = void (*)(const ConvBlocked&, const BlockedRun&);

template <int kBlocks, int kPixels>
static inline BlockedFn blocked_find(int blocks, bool one_tap) {
  if constexpr (kBlocks > 1) {
    if (blocks < kBlocks) return blocked_find<kBlocks / 2, kPixels>(blocks, one_tap);
  }
  return one_tap ? blocked_tile<kBlocks, kPixels, true> : blocked_tile<kBlocks, kPixels, false>;
}

// The widest tile of so many pixels, for at most so many blocks.
template <int kPixels>
static inline BlockedFn blocked_find(int pixels, int blocks, bool one_tap) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return blocked_find<kPixels - 1>(pixels, blocks, one_tap);
  }
  return blocked_find<blocked_blocks(kPixels), kPixels>(blocks, one_tap);
}

// Fetches the weights of one tap of a later block of input channels; `number` counts a block's taps first.
static inline void blocked_fetch(const ConvBlocked& a, const BlockedRun& run, int number) {
  const int n_taps = run.rect->n_taps, block = run.last + number / n_taps;
  const int64_t tap = static_cast<int64_t>(block) * a.all_taps + run.rect->taps[number % n_taps].index;
  for (int i = 0; i < kLanes; ++i) __builtin_prefetch(run.weights + (tap * kLanes + i) * kLanes, 0, 2);
}

// Columns x0, x0 + pixels, ... of every row, all blocks of output channels, one panel of the input channels.
static inline void blocked_strips(const ConvBlocked& a, BlockedRun run, int x0, int pixels, int strips) {
  const Rect& r = *run.rect;
  const int blocks = (a.oc + kLanes - 1) / kLanes;
  const int64_t block_size = static_cast<int64_t>(a.all_taps) * a.ic * kLanes;
  for (int block = 0; strips && block < blocks;) {
    int n = blocked_blocks(pixels);
    while (n > blocks - block) n /= 2;
    const BlockedFn tile = blocked_find<kBlockedPixels>(pixels, n, r.n_taps == 1 && !r.run);
    run.weights = a.weights + block * block_size;
    run.oc0 = block * kLanes;
    const int later = run.ahead * r.n_taps;
    int ahead = 0;
    for (int y = 0; y < r.rows; ++y) {
      run.src = a.src + r.src0 + y * r.src_row + x0 * r.src_col;
      run.dst = a.dst + block * a.dst_block + r.dst0 + y * r.dst_row + x0 * r.dst_col;
      for (int strip = 0; strip < strips; ++strip) {
        for (int i = 0; i < kBlockedAhead && ahead < later; ++i) blocked_fetch(a, run, ahead++);
        tile(a, run);
        run.src += pixels * r.src_col;
        run.dst += pixels * r.dst_col;
      }
    }
    block += n;
  }
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
    run.ahead = panel + 1 < panels.count ? panels.size : 0;
    const Activation last = panel + 1 == panels.count ? a.activation : Activation::none;
    run.least = lower_bound(last);
    run.activation = is_lower_bound(last) ? Activation::none : last;
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
