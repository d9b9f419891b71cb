// Convolution of groups of 1, 2, 4 or 8 channels with sixteen channels in the lanes (nchw16c). Lane j feeds
// the lanes j ^ k of its group: one accumulator for each k sums over the taps without moving a lane, and only
// the finished accumulators are brought together. Forward and backward-data share conv_grouped.
#pragma once
#include "kernels/blocked.inl.h"
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// A group wider than a vector spans several.
template <int kGroup>
constexpr int kGroupSpan = kGroup > V::lanes ? kGroup / V::lanes : 1;

// Pixels, or taps, of a tile: each has kTerms accumulators and a source in registers, all share one more.
template <int kTerms>
constexpr int kGroupedTile = ((V::lanes == 16 ? 32 : 16) - 1) / (kTerms + 1);

// How many accumulators of a pixel are summed at a time. Eight are half of AVX2's registers: by fours, three
// pixels share each weight instead of none.
template <int kGroup>
constexpr int kGroupPart = V::lanes == 8 && kGroup == 8 ? 4 : kGroup;

struct GroupedRun {  // pixels in a straight line
  const float* src;
  float* dst;
  int64_t src_step, dst_step;
};

// sum_k acc_k, lane l ^ k of acc_k to lane l, left in acc[0]: a butterfly.
template <int kTerms, int kSpan, int kBit = 1>
static inline void grouped_gather(V (&acc)[kTerms][kSpan]) {
  if constexpr (kBit < kTerms) {
    for (int k = 0; k < kTerms; k += 2 * kBit)
      for (int v = 0; v < kSpan; ++v) {
        if constexpr (kBit < V::lanes) {
          acc[k][v] = acc[k][v] + xor_lanes<kBit>(acc[k + kBit][v]);
        } else {
          acc[k][v] = acc[k][v] + acc[k + kBit][v ^ (kBit / V::lanes)];
        }
      }
    grouped_gather<kTerms, kSpan, 2 * kBit>(acc);
  }
}

// Sums over the taps of accumulators first, ... first + kPart - 1, brought together: lane l ^ first's in lane
// l.
template <int kGroup, int kPixels>
static inline void grouped_part(const ConvGrouped& a, const GroupedRun& run, int lane, int first,
                                V (&sum)[kPixels][kGroupSpan<kGroup>]) {
  constexpr int kPart = kGroupPart<kGroup>, kSpan = kGroupSpan<kGroup>;
  V acc[kPixels][kPart][kSpan];
  for (int p = 0; p < kPixels; ++p)
    for (int k = 0; k < kPart; ++k)
      for (int v = 0; v < kSpan; ++v) acc[p][k][v] = zero();
  const Tap* const end = a.rect.taps + a.rect.n_taps;
  const Tap* tap = a.rect.taps;
  do {  // at least one: gcc 12 keeps the accumulators of a loop that may not turn at all in memory, too
    const float* s = run.src + tap->src_offset + lane;
    const float* w = a.weights + (static_cast<int64_t>(tap->index) * kGroup + first) * kLanes + lane;
    for (int v = 0; v < kSpan; ++v) {
      V x[kPixels];
      for (int p = 0; p < kPixels; ++p) x[p] = load(s + p * run.src_step + v * V::lanes);
      for (int k = 0; k < kPart; ++k) {
        const V b = load(w + k * kLanes + v * V::lanes);
        for (int p = 0; p < kPixels; ++p) acc[p][k][v] = fma(x[p], b, acc[p][k][v]);
      }
    }
  } while (++tap != end);
  for (int p = 0; p < kPixels; ++p) {
    grouped_gather<kPart, kSpan>(acc[p]);
    for (int v = 0; v < kSpan; ++v) sum[p][v] = acc[p][0][v];
  }
}

template <int kGroup, int kPixels>
static inline void grouped_tile(const ConvGrouped& a, const GroupedRun& run, int lane, const Bounds& bounds) {
  constexpr int kPart = kGroupPart<kGroup>, kSpan = kGroupSpan<kGroup>;
  V sum[kPixels][kSpan];
  grouped_part<kGroup, kPixels>(a, run, lane, 0, sum);
  if constexpr (kPart < kGroup) {
    V rest[kPixels][kSpan];
    grouped_part<kGroup, kPixels>(a, run, lane, kPart, rest);
    for (int p = 0; p < kPixels; ++p) sum[p][0] = sum[p][0] + xor_lanes<kPart>(rest[p][0]);
  }
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int p = 0; p < kPixels; ++p)
    for (int v = 0; v < kSpan; ++v) {
      const int at = lane + v * V::lanes;
      const V bias = a.bias ? load(a.bias + at) : zero();
      store(run.dst + p * run.dst_step + at, within(low, high, sum[p][v] + bias));
    }
}

using GroupedFn = void (*)(const ConvGrouped&, const GroupedRun&, int, const Bounds&);

// Pixels of a tile of group 1 whose taps come in runs of kCols: with a run's weights and a source, sixteen
// registers.
constexpr int kRunPixels = 7;

// grouped_tile<1>, sums in the same order, but every source of a run of taps is loaded once, for all pixels
// that see it.
template <int kCols, int kStride, int kPixels>
static inline void grouped_run_tile(const ConvGrouped& a, const GroupedRun& run, int lane,
                                    const Bounds& bounds) {
  V acc[kPixels];
  for (int p = 0; p < kPixels; ++p) acc[p] = zero();
  const Tap* const end = a.rect.taps + a.rect.n_taps;
  const Tap* tap = a.rect.taps;
  do {  // at least one: see grouped_tile
    const float* s = run.src + tap->src_offset + lane;
    const float* w = a.weights + static_cast<int64_t>(tap->index) * kLanes + lane;
    V held[kCols];
#pragma GCC unroll 8
    for (int t = 0; t < kCols; ++t) held[t] = load(w + t * kLanes);
#pragma GCC unroll 32
    for (int at = 0; at < (kPixels - 1) * kStride + kCols; ++at) {
      const V x = load(s + at * kLanes);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        const int t = at - p * kStride;
        if (t >= 0 && t < kCols) acc[p] = fma(x, held[t], acc[p]);
      }
    }
  } while ((tap += kCols) != end);
  const V low = set1(bounds.low), high = set1(bounds.high), bias = a.bias ? load(a.bias + lane) : zero();
  float* const dst = run.dst + lane;
  const int64_t step = run.dst_step;
  for (int p = 0; p < kPixels; ++p) store(dst + p * step, within(low, high, acc[p] + bias));
}

template <int kCols, int kStride, int kPixels>
static inline GroupedFn grouped_run_find(int pixels) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return grouped_run_find<kCols, kStride, kPixels - 1>(pixels);
  }
  return grouped_run_tile<kCols, kStride, kPixels>;
}

template <int kGroup, int kPixels>
static inline GroupedFn grouped_find(int pixels) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return grouped_find<kGroup, kPixels - 1>(pixels);
  }
  return grouped_tile<kGroup, kPixels>;
}

template <GroupedFn (*kFind)(int), int kMost, int kSpan = 1>
static void grouped_tiles(const ConvGrouped& a, GroupedRun run, int pixels, const Bounds& bounds) {
  const Parts parts = split_evenly(pixels, kMost);
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    const GroupedFn tile = kFind(n);
    for (int lane = 0; lane < kLanes; lane += kSpan * V::lanes) tile(a, run, lane, bounds);
    run.src += n * run.src_step;
    run.dst += n * run.dst_step;
  }
}

template <int kGroup>
static void grouped_line(const ConvGrouped& a, GroupedRun run, int pixels, const Bounds& bounds) {
  constexpr int kTile = kGroupedTile<kGroupPart<kGroup>>;
  grouped_tiles<grouped_find<kGroup, kTile>, kTile, kGroupSpan<kGroup>>(a, run, pixels, bounds);
}

template <int kCols, int kStride>
static void grouped_run_line(const ConvGrouped& a, GroupedRun run, int pixels, const Bounds& bounds) {
  grouped_tiles<grouped_run_find<kCols, kStride, kRunPixels>, kRunPixels>(a, run, pixels, bounds);
}

// Of a single channel: by runs of taps, where they are of known networks' lengths.
static inline auto grouped_single(const ConvGrouped& a, int64_t src_step) {
  if (a.tap_run == 5 && src_step == kLanes) return grouped_run_line<5, 1>;
  if (a.tap_run == 5 && src_step == 2 * kLanes) return grouped_run_line<5, 2>;
  if (a.tap_run == 7 && src_step == kLanes) return grouped_run_line<7, 1>;
  return grouped_line<1>;
}

// Outputs that see padding only.
static void grouped_fill(const ConvGrouped& a, const Bounds& bounds) {
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int y = 0; y < a.rect.rows; ++y)
    for (int x = 0; x < a.rect.cols; ++x)
      for (int lane = 0; lane < kLanes; lane += V::lanes)
        store(a.dst + a.rect.dst0 + y * a.rect.dst_row + x * a.rect.dst_col + lane,
              within(low, high, a.bias ? load(a.bias + lane) : zero()));
}

static void grouped_sums(const ConvGrouped& a, const Bounds& bounds) {
  const Rect r = straightened(a.rect, 4);
  const auto line = a.group == 1   ? grouped_single(a, r.src_col)
                    : a.group == 2 ? grouped_line<2>
                    : a.group == 4 ? grouped_line<4>
                                   : grouped_line<8>;
  for (int y = 0; y < r.rows; ++y) {
    const GroupedRun run{a.src + r.src0 + y * r.src_row, a.dst + r.dst0 + y * r.dst_row, r.src_col,
                         r.dst_col};
    line(a, run, r.cols, bounds);
  }
}

static void conv_grouped(const ConvGrouped& a) {
  const Bounds bounds = bounds_of(a.activation);
  if (a.rect.n_taps > 0) {
    grouped_sums(a, bounds);
  } else {
    grouped_fill(a, bounds);
  }
  if (is_bounds(a.activation)) return;
  for (int y = 0; y < a.rect.rows; ++y)
    blocked_activate(a.activation, a.dst + a.rect.dst0 + y * a.rect.dst_row, a.rect.dst_col, a.rect.cols);
}

// ---- gradient of the weights ----

// A tile's taps. Where each source vector is used once it needs no register: all of 3x3 fit.
template <int kGroup>
constexpr int kGroupedTaps = kGroup == 1 ? 9 : kGroupedTile<kGroup>;

// Of the vectors that follow t[0 ... span) in the order of the Gray code: number n has lane l ^ gray(n) of
// the first in lane l, which is one exchange away from number n - 1.
static constexpr int gray(int n) {
  return n ^ (n >> 1);
}
template <int kBit, int kSpan>
static inline void grouped_exchange(V (&t)[kSpan]) {
  if constexpr (kBit < V::lanes) {
    for (int v = 0; v < kSpan; ++v) t[v] = xor_lanes<kBit>(t[v]);
  } else {
    constexpr int kStep = kBit / V::lanes;
    for (int v = 0; v < kSpan; v += 2 * kStep)
      for (int i = v; i < v + kStep; ++i) {
        const V other = t[i];
        t[i] = t[i + kStep];
        t[i + kStep] = other;
      }
  }
}

template <int kGroup, int kTaps, int kNumber = 0>
static inline void grouped_wgrad_terms(const V (&x)[kTaps][kGroupSpan<kGroup>], V (&t)[kGroupSpan<kGroup>],
                                       V (&acc)[kTaps][kGroup][kGroupSpan<kGroup>]) {
  if constexpr (kNumber < kGroup) {
    if constexpr (kNumber > 0) grouped_exchange<gray(kNumber) ^ gray(kNumber - 1)>(t);
    for (int tap = 0; tap < kTaps; ++tap)
      for (int v = 0; v < kGroupSpan<kGroup>; ++v)
        acc[tap][kNumber][v] = fma(x[tap][v], t[v], acc[tap][kNumber][v]);
    grouped_wgrad_terms<kGroup, kTaps, kNumber + 1>(x, t, acc);
  }
}

// One chunk of rows, kTaps taps, the lanes of one span.
template <int kGroup, int kTaps>
static inline void grouped_wgrad_tile(const ConvGroupedWgrad& a, const Tap* taps, int y0, int rows,
                                      int lane) {
  constexpr int kSpan = kGroupSpan<kGroup>;
  const Rect& r = a.rect;
  V acc[kTaps][kGroup][kSpan];
  for (int tap = 0; tap < kTaps; ++tap)
    for (int k = 0; k < kGroup; ++k)
      for (int v = 0; v < kSpan; ++v) acc[tap][k][v] = zero();
  int64_t offset[kTaps];
  for (int tap = 0; tap < kTaps; ++tap) offset[tap] = taps[tap].src_offset;
  int y = y0;
  do {  // at least one pixel: see grouped_tile
    const float* s = a.src + r.src0 + y * r.src_row + lane;
    const float* g = a.grad_dst + r.dst0 + y * r.dst_row + lane;
    int i = 0;
    do {
      V x[kTaps][kSpan], t[kSpan];
      for (int v = 0; v < kSpan; ++v) t[v] = load(g + v * V::lanes);
      for (int tap = 0; tap < kTaps; ++tap)
        for (int v = 0; v < kSpan; ++v) x[tap][v] = load(s + offset[tap] + v * V::lanes);
      grouped_wgrad_terms<kGroup, kTaps>(x, t, acc);
      s += r.src_col, g += r.dst_col;
    } while (++i < r.cols);
  } while (++y < y0 + rows);
  for (int tap = 0; tap < kTaps; ++tap)
    for (int k = 0; k < kGroup; ++k)
      for (int v = 0; v < kSpan; ++v) {
        float* to = a.grad_weights + (static_cast<int64_t>(taps[tap].index) * kGroup + gray(k)) * kLanes +
                    lane + v * V::lanes;
        store(to, load(to) + acc[tap][k][v]);
      }
}

using GroupedWgradFn = void (*)(const ConvGroupedWgrad&, const Tap*, int, int, int);

template <int kGroup, int kTaps>
static inline GroupedWgradFn grouped_wgrad_find(int taps) {
  if constexpr (kTaps > 1) {
    if (taps < kTaps) return grouped_wgrad_find<kGroup, kTaps - 1>(taps);
  }
  return grouped_wgrad_tile<kGroup, kTaps>;
}

template <int kGroup>
static void grouped_wgrad_rows(const ConvGroupedWgrad& a, int y0, int rows) {
  const Parts parts = split_evenly(a.rect.n_taps, kGroupedTaps<kGroup>);
  const Tap* taps = a.rect.taps;
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    const GroupedWgradFn tile = grouped_wgrad_find<kGroup, kGroupedTaps<kGroup>>(n);
    for (int lane = 0; lane < kLanes; lane += kGroupSpan<kGroup> * V::lanes) tile(a, taps, y0, rows, lane);
    taps += n;
  }
}

static inline void grouped_bias_grad(const ConvGroupedWgrad& a, int y0, int rows) {
  const Rect& r = a.rect;
  for (int lane = 0; lane < kLanes; lane += V::lanes) {
    V total = load(a.grad_bias + lane);
    for (int y = y0; y < y0 + rows; ++y)
      for (int x = 0; x < r.cols; ++x)
        total = total + load(a.grad_dst + r.dst0 + y * r.dst_row + x * r.dst_col + lane);
    store(a.grad_bias + lane, total);
  }
}

static void conv_grouped_wgrad(const ConvGroupedWgrad& a) {
  const auto work = a.group == 1   ? grouped_wgrad_rows<1>
                    : a.group == 2 ? grouped_wgrad_rows<2>
                    : a.group == 4 ? grouped_wgrad_rows<4>
                                   : grouped_wgrad_rows<8>;
  const int fit = kWgradChunk / (a.rect.cols * kLanes);
  const int chunk = fit > 0 ? fit : 1;
  for (int y = 0; y < a.rect.rows; y += chunk) {
    const int rows = a.rect.rows - y < chunk ? a.rect.rows - y : chunk;
    work(a, y, rows);
    grouped_bias_grad(a, y, rows);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
