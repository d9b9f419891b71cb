// Convolution with sixteen samples in the lanes (chwn16): nothing is padded, whatever the channel counts, and
// weights are broadcast scalars. Forward and backward-data share conv_lanes (the geometry differs, not the
// arithmetic).
#pragma once
#include <cstring>

#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// 3 x 4 accumulators, 3 weights and 1 source fill AVX2's sixteen registers; AVX-512 has room for 5 x 4.
constexpr int kLanesOcTile = V::lanes == 16 ? 5 : 3;
constexpr int kLanesPixels = 4;  // also the size of a fused pooling window
constexpr int kWgradRows = V::lanes == 16 ? 6 : 4;
constexpr int kWgradOc = V::lanes == 16 ? 4 : 3;

template <int kOc>
static inline void lanes_tile(const ConvLanes& a, const float* weights, const int64_t* at,
                              V (&acc)[kOc][kLanesPixels]) {
  const float* s[kLanesPixels];
  for (int p = 0; p < kLanesPixels; ++p) s[p] = a.src + at[p];
  for (int o = 0; o < kOc; ++o)
    for (int p = 0; p < kLanesPixels; ++p) acc[o][p] = zero();
  const Tap* const end = a.rect.taps + a.rect.n_taps;
#pragma GCC unroll 4
  for (const Tap* tap = a.rect.taps; tap != end; ++tap) {
    const int64_t offset = tap->src_offset;
    const float* w = weights + static_cast<int64_t>(tap->index) * kLanesOcTile;
    V b[kOc];
    for (int o = 0; o < kOc; ++o) b[o] = set1(w[o]);
    for (int p = 0; p < kLanesPixels; ++p) {
      const V x = load(s[p] + offset);
      for (int o = 0; o < kOc; ++o) acc[o][p] = fma(x, b[o], acc[o][p]);
    }
  }
}

template <int kOc>
static inline void lanes_store(const ConvLanes& a, int oc0, const int64_t* to, V (&acc)[kOc][kLanesPixels]) {
  const Bounds bounds = bounds_of(a.activation);
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int o = 0; o < kOc; ++o) {
    const V bias = a.bias ? set1(a.bias[oc0 + o]) : zero();
    float* dst = a.dst + (oc0 + o) * a.dst_channel;
    for (int p = 0; p < kLanesPixels; ++p) store(dst + to[p], within(low, high, acc[o][p] + bias));
    if (is_bounds(a.activation)) continue;
    // One call for neighbours: LeNet-5's first layer takes 7 % less than with four (Zen 5, 2026-11).
    int neighbours = 1;
    while (neighbours < kLanesPixels && to[neighbours] == to[0] + neighbours * kLanes) ++neighbours;
    activate_vectors(a.activation, dst + to[0], kLanes, neighbours);
    for (int p = neighbours; p < kLanesPixels; ++p)
      if (to[p] != to[p - 1]) activate_vectors(a.activation, dst + to[p], 0, 1);
  }
}

// The four accumulators of a channel are one pooling window.
template <int kOc>
static inline void lanes_store_pooled(const ConvLanes& a, int oc0, int64_t to, V (&acc)[kOc][kLanesPixels]) {
  const Bounds bounds = bounds_of(a.activation);
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int o = 0; o < kOc; ++o) {
    V best = acc[o][0];
    I winner = iset1(0);
    for (int p = 1; p < kLanesPixels; ++p) meet_winner(acc[o][p], p, best, winner);
    const V bias = a.bias ? set1(a.bias[oc0 + o]) : zero();
    const int64_t at = (oc0 + o) * a.dst_channel + to;
    store(a.dst + at, within(low, high, best + bias));
    if (!is_bounds(a.activation)) activate_vectors(a.activation, a.dst + at, 0, 1);
    if (a.pool_index) istore_bytes(a.pool_index + at, winner);
  }
}

// Source and destination offsets of the tile's four accumulators. Past `end` the last output repeats: it is
// computed and written again with the same bits, which costs less than a tail kernel.
static inline void lanes_positions(const ConvLanes& a, int first, int64_t* at, int64_t* to) {
  const Rect& r = a.rect;
  if (a.pool) {
    const int y = first / r.cols, x = first % r.cols;
    const int64_t corner = r.src0 + 2 * (y * r.src_row + x * r.src_col);
    at[0] = corner, at[1] = corner + r.src_col;
    at[2] = corner + r.src_row, at[3] = corner + r.src_row + r.src_col;
    to[0] = r.dst0 + y * r.dst_row + x * r.dst_col;
    return;
  }
  int y = first / r.cols, x = first % r.cols;
  for (int p = 0; p < kLanesPixels; ++p) {
    at[p] = r.src0 + y * r.src_row + x * r.src_col;
    to[p] = r.dst0 + y * r.dst_row + x * r.dst_col;
    if (first + p + 1 < a.end && ++x == r.cols) x = 0, ++y;
  }
}

template <int kOc>
static inline void lanes_channels(const ConvLanes& a, int oc0, const int64_t* at, const int64_t* to) {
  const float* weights = a.weights + static_cast<int64_t>(oc0 / kLanesOcTile) * a.rows * kLanesOcTile;
  V acc[kOc][kLanesPixels];
  lanes_tile<kOc>(a, weights, at, acc);
  if (a.pool) {
    lanes_store_pooled<kOc>(a, oc0, to[0], acc);
  } else {
    lanes_store<kOc>(a, oc0, to, acc);
  }
}

template <int kOc>
static inline void lanes_last_channels(const ConvLanes& a, int oc0, const int64_t* at, const int64_t* to) {
  if constexpr (kOc > 0) {
    if (a.oc - oc0 == kOc) return lanes_channels<kOc>(a, oc0, at, to);
    lanes_last_channels<kOc - 1>(a, oc0, at, to);
  }
}

static void conv_lanes(const ConvLanes& args) {
  const int step = args.pool ? 1 : kLanesPixels;
  for (int first = args.begin; first < args.end; first += step) {
    int64_t at[kLanesPixels], to[kLanesPixels];
    lanes_positions(args, first, at, to);
    for (int lane = 0; lane < kLanes;
         lane += V::lanes) {  // channels innermost: the tile's sources stay in L1
      ConvLanes a = args;
      a.src += lane, a.dst += lane;
      if (a.pool_index) a.pool_index += lane;
      int oc = 0;
      for (; oc + kLanesOcTile <= a.oc; oc += kLanesOcTile) lanes_channels<kLanesOcTile>(a, oc, at, to);
      lanes_last_channels<kLanesOcTile - 1>(a, oc, at, to);
    }
  }
}

// ---- gradient of the weights ----

struct LanesWgradTile {
  const float* src[kWgradRows];
  const float* grad_dst[kWgradOc];
  int64_t src_row, src_col, dst_row;
  int rows, cols;
};

// Adds the products of a line of pixels, those of the source so many floats apart. Four at a time, as
// blocked_terms.
template <int kRows, int kOc>
static inline __attribute__((always_inline)) void lanes_wgrad_line(const float* const (&s)[kRows],
                                                                   const float* const (&g)[kOc], int cols,
                                                                   int64_t src_col, V (&acc)[kRows][kOc]) {
  int64_t at = 0, to = 0;
#pragma GCC unroll 4
  for (int x = cols; x > 0; --x, at += src_col, to += V::lanes) {
    V b[kOc];
#pragma GCC unroll 16
    for (int o = 0; o < kOc; ++o) b[o] = load(g[o] + to);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V v = load(s[r] + at);
#pragma GCC unroll 16
      for (int o = 0; o < kOc; ++o) acc[r][o] = fma(v, b[o], acc[r][o]);
    }
  }
}

template <int kRows, int kOc>
static inline void lanes_wgrad_tile(const LanesWgradTile& t, float* sums) {
  V acc[kRows][kOc];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int o = 0; o < kOc; ++o) acc[r][o] = load(sums + (r * kOc + o) * V::lanes);
  for (int y = 0; y < t.rows; ++y) {
    const float* s[kRows];
    const float* g[kOc];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) s[r] = t.src[r] + y * t.src_row;
#pragma GCC unroll 16
    for (int o = 0; o < kOc; ++o) g[o] = t.grad_dst[o] + y * t.dst_row;
    if (t.src_col == kLanes)
      lanes_wgrad_line(s, g, t.cols, kLanes, acc);
    else
      lanes_wgrad_line(s, g, t.cols, t.src_col, acc);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int o = 0; o < kOc; ++o) store(sums + (r * kOc + o) * V::lanes, acc[r][o]);
}

using LanesWgradFn = void (*)(const LanesWgradTile&, float*);

template <int kRows, int kOc>
static inline LanesWgradFn lanes_wgrad_find(int rows, int oc) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return lanes_wgrad_find<kRows - 1, kOc>(rows, oc);
  }
  if constexpr (kOc > 1) {
    if (oc < kOc) return lanes_wgrad_find<kRows, kOc - 1>(rows, oc);
  }
  return lanes_wgrad_tile<kRows, kOc>;
}

static inline int64_t lanes_wgrad_sums(int32_t n_taps) {
  const int tiles = (n_taps + kWgradRows - 1) / kWgradRows;
  return static_cast<int64_t>(tiles) * kWgradRows * kWgradOc * V::lanes;
}

static int64_t lanes_wgrad_scratch(int32_t n_taps, int32_t outputs) {
  const int64_t row = static_cast<int64_t>(kWgradOc) * outputs * V::lanes;
  return lanes_wgrad_sums(n_taps) + (row > kWgradChunk ? row : kWgradChunk);
}

// One chunk of output rows of one channel tile, all source rows; sums holds kWgradRows * kWgradOc vectors a
// tile.
static inline void lanes_wgrad_chunk(const ConvLanesWgrad& a, LanesWgradTile& t, int oc, int lane, int y0) {
  const Parts parts = split_evenly(a.rect.n_taps, kWgradRows);
  const float* src = a.src + a.rect.src0 + y0 * t.src_row + lane;
  float* sums = a.scratch;
  for (int part = 0, row = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    for (int r = 0; r < n; ++r) t.src[r] = src + a.rect.taps[row + r].src_offset;
    lanes_wgrad_find<kWgradRows, kWgradOc>(n, oc)(t, sums);
    row += n;
    sums += kWgradRows * kWgradOc * V::lanes;
  }
}

static inline void lanes_wgrad_finish(const ConvLanesWgrad& a, int oc0, int oc) {
  const Parts parts = split_evenly(a.rect.n_taps, kWgradRows);
  const float* sums = a.scratch;
  for (int part = 0, row = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    for (int r = 0; r < n; ++r, ++row) {
      float* grad = a.grad_weights + a.rect.taps[row].index * a.grad_oc_stride + oc0;
      for (int o = 0; o < oc; ++o) grad[o] += sum(load(sums + (r * oc + o) * V::lanes));
    }
    sums += kWgradRows * kWgradOc * V::lanes;
  }
}

// Copies one channel's gradients of some rows into [row][col][V::lanes], so that all weights that pass by
// find them in the first-level cache; returns their sum. Under a fused pooling each gradient goes to the
// winner of its window.
static inline V lanes_stage(const ConvLanesWgrad& a, int64_t at, int rows, float* to) {
  const Rect& r = a.rect;
  const int64_t row_floats = static_cast<int64_t>(r.cols) * 2 * V::lanes;  // of pooled outputs
  V total = zero();
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < r.cols; ++x) {
      const int64_t from = at + y * r.dst_row + x * r.dst_col;
      const V grad = load(a.grad_dst + from);
      total = total + grad;
      if (!a.pool_index) {
        store(to + (static_cast<int64_t>(y) * r.cols + x) * V::lanes, grad);
        continue;
      }
      const I winner = iload_bytes(a.pool_index + from);
      float* corner = to + 2 * y * row_floats + 2 * x * V::lanes;
      for (int p = 0; p < kLanesPixels; ++p)
        store(corner + (p / 2) * row_floats + (p % 2) * V::lanes, select(winner == iset1(p), grad, zero()));
    }
  return total;
}

// All rows of the rectangle for channels oc0 ... oc0 + oc; bias receives their sums of gradients.
static inline void lanes_wgrad_channels(const ConvLanesWgrad& a, int oc0, int oc, V* bias) {
  const Rect& r = a.rect;
  const int window = a.pool_index ? 2 : 1;
  float* staged = a.scratch + lanes_wgrad_sums(r.n_taps);
  LanesWgradTile t;
  t.src_row = r.src_row, t.src_col = r.src_col;
  t.cols = r.cols * window;
  t.dst_row = static_cast<int64_t>(t.cols) * V::lanes;
  const int64_t row_floats = t.dst_row * window;  // staged, of one channel and one row of the rectangle
  const int64_t fit = kWgradChunk / (oc * row_floats);
  const int chunk = fit > 0 ? static_cast<int>(fit) : 1;
  for (int y0 = 0; y0 < r.rows; y0 += chunk) {
    const int rows = r.rows - y0 < chunk ? r.rows - y0 : chunk;
    t.rows = rows * window;
    for (int lane = 0; lane < kLanes; lane += V::lanes) {
      for (int o = 0; o < oc; ++o) {
        float* to = staged + o * rows * row_floats;
        bias[o] =
            bias[o] + lanes_stage(a, r.dst0 + (oc0 + o) * a.dst_channel + y0 * r.dst_row + lane, rows, to);
        t.grad_dst[o] = to;
      }
      lanes_wgrad_chunk(a, t, oc, lane, y0 * window);
    }
  }
}

static void conv_lanes_wgrad(const ConvLanesWgrad& a) {
  const Parts ocs = split_evenly(a.oc, kWgradOc);
  for (int part = 0, oc0 = 0; part < ocs.count; ++part) {
    const int oc = ocs.size + (part < ocs.larger);
    std::memset(a.scratch, 0, sizeof(float) * static_cast<size_t>(lanes_wgrad_sums(a.rect.n_taps)));
    V bias[kWgradOc];
    for (int o = 0; o < kWgradOc; ++o) bias[o] = zero();
    lanes_wgrad_channels(a, oc0, oc, bias);
    lanes_wgrad_finish(a, oc0, oc);
    for (int o = 0; o < oc; ++o) a.grad_bias[oc0 + o] += sum(bias[o]);
    oc0 += oc;
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
