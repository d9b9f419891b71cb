// Winograd convolution F(m x m, 3 x 3) for m = 2, 4 and 6 in nchw16c, stride 1: a block of tiles goes through
// all three parts (inputs to frequencies, one matrix product a frequency, back to outputs with bias and
// activation) while it lies in the caches.
#pragma once
#include "kernels/winograd_lines.inl.h"
#include "kernels/winograd_product.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Blocks of output channels between two output transforms: their frequencies (36 x 64 x 48 floats, 440 KB)
// stay in the second-level cache (Zen 3, 2026-11; 2 are as fast).
constexpr int kWinogradBlocks = 4;

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
static inline WinogradTile winograd_tile(const WinogradTiles& a, int number) {
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
static inline void winograd_inputs(const WinogradTiles& a, const WinogradPlaces& p) {
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
      for (int v = 0; v < kWinogradVectors; ++v) {
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
  constexpr int kFrequencies = (kTile + 2) * (kTile + 2);
  const int64_t block_floats = static_cast<int64_t>(a.ic) * kLanes;
  WinogradProduct product;
  product.src = p.in, product.dst = p.out;
  product.src_block = product.dst_block = p.block;
  product.ic = a.ic, product.oc_blocks = blocks, product.tiles = a.tiles;
  product.weights = a.weights + first * block_floats;
  for (int f = 0; f < kFrequencies; ++f) {
    product.next_weights = f + 1 < kFrequencies ? product.weights + a.weights_frequency
                                                : a.weights + (first + blocks) * block_floats;
    winograd_product(product);
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

// What exists of a tile: rows x cols outputs.
template <int kTile>
static inline void winograd_store(const Winograd& a, const V (&out)[kTile][kTile], V bias, int rows, int cols,
                                  int64_t at) {
  for (int y = 0; y < rows; ++y, at += static_cast<int64_t>(a.ow) * kLanes)
    for (int x = 0; x < cols; ++x) {
      const int64_t to = at + x * kLanes;
      const V rest = a.residual ? bias + load(a.residual + to) : bias;
      store(a.dst + to, activated(a.activation, out[y][x] + rest));
    }
}

// The same with rows x cols pooling windows: tiles begin at even outputs, so that no window lies in two. The
// bias comes first, so that ties are those of the sums as they would be stored.
template <int kTile>
static inline void winograd_store_pooled(const Winograd& a, const V (&out)[kTile][kTile], V bias, int rows,
                                         int cols, int64_t at) {
  for (int y = 0; y < rows; ++y, at += static_cast<int64_t>(a.ow / 2) * kLanes)
    for (int x = 0; x < cols; ++x) {
      V best = out[2 * y][2 * x] + bias;
      I winner = iset1(0);
      for (int p = 1; p < 4; ++p) meet_winner(out[2 * y + p / 2][2 * x + p % 2] + bias, p, best, winner);
      const int64_t to = at + x * kLanes;
      store(a.dst + to, activated(a.activation, best));
      if (a.pool_index) istore_bytes(a.pool_index + to, winner);
    }
}

template <int kTile>
static inline void winograd_outputs(const Winograd& a, const WinogradPlaces& p, int first, int blocks) {
  const int window = a.pool ? 2 : 1;
  for (int t = 0; t < a.tiles; ++t) {
    const WinogradTile tile = winograd_tile<kTile>(a, a.first_tile + t);
    const int rows = (a.oh - tile.y < kTile ? a.oh - tile.y : kTile) / window;
    const int cols = (a.ow - tile.x < kTile ? a.ow - tile.x : kTile) / window;
    const int64_t corner = static_cast<int64_t>(tile.y / window) * (a.ow / window) + tile.x / window;
    for (int block = 0; block < blocks; ++block)
      for (int v = 0; v < kWinogradVectors; ++v) {
        const int lane = v * V::lanes;
        const V bias = a.bias ? load(a.bias + (first + block) * kLanes + lane) : zero();
        V out[kTile][kTile];
        winograd_transform_out<kTile>(p.out + block * p.block + t * kLanes + lane, p.out_frequency, out);
        const int64_t at =
            tile.sample * a.dst_sample + (first + block) * a.dst_block + corner * kLanes + lane;
        if (a.pool) {
          winograd_store_pooled<kTile>(a, out, bias, rows, cols, at);
        } else {
          winograd_store<kTile>(a, out, bias, rows, cols, at);
        }
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
  } else if (a.tile == 4) {
    winograd_run<4>(a);
  } else {
    winograd_run<6>(a);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
