// Direct convolution with neighbouring pixels of a row in the lanes: few output channels leave no lanes empty
// then. Finished vectors are turned to sixteen channels in the lanes, pooled on the way.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// A tile: with two vectors of pixels six output channels are twelve sums, in sixteen registers. The vectors
// are neighbours or, under a pooling, lie one above the other.
constexpr int kPixelsVectors = 2, kPixelsOutputs = 6;
constexpr int kPixelsTile = kPixelsVectors * V::lanes;  // pixels

// Of a pooling's windows of 2x2 pixels a tile holds half a vector.
template <WindowPool kPool>
constexpr int kPixelsWindow = kPool == WindowPool::none ? 1 : 2;
template <WindowPool kPool>
constexpr int kPixelsStored = kPool == WindowPool::none ? kPixelsTile : V::lanes / 2;

// Sums of a tile, whose vectors read `step` apart, to rows of kPixelsTile.
template <int kOutputs>
static void pixels_tile(const ConvPixels& a, const float* src, int64_t step, int first, float* rows) {
  V acc[kOutputs][kPixelsVectors];
#pragma GCC unroll 16
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 16
    for (int v = 0; v < kPixelsVectors; ++v) acc[o][v] = a.bias ? set1(a.bias[first + o]) : zero();
  const float* w = a.weights + first;
  for (const int32_t *at = a.offsets, *const end = at + a.terms; at != end; ++at, w += a.oc) {
    V x[kPixelsVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kPixelsVectors; ++v) x[v] = load(src + *at + v * step);
#pragma GCC unroll 16
    for (int o = 0; o < kOutputs; ++o) {
      const V weight = set1(w[o]);
#pragma GCC unroll 16
      for (int v = 0; v < kPixelsVectors; ++v) acc[o][v] = fma(x[v], weight, acc[o][v]);
    }
  }
#pragma GCC unroll 16
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 16
    for (int v = 0; v < kPixelsVectors; ++v) store(rows + o * kPixelsTile + v * V::lanes, acc[o][v]);
}

template <int kOutputs = kPixelsOutputs>
static inline void pixels_tiles(const ConvPixels& a, const float* src, int64_t step, int outputs, int first,
                                float* rows) {
  if constexpr (kOutputs > 1) {
    if (outputs < kOutputs) return pixels_tiles<kOutputs - 1>(a, src, step, outputs, first, rows);
  }
  pixels_tile<kOutputs>(a, src, step, first, rows);
}

// A vector of each channel's pixels, kPixelsTile apart, to blocks of sixteen lanes, one a pixel. Channels
// that are not there become zero.
static inline void pixels_turn(const float* rows, int channels, float* dst) {
  for (int channel = 0; channel < kLanes; channel += V::lanes) {
    V turned[V::lanes];
    for (int i = 0; i < V::lanes; ++i)
      turned[i] = channel + i < channels ? load(rows + (channel + i) * kPixelsTile) : zero();
    if (channel < channels) transpose(turned);
    for (int i = 0; i < V::lanes; ++i) store(dst + i * kLanes + channel, turned[i]);
  }
}

// Two cells of a window, or its two halves. NaN beats all.
template <WindowPool kPool>
static inline V pixels_meet(V a, V b) {
  if constexpr (kPool == WindowPool::mean) return a + b;
  return select(is_nan(a), a, max(a, b));  // in this order NaN of b stays NaN
}

// Both vectors of a tile under a pooling, likewise: a block for each of its windows.
template <WindowPool kPool>
static inline void pixels_turn_windows(const float* rows, int channels, const Bounds& bounds, float* dst) {
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int channel = 0; channel < kLanes; channel += V::lanes) {
    V turned[V::lanes];
    for (int i = 0; i < V::lanes; ++i) {
      const float* row = rows + (channel + i) * kPixelsTile;
      turned[i] = channel + i < channels ? pixels_meet<kPool>(load(row), load(row + V::lanes)) : zero();
    }
    if (channel < channels) transpose(turned);
    for (int i = 0; i < V::lanes; i += 2) {
      const V window = pixels_meet<kPool>(turned[i], turned[i + 1]);
      store(dst + i / 2 * kLanes + channel,
            kPool == WindowPool::mean ? window * set1(0.25f) : within(low, high, window));
    }
  }
}

// One block of output channels of one tile, kPixelsStored pixels of them.
template <WindowPool kPool>
static inline void pixels_block(const ConvPixels& a, const float* src, int first, float* dst) {
  alignas(64) float rows[kLanes * kPixelsTile];
  const int channels = a.oc - first < kLanes ? a.oc - first : kLanes;
  const int64_t step = kPool == WindowPool::none ? V::lanes : a.src_row;
  const Parts tiles = split_evenly(channels, kPixelsOutputs);
  for (int tile = 0, at = 0; tile < tiles.count; ++tile) {
    const int outputs = tiles.size + (tile < tiles.larger);
    pixels_tiles(a, src, step, outputs, first + at, rows + at * kPixelsTile);
    at += outputs;
  }
  if (a.activation != Activation::none && kPool != WindowPool::maximum)
    activate(a.activation, rows, rows, channels * kPixelsTile);
  if constexpr (kPool == WindowPool::none) {
    for (int v = 0; v < kPixelsVectors; ++v)
      pixels_turn(rows + v * V::lanes, channels, dst + v * V::lanes * kLanes);
  } else {
    pixels_turn_windows<kPool>(rows, channels, bounds_of(a.activation), dst);
  }
  if (!is_bounds(a.activation) && kPool == WindowPool::maximum)
    activate(a.activation, dst, dst, kPixelsStored<kPool> * kLanes);
}

// A row of dst. Its last tile ends where it does, over pixels of the tile before if need be; a row that is
// shorter than a tile is made beside.
template <WindowPool kPool>
static inline void pixels_row(const ConvPixels& a, const float* src, int first, float* dst) {
  constexpr int kStored = kPixelsStored<kPool>;
  if (a.cols < kStored) {
    alignas(64) float row[kStored * kLanes];
    pixels_block<kPool>(a, src, first, row);
    for (int i = 0; i < a.cols * kLanes; i += V::lanes) store(dst + i, load(row + i));
    return;
  }
  for (int x = 0; x < a.cols; x += kStored) {
    const int at = x + kStored < a.cols ? x : a.cols - kStored;
    pixels_block<kPool>(a, src + at * kPixelsWindow<kPool>, first, dst + at * kLanes);
  }
}

template <WindowPool kPool>
static void pixels_rows(const ConvPixels& a) {
  for (int y = 0; y < a.rows; ++y)
    for (int first = 0; first < a.oc; first += kLanes)
      pixels_row<kPool>(a, a.src + y * kPixelsWindow<kPool> * a.src_row, first,
                        a.dst + first / kLanes * a.dst_block + int64_t{y} * a.cols * kLanes);
}

static void conv_pixels(const ConvPixels& a) {
  if (a.pool == WindowPool::maximum) return pixels_rows<WindowPool::maximum>(a);
  if (a.pool == WindowPool::mean) return pixels_rows<WindowPool::mean>(a);
  pixels_rows<WindowPool::none>(a);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
