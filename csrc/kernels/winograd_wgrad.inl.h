// The gradient of a 3x3 kernel by Winograd, from tiles of 4 x 4 outputs: G' (sum over tiles of B' x B times A
// dy A') G, with the transforms of F(4, 3). Each frequency's sum over tiles is a matrix product.
#pragma once
#include "kernels/winograd.inl.h"
#include "kernels/winograd_weights.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kWgradTile = 4, kWgradIn = kWgradTile + 2, kWgradFrequencies = kWgradIn * kWgradIn;
// Tiles between two additions to the sums: at 128 to 128 channels, their frequencies are 3.5 MB.
constexpr int32_t kWgradTiles = 96;
// The sums of a block of input channels stay in the second-level cache from the first product to the last
// transform, 300 KB, and lie at constant distances: 36 others in registers cost a third of that transform.
constexpr int64_t kSumsBlock = kLanes * kLanes;
constexpr int64_t kSumsFrequency = kWinogradWgradOutputs * kLanes + kLanes;
constexpr int64_t kSums = kWgradFrequencies * kSumsFrequency;

// Of a chunk of the tiles, in the scratch; the sums lie behind them.
static inline WinogradFrequencies winograd_wgrad_places(int32_t tiles, int32_t ic, int32_t oc,
                                                        float* scratch) {
  if (tiles > kWgradTiles) tiles = kWgradTiles;
  WinogradFrequencies p;
  p.src_frequency = winograd_frequency(winograd_blocks(ic), tiles);
  p.grad_frequency = winograd_frequency(winograd_blocks(oc), tiles);
  p.src = scratch;
  p.grad = p.src + kWgradFrequencies * p.src_frequency;
  return p;
}

// Sums that wait for more tiles have a place each.
static int64_t winograd_wgrad_scratch(int32_t tiles, int32_t ic, int32_t oc) {
  const WinogradFrequencies p = winograd_wgrad_places(tiles, ic, oc, nullptr);
  return kWgradFrequencies * (p.src_frequency + p.grad_frequency) +
         (tiles > kWgradTiles ? winograd_blocks(ic) : 1) * kSums;
}

// A dy A' of one tile, of which rows x cols outputs exist.
static inline void winograd_transform_grad(const float* from, int64_t row_floats, int rows, int cols,
                                           float* to, int64_t frequency) {
  V lines[kWgradIn][kWgradTile];
  for (int x = 0; x < kWgradTile; ++x) {
    V y[kWgradTile], m[kWgradIn];
    for (int i = 0; i < kWgradTile; ++i)
      y[i] = load(i < rows && x < cols ? from + i * row_floats + x * kLanes : kWinogradZeros);
    winograd_grad_out(y, m);
    for (int i = 0; i < kWgradIn; ++i) lines[i][x] = m[i];
  }
  for (int y = 0; y < kWgradIn; ++y) {
    V m[kWgradIn];
    winograd_grad_out(lines[y], m);
    for (int x = 0; x < kWgradIn; ++x) store(to + (y * kWgradIn + x) * frequency, m[x]);
  }
}

// Adds one tile's gradients to those of the biases from channel o on.
static inline void winograd_grad_bias(const WinogradWgrad& a, const float* from, int rows, int cols, int o) {
  const int n = a.oc - o < V::lanes ? a.oc - o : V::lanes;
  if (n <= 0) return;
  V sum = load_n(a.grad_bias + o, n);
  for (int y = 0; y < kWgradTile && y < rows; ++y)
    for (int x = 0; x < kWgradTile && x < cols; ++x)
      sum = sum + load(from + (static_cast<int64_t>(y) * a.ow + x) * kLanes);
  store_n(a.grad_bias + o, sum, n);
}

static inline void winograd_grads(const WinogradWgrad& a, const WinogradFrequencies& p) {
  const int blocks = winograd_blocks(a.oc);
  const int64_t row = int64_t{a.ow} * kLanes;
  const auto place = [&](const WinogradTile& tile) {
    return a.grad_dst + tile.sample * a.dst_sample + (static_cast<int64_t>(tile.y) * a.ow + tile.x) * kLanes;
  };
  WinogradWalk<WinogradForm::f4> walk(a, blocks);
  for (int t = 0; t < a.tiles; ++t, walk.step()) {
    const int rows = a.oh - walk.tile.y, cols = a.ow - walk.tile.x;
    const float *from = place(walk.tile), *ahead = place(walk.ahead);
    float* to = p.grad + t * kLanes;
    for (int block = 0; block < blocks; ++block, from += a.dst_block, ahead += a.dst_block) {
      for (int y = 0; y < kWgradTile; ++y)
        for (int x = 0; x < kWgradTile; ++x) prefetch(ahead + y * row + x * kLanes);
      for (int v = 0; v < kLanes; v += V::lanes) {
        winograd_transform_grad(from + v, row, rows, cols, to + v, p.grad_frequency);
        if (a.grad_bias) winograd_grad_bias(a, from + v, rows, cols, block * kLanes + v);
      }
      to += int64_t{a.tiles} * kLanes;
    }
  }
}

// Asks for what a 36th of the last transform of a block of input channels will overwrite: its lines lie in
// nine places far apart, which no prefetcher sees. A third of that transform's time at 512 to 512 channels.
static inline void winograd_fetch_kernels(const WinogradWgrad& a, int block, int f) {
  constexpr int kRows = kLanes / 4;
  const int first = block * kLanes + f % 4 * kRows;
  const float* kernel = a.grad_kernel + f / 4 * a.grad_tap;
  for (int i = first; i < first + kRows && i < a.ic; ++i)
    for (int o = 0; o < a.oc; o += kLanes) prefetch(kernel + i * a.grad_row + o);
}

// Adds the products of a block of input channels to its sums.
static inline void winograd_wgrad_products(const WinogradWgrad& a, const WinogradFrequencies& p, int block,
                                           bool first, bool last, float* sums) {
  WinogradOuter product;
  product.grad_block = static_cast<int64_t>(a.tiles) * kLanes, product.dst_block = kSumsBlock;
  product.src = p.src + block * product.grad_block, product.grad = p.grad, product.dst = sums;
  product.oc_blocks = winograd_blocks(a.oc), product.tiles = a.tiles, product.first = first;
  const float* const next_block = product.src + product.grad_block;
  for (int f = 0; f < kWgradFrequencies; ++f) {
    const bool more = f + 1 < kWgradFrequencies;
    product.next_src = more ? product.src + p.src_frequency : next_block;
    product.next_grad = more ? product.grad + p.grad_frequency : p.grad;
    if (last) winograd_fetch_kernels(a, block, f);
    winograd_outer(product);
    product.src += p.src_frequency, product.grad += p.grad_frequency, product.dst += kSumsFrequency;
  }
}

// G' sums G of one input channel and a vector of output channels.
static inline void winograd_grad_taps(const float* sums, V (&taps)[9]) {
  V lines[3][kWgradIn];
  for (int x = 0; x < kWgradIn; ++x) {
    V r[kWgradIn], g[3];
    for (int y = 0; y < kWgradIn; ++y) r[y] = load(sums + (y * kWgradIn + x) * kSumsFrequency);
    winograd_grad_kernel(r, g);
    for (int y = 0; y < 3; ++y) lines[y][x] = g[y];
  }
  for (int y = 0; y < 3; ++y) {
    V g[3];
    winograd_grad_kernel(lines[y], g);
    for (int x = 0; x < 3; ++x) taps[y * 3 + x] = g[x];
  }
}

// The kernels of one input channel and one block of output channels. The taps lie far apart, often on the
// same sets of the caches: each cache line is written at once.
static inline void winograd_grad_kernels(const WinogradWgrad& a, const float* sums, int i, int o0) {
  V taps[kWinogradVectors][9];
  for (int v = 0; v < kWinogradVectors; ++v) winograd_grad_taps(sums + v * V::lanes, taps[v]);
  float* to = a.grad_kernel + i * a.grad_row + o0;
  for (int tap = 0; tap < 9; ++tap, to += a.grad_tap)
    for (int v = 0; v < kWinogradVectors; ++v) {
      const int left = a.oc - o0 - v * V::lanes;
      if (left >= V::lanes) {
        store(to + v * V::lanes, taps[v][tap]);
      } else if (left > 0) {
        store_n(to + v * V::lanes, taps[v][tap], left);
      }
    }
}

static inline void winograd_wgrad_frequencies(const WinogradWgrad& a, const WinogradFrequencies& p,
                                              bool first) {
  WinogradPlaces in{};
  in.in = p.src, in.in_frequency = p.src_frequency, in.tiles = static_cast<int64_t>(a.tiles) * kLanes;
  if (a.ic) winograd_inputs<WinogradForm::f4>(a, in);
  if (a.grad_bias && first)
    for (int o = 0; o < a.oc; ++o) a.grad_bias[o] = 0;
  if (a.oc) winograd_grads(a, p);
}

// Of the first, the last, or further tiles.
static inline void winograd_wgrad_sums(const WinogradWgrad& a, const WinogradFrequencies& p, bool first,
                                       bool last, float* sums) {
  for (int block = 0; block < winograd_blocks(a.ic); ++block) {
    winograd_wgrad_products(a, p, block, first, last, sums);
    for (int i = block * kLanes; last && i < a.ic && i < (block + 1) * kLanes; ++i)
      for (int o0 = 0; o0 < a.oc; o0 += kLanes)
        winograd_grad_kernels(a, sums + o0 * kLanes + i % kLanes * kLanes, i, o0);
    if (!first || !last) sums += kSums;
  }
}

static void winograd_wgrad_transform(const WinogradWgrad& a, const WinogradFrequencies& p) {
  winograd_wgrad_frequencies(a, p, true);
}

static void winograd_wgrad_product(const WinogradWgrad& a, const WinogradFrequencies& p) {
  winograd_wgrad_sums(a, p, true, true, a.scratch);
}

static void winograd_wgrad(const WinogradWgrad& a) {
  const WinogradFrequencies p = winograd_wgrad_places(a.tiles, a.ic, a.oc, a.scratch);
  float* const sums = p.grad + kWgradFrequencies * p.grad_frequency;
  const Parts chunks = split_evenly(a.tiles, kWgradTiles);
  WinogradWgrad chunk = a;
  for (int i = 0; i < chunks.count; ++i, chunk.first_tile += chunk.tiles) {
    chunk.tiles = chunks.size + (i < chunks.larger);
    winograd_wgrad_frequencies(chunk, p, i == 0);
    winograd_wgrad_sums(chunk, p, i == 0, i + 1 == chunks.count, sums);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
