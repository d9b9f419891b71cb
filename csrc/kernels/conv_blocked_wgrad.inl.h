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

// Where lines of pixels lie, one for each row of each sample.
struct BlockedLines {
  int64_t sample, row;
  int64_t at(int n, int y) const { return n * sample + y * row; }
};

struct BlockedWgradTile {
  const float* src[kBlockedWgradRows];
  const float* sums[kBlockedWgradRows];
  float* to[kBlockedWgradRows];
  const float* grad_dst;
  const float* ahead;  // pixels that are used next, to be fetched; or null
  BlockedLines src_lines, dst_lines, ahead_lines;
  int64_t src_col, dst_col, dst_block, sums_block, to_block;
  int samples, rows, cols;
};

// A line of the source: rows of a tile that lie anywhere, pixels anywhere.
template <int kRows>
struct BlockedApart {
  const float* s[kRows];
  int64_t src_col, dst_col, at = 0;

  BlockedApart(const BlockedWgradTile& t, int64_t line) : src_col(t.src_col), dst_col(t.dst_col) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) s[r] = t.src[r] + line;
  }
  float operator[](int r) const {
    return s[r][at];
  }
  void next() {
    at += src_col;
  }
};

// Rows that are channels side by side, of pixels side by side: one pointer, constant steps.
template <int kRows>
struct BlockedBeside {
  static constexpr int64_t dst_col = kLanes;
  const float* s;

  BlockedBeside(const BlockedWgradTile& t, int64_t line) : s(t.src[0] + line) {}
  float operator[](int r) const { return s[r]; }
  void next() { s += kLanes; }
};

// Adds the products of a line of pixels. Four at a time, as blocked_terms.
template <bool kFetch, int kVectors, int kRows, class Source>
static inline __attribute__((always_inline)) void blocked_wgrad_line(const BlockedWgradTile& t, Source s,
                                                                     const float* g, const float* ahead,
                                                                     V (&acc)[kRows][kVectors]) {
#pragma GCC unroll 4
  for (int x = t.cols; x > 0; --x, s.next(), g += s.dst_col) {
    if constexpr (kFetch) __builtin_prefetch(ahead, 0, 2), ahead += kLanes;
    V b[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      b[v] = load(g + (v / kBlockVectors) * t.dst_block + (v % kBlockVectors) * V::lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x1 = set1(s[r]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = fma(x1, b[v], acc[r][v]);
    }
  }
}

template <template <int> class Source, int kBlocks, int kRows>
static void blocked_wgrad_tile(const BlockedWgradTile& t) {
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
      const Source<kRows> s(t, t.src_lines.at(n, y));
      const float* const g = t.grad_dst + t.dst_lines.at(n, y);
      if (t.ahead)
        blocked_wgrad_line<true>(t, s, g, t.ahead + t.ahead_lines.at(n, y), acc);
      else
        blocked_wgrad_line<false>(t, s, g, nullptr, acc);
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

template <template <int> class Source, int kBlocks, int kRows = kBlockedWgradRows>
static inline BlockedWgradFn blocked_wgrad_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return blocked_wgrad_find<Source, kBlocks, kRows - 1>(rows);
  }
  return blocked_wgrad_tile<Source, kBlocks, kRows>;
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

// One rectangle's part of the outputs, for kBlocks blocks of output channels from `block` on.
template <int kBlocks>
struct BlockedWgradPart {
  const ConvBlockedWgrad& a;
  const Rect& rect;
  const int block;
  const float* src;
  int64_t next;  // from a gradient to that in the same place of the next call
  GradPlace<const float> sums;
  BlockedWgradTile t{};

  BlockedWgradPart(const ConvBlockedWgrad& a, const Rect& rect, int block) : a(a), rect(rect), block(block) {
    const int first = static_cast<int>(rect.dst0 / (static_cast<int64_t>(a.cols) * kLanes));
    const int from = a.row_begin > first ? a.row_begin - first : 0;
    const int to = a.row_end - first < rect.rows ? a.row_end - first : rect.rows;
    Rect part = rect;
    part.rows = to > from ? to - from : 0;
    const Rect r = straightened(part, kBlockedWgradRows);
    src = a.src + rect.src0 + from * rect.src_row;
    next = a.samples > 1 ? a.samples * a.dst_sample : part.rows * rect.dst_row;
    sums = a.sums.at ? a.sums : GradPlace<const float>{kBlockedZeros, 0, 0, 0};
    t.grad_dst = a.grad_dst + block * a.dst_block + rect.dst0 + from * rect.dst_row;
    t.src_lines = {a.src_sample, r.src_row}, t.src_col = r.src_col;
    t.dst_lines = {a.dst_sample, r.dst_row}, t.dst_col = r.dst_col;
    t.samples = a.samples, t.rows = r.rows, t.cols = r.cols;
    t.dst_block = a.dst_block, t.sums_block = sums.block, t.to_block = a.to.block;
  }

  bool beside() const {
    return !rect.run && a.ic % kLanes == 0 && t.src_col == kLanes && t.dst_col == kLanes;
  }

  const float* source(const Tap& tap, int channel) const {
    return src + tap.src_offset + (channel / kLanes) * a.src_block + channel % kLanes;
  }
  void set_sums(int i, int64_t tap, int64_t channel) {
    t.sums[i] = sums.at + tap * sums.tap + channel * sums.row + block * sums.block;
    t.to[i] = a.to.at + tap * a.to.tap + channel * a.to.row + block * a.to.block;
  }

  // Rows in the order of their taps: the fewest tiles.
  void sum_apart() {
    const int length = rect.run ? rect.run : a.ic;
    const Parts parts = split_evenly(rect.n_taps * length, kBlockedWgradRows);
    const Tap* tap = rect.taps;
    for (int part = 0, c = 0; part < parts.count; ++part) {
      const int n = parts.size + (part < parts.larger);
      for (int i = 0; i < n; ++i) {
        t.src[i] = rect.run ? src + tap->src_offset + c : source(*tap, c);
        set_sums(i, rect.run ? 0 : tap->index, rect.run ? tap->index + c : c);
        if (++c == length) ++tap, c = 0;
      }
      // Rows of the output that come next, where the hardware has only begun to follow a plane when it ends.
      t.ahead = part == 0 ? t.grad_dst + next : nullptr, t.ahead_lines = t.dst_lines;
      blocked_wgrad_find<BlockedApart, kBlocks>(n)(t);
    }
  }

  // Whole blocks of input channels, no tile in two of them.
  void sum_beside() {
    const Parts parts = split_evenly(kLanes, kBlockedWgradRows);
    for (const Tap* tap = rect.taps; tap != rect.taps + rect.n_taps; ++tap)
      for (int first = 0; first < a.ic; first += kLanes)
        for (int part = 0, c = first; part < parts.count; ++part) {
          const int n = parts.size + (part < parts.larger);
          t.src[0] = source(*tap, c);
          set_ahead(first, part);
          for (int i = 0; i < n; ++i) set_sums(i, tap->index, c++);
          blocked_wgrad_find<BlockedBeside, kBlocks>(n)(t);
        }
  }

  // What nobody has read yet: the next input channels while the first output channels pass by, and the next
  // output channels' gradients while the first input channels do.
  void set_ahead(int first, int part) {
    t.ahead = nullptr;
    if (part == 0 && block == 0 && first + kLanes < a.ic)
      t.ahead = t.src[0] + a.src_block, t.ahead_lines = t.src_lines;
    if (part == 1 && first == 0 && block + kBlocks < a.blocks)
      t.ahead = t.grad_dst + kBlocks * a.dst_block, t.ahead_lines = t.dst_lines;
  }
};

template <int kBlocks>
static inline void blocked_wgrad_rect(const ConvBlockedWgrad& a, const Rect& rect, int block) {
  BlockedWgradPart<kBlocks> part(a, rect, block);
  if (part.beside())
    part.sum_beside();
  else
    part.sum_apart();
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
