// Winograd convolution F(m x m, 3 x 3) for m = 2 and 4 in nchw16c, stride 1: a block of tiles goes through
// all three parts (inputs to frequencies, one matrix product a frequency, back to outputs with bias and
// activation) while it lies in the second-level cache. The matrix product is conv_blocked with one tap: its
// pixels are the tiles. Points 0, +-1 (m = 2) and 0, +-1, +-2 (m = 4): their even and odd parts share sums.
#pragma once
#include "kernels/conv_blocked.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Blocks of output channels between two output transforms: their frequencies (36 x 64 x 48 floats, 440 KB)
// stay in the second-level cache (Zen 3, 2026-11; 2 are as fast).
constexpr int kWinogradBlocks = 4;

// ---- the transforms of one row or column; B' of the inputs, A' of the outputs ----

static inline void winograd_in(const V (&d)[4], V (&r)[4]) {
  r[0] = d[0] - d[2];
  r[1] = d[1] + d[2];
  r[2] = d[2] - d[1];
  r[3] = d[1] - d[3];
}

static inline void winograd_in(const V (&d)[6], V (&r)[6]) {
  const V even1 = fma(set1(-4.0f), d[2], d[4]), odd1 = fma(set1(-4.0f), d[1], d[3]);
  const V even2 = d[4] - d[2], odd2 = d[3] - d[1];
  r[0] = fma(set1(4.0f), d[0], fma(set1(-5.0f), d[2], d[4]));
  r[1] = even1 + odd1;
  r[2] = even1 - odd1;
  r[3] = fma(set1(2.0f), odd2, even2);
  r[4] = fma(set1(-2.0f), odd2, even2);
  r[5] = fma(set1(4.0f), d[1], fma(set1(-5.0f), d[3], d[5]));
}

static inline void winograd_out(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

static inline void winograd_out(const V (&m)[6], V (&y)[4]) {
  const V even1 = m[1] + m[2], odd1 = m[1] - m[2], even2 = m[3] + m[4], odd2 = m[3] - m[4];
  y[0] = m[0] + even1 + even2;
  y[1] = fma(set1(2.0f), odd2, odd1);
  y[2] = fma(set1(4.0f), even2, even1);
  y[3] = fma(set1(8.0f), odd2, odd1) + m[5];
}

// G of the weights, in float64 for a whole block of lanes: the compiler vectorizes the innermost loops.
template <int kTile>
static inline void winograd_weights_line(const double (&g)[3][kLanes], double (&r)[kTile + 2][kLanes]) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const double a = g[0][lane], b = g[1][lane], c = g[2][lane];
    if constexpr (kTile == 2) {
      r[0][lane] = a, r[1][lane] = (a + c + b) / 2, r[2][lane] = (a + c - b) / 2, r[3][lane] = c;
    } else {
      const double even1 = (a + c) * (-1.0 / 6), odd1 = b * (-1.0 / 6);
      const double even2 = (a + 4 * c) * (1.0 / 24), odd2 = b * (1.0 / 12);
      r[0][lane] = a / 4, r[1][lane] = even1 + odd1, r[2][lane] = even1 - odd1;
      r[3][lane] = even2 + odd2, r[4][lane] = even2 - odd2, r[5][lane] = c;
    }
  }
}

// ---- blocks of tiles ----

// Where the frequencies of a block of tiles lie in the scratch. An odd number of cache lines between them
// spreads them over the cache's sets.
struct WinogradPlaces {
  int64_t in_frequency, out_frequency, block;  // floats
  float *in, *out;
};

static inline int64_t winograd_frequency(int32_t blocks, int32_t tiles) {
  return ((static_cast<int64_t>(blocks) * tiles) | 1) * kLanes;
}

// The blocks of output channels in the scratch at a time.
static inline int32_t winograd_out_blocks(int32_t oc) {
  const int32_t blocks = (oc + kLanes - 1) / kLanes;
  return blocks < kWinogradBlocks ? blocks : kWinogradBlocks;
}

static int64_t winograd_scratch(int32_t tile, int32_t tiles, int32_t ic, int32_t oc) {
  const int32_t in_blocks = (ic + kLanes - 1) / kLanes;
  return (tile + 2) * (tile + 2) *
         (winograd_frequency(in_blocks, tiles) + winograd_frequency(winograd_out_blocks(oc), tiles));
}

struct WinogradTile {
  int sample, y, x;  // its first output
};

template <int kTile>
static inline WinogradTile winograd_tile(const Winograd& a, int number) {
  const int across = (a.ow + kTile - 1) / kTile, down = (a.oh + kTile - 1) / kTile;
  const int in_sample = number % (across * down);
  return {number / (across * down), in_sample / across * kTile, in_sample % across * kTile};
}

alignas(64) static constexpr float kWinogradZeros[kLanes] = {};

template <int kTile, bool kInside>
static inline void winograd_transform_in(const float* const (&rows)[kTile + 2],
                                         const bool (&in_col)[kTile + 2], const bool (&in_row)[kTile + 2],
                                         float* to, int64_t frequency) {
  constexpr int kIn = kTile + 2;
  V cols[kIn][kIn];
  for (int x = 0; x < kIn; ++x) {
    V d[kIn];
    for (int y = 0; y < kIn; ++y) {
      const float* pixel = rows[y] + x * kLanes;
      d[y] = load(kInside || (in_row[y] && in_col[x]) ? pixel : kWinogradZeros);
    }
    winograd_in(d, cols[x]);
  }
  for (int y = 0; y < kIn; ++y) {
    V d[kIn], r[kIn];
    for (int x = 0; x < kIn; ++x) d[x] = cols[x][y];
    winograd_in(d, r);
    for (int x = 0; x < kIn; ++x) store(to + (y * kIn + x) * frequency, r[x]);
  }
}

template <int kTile>
static inline void winograd_inputs(const Winograd& a, const WinogradPlaces& p) {
  constexpr int kIn = kTile + 2;
  const int blocks = (a.ic + kLanes - 1) / kLanes;
  for (int t = 0; t < a.tiles; ++t) {
    const WinogradTile tile = winograd_tile<kTile>(a, a.first_tile + t);
    const int y0 = tile.y - a.pad_top, x0 = tile.x - a.pad_left;
    const bool inside = y0 >= 0 && x0 >= 0 && y0 + kIn <= a.ih && x0 + kIn <= a.iw;
    bool in_row[kIn], in_col[kIn];
    for (int i = 0; i < kIn; ++i) {
      in_row[i] = y0 + i >= 0 && y0 + i < a.ih;
      in_col[i] = x0 + i >= 0 && x0 + i < a.iw;
    }
    const float* src = a.src + tile.sample * a.src_sample + (static_cast<int64_t>(y0) * a.iw + x0) * kLanes;
    for (int block = 0; block < blocks; ++block)
      for (int v = 0; v < kBlockVectors; ++v) {
        const float* rows[kIn];
        for (int y = 0; y < kIn; ++y)
          rows[y] = src + block * a.src_block + static_cast<int64_t>(y) * a.iw * kLanes + v * V::lanes;
        float* to = p.in + block * p.block + t * kLanes + v * V::lanes;
        if (inside) {
          winograd_transform_in<kTile, true>(rows, in_col, in_row, to, p.in_frequency);
        } else {
          winograd_transform_in<kTile, false>(rows, in_col, in_row, to, p.in_frequency);
        }
      }
  }
}

// The matrix products of some blocks of output channels, one a frequency.
template <int kTile>
static inline void winograd_products(const Winograd& a, const WinogradPlaces& p, int first, int blocks) {
  const Tap tap = {0, 0};
  ConvBlocked product{};
  product.src_block = product.dst_block = p.block;
  product.src_lane = 1;
  product.ic = a.ic, product.oc = blocks * kLanes, product.all_taps = 1;
  product.activation = Activation::none;
  product.rect.src_col = product.rect.dst_col = kLanes;
  product.rect.rows = 1, product.rect.cols = a.tiles;
  product.rect.taps = &tap, product.rect.n_taps = 1;
  product.weights = a.weights + static_cast<int64_t>(first) * a.ic * kLanes;
  product.src = p.in, product.dst = p.out;
  for (int f = 0; f < (kTile + 2) * (kTile + 2); ++f) {
    conv_blocked(product);
    product.src += p.in_frequency, product.dst += p.out_frequency, product.weights += a.weights_frequency;
  }
}

template <int kTile>
static inline void winograd_transform_out(const float* from, int64_t frequency, V (&out)[kTile][kTile]) {
  constexpr int kIn = kTile + 2;
  V cols[kIn][kTile];
  for (int x = 0; x < kIn; ++x) {
    V m[kIn];
    for (int y = 0; y < kIn; ++y) m[y] = load(from + (y * kIn + x) * frequency);
    winograd_out(m, cols[x]);
  }
  for (int y = 0; y < kTile; ++y) {
    V m[kIn];
    for (int x = 0; x < kIn; ++x) m[x] = cols[x][y];
    winograd_out(m, out[y]);
  }
}

template <int kTile>
static inline void winograd_outputs(const Winograd& a, const WinogradPlaces& p, int first, int blocks) {
  for (int t = 0; t < a.tiles; ++t) {
    const WinogradTile tile = winograd_tile<kTile>(a, a.first_tile + t);
    const int rows = a.oh - tile.y < kTile ? a.oh - tile.y : kTile;
    const int cols = a.ow - tile.x < kTile ? a.ow - tile.x : kTile;
    float* dst = a.dst + tile.sample * a.dst_sample + first * a.dst_block +
                 (static_cast<int64_t>(tile.y) * a.ow + tile.x) * kLanes;
    for (int block = 0; block < blocks; ++block)
      for (int v = 0; v < kBlockVectors; ++v) {
        const int lane = block * kLanes + v * V::lanes;
        const V bias = a.bias ? load(a.bias + first * kLanes + lane) : zero();
        V out[kTile][kTile];
        winograd_transform_out<kTile>(p.out + block * p.block + t * kLanes + v * V::lanes, p.out_frequency,
                                      out);
        float* to = dst + block * a.dst_block + v * V::lanes;
        for (int y = 0; y < rows; ++y)
          for (int x = 0; x < cols; ++x)
            store(to + (static_cast<int64_t>(y) * a.ow + x) * kLanes,
                  activated(a.activation, out[y][x] + bias));
      }
  }
}

template <int kTile>
static inline void winograd_run(const Winograd& a) {
  const int in_blocks = (a.ic + kLanes - 1) / kLanes, out_blocks = (a.oc + kLanes - 1) / kLanes;
  WinogradPlaces p;
  p.in_frequency = winograd_frequency(in_blocks, a.tiles);
  p.out_frequency = winograd_frequency(winograd_out_blocks(a.oc), a.tiles);
  p.block = static_cast<int64_t>(a.tiles) * kLanes;
  p.in = a.scratch;
  p.out = a.scratch + (kTile + 2) * (kTile + 2) * p.in_frequency;
  winograd_inputs<kTile>(a, p);
  for (int first = 0; first < out_blocks; first += kWinogradBlocks) {
    const int left = out_blocks - first, blocks = left < kWinogradBlocks ? left : kWinogradBlocks;
    winograd_products<kTile>(a, p, first, blocks);
    winograd_outputs<kTile>(a, p, first, blocks);
  }
}

static void winograd(const Winograd& a) {
  if (a.tile == 2) {
    winograd_run<2>(a);
  } else {
    winograd_run<4>(a);
  }
}

template <int kTile>
static inline void winograd_weights_run(const WinogradWeights& a) {
  constexpr int kIn = kTile + 2;
  for (int row = 0; row < a.rows; ++row) {
    double taps[3][3][kLanes] = {};
    for (int tap = 0; tap < 9; ++tap) {
      const float* from = a.kernel + (a.flipped ? 8 - tap : tap) * a.tap_stride + row * a.row_stride;
      for (int lane = 0; lane < a.lanes; ++lane) taps[tap % 3][tap / 3][lane] = from[lane * a.lane_stride];
    }
    double cols[kIn][3][kLanes];  // [transformed row][column]
    for (int x = 0; x < 3; ++x) {
      double line[kIn][kLanes];
      winograd_weights_line<kTile>(taps[x], line);
      for (int y = 0; y < kIn; ++y) std::memcpy(cols[y][x], line[y], sizeof line[y]);
    }
    for (int y = 0; y < kIn; ++y) {
      double line[kIn][kLanes];
      winograd_weights_line<kTile>(cols[y], line);
      for (int x = 0; x < kIn; ++x) {
        float* to = a.dst + (y * kIn + x) * a.frequency + static_cast<int64_t>(row) * kLanes;
        for (int lane = 0; lane < kLanes; ++lane) to[lane] = static_cast<float>(line[x][lane]);
      }
    }
  }
}

static void winograd_weights(const WinogradWeights& a) {
  if (a.tile == 2) {
    winograd_weights_run<2>(a);
  } else {
    winograd_weights_run<4>(a);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
