// Direct convolution with neighbouring pixels of a row in the lanes: few output channels leave no lanes empty
// then. Finished vectors are turned to sixteen channels in the lanes.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// A tile: with two vectors of pixels six output channels are twelve sums, in sixteen registers.
constexpr int kPixelsVectors = 2, kPixelsOutputs = 6;
constexpr int kPixelsTile = kPixelsVectors * V::lanes;  // pixels

// Outputs of a tile, their activation left out, to rows of kPixelsTile.
template <int kOutputs>
static void pixels_tile(const ConvPixels& a, const float* src, int first, float* rows) {
  V acc[kOutputs][kPixelsVectors];
#pragma GCC unroll 16
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 16
    for (int v = 0; v < kPixelsVectors; ++v) acc[o][v] = a.bias ? set1(a.bias[first + o]) : zero();
  const float* w = a.weights + first;
  for (const int32_t *at = a.offsets, *const end = at + a.terms; at != end; ++at, w += a.oc) {
    V x[kPixelsVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kPixelsVectors; ++v) x[v] = load(src + *at + v * V::lanes);
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
static inline void pixels_tiles(const ConvPixels& a, const float* src, int outputs, int first, float* rows) {
  if constexpr (kOutputs > 1) {
    if (outputs < kOutputs) return pixels_tiles<kOutputs - 1>(a, src, outputs, first, rows);
  }
  pixels_tile<kOutputs>(a, src, first, rows);
}

// Rows, one a channel, to `pixels` blocks of sixteen lanes. Channels that are not there become zero.
static inline void pixels_turn(const float* rows, int channels, int pixels, float* dst) {
  for (int channel = 0; channel < kLanes; channel += V::lanes)
    for (int begin = 0; begin < pixels; begin += V::lanes) {
      V turned[V::lanes];
      for (int i = 0; i < V::lanes; ++i)
        turned[i] = channel + i < channels ? load(rows + (channel + i) * kPixelsTile + begin) : zero();
      if (channel < channels) transpose(turned);
      const int n = pixels - begin < V::lanes ? pixels - begin : V::lanes;
      for (int i = 0; i < n; ++i) store(dst + (begin + i) * kLanes + channel, turned[i]);
    }
}

// One block of output channels of one tile of pixels.
static inline void pixels_block(const ConvPixels& a, const float* src, int pixels, int first, float* dst) {
  alignas(64) float rows[kLanes * kPixelsTile];
  const int channels = a.oc - first < kLanes ? a.oc - first : kLanes;
  const Parts tiles = split_evenly(channels, kPixelsOutputs);
  for (int tile = 0, at = 0; tile < tiles.count; ++tile) {
    const int outputs = tiles.size + (tile < tiles.larger);
    pixels_tiles(a, src, outputs, first + at, rows + at * kPixelsTile);
    at += outputs;
  }
  if (a.activation != Activation::none) activate(a.activation, rows, rows, channels * kPixelsTile);
  pixels_turn(rows, channels, pixels, dst);
}

static void conv_pixels(const ConvPixels& a) {
  for (int y = 0; y < a.rows; ++y)
    for (int x = 0; x < a.cols; x += kPixelsTile)
      for (int first = 0; first < a.oc; first += kLanes)
        pixels_block(a, a.src + y * a.src_row + x, a.cols - x < kPixelsTile ? a.cols - x : kPixelsTile, first,
                     a.dst + first / kLanes * a.dst_block + (int64_t{y} * a.cols + x) * kLanes);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
