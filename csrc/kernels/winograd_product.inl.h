// Winograd's matrix products, one a frequency, of tiles in blocks of sixteen channels, [channel
// block][tile][16]: of inputs and weights (sum over channels), and for the gradient of the weights of inputs
// and gradients (sum over tiles). Both fetch ahead what the next panel needs: the hardware's prefetchers lost
// 25 to 45 % here (Zen 3, 2026-11, weights in the third-level cache or in memory).
#pragma once
#include "kernels/winograd_lines.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Blocks of output channels and tiles of one register tile.
constexpr int kWinogradTileBlocks = V::lanes == 16 ? 2 : 1;
constexpr int kWinogradTileTiles = V::lanes == 16 ? 14 : (V::lanes == 8 ? 6 : 3);
constexpr int kWinogradPanel =
    256;  // input channels of a panel of weights: 16 KB, half of the first-level cache

// dst[oc block][tile][16] = sum over ic of src[ic block][tile][16] * weights[oc block][ic][16].
struct WinogradProduct {
  const float* src;
  const float* weights;
  const float* next_weights;  // what the next call will read: fetched towards the end of this one
  float* dst;
  int64_t src_block, dst_block;
  int ic, oc_blocks, tiles;
};

struct WinogradPanel {
  const float* src;
  const float* weights;
  const float* next;  // the panel to fetch: `lines` cache lines of each block for every sixteen channels
  float* dst;
  int ic, lines;
  bool first;  // else the products are added to dst
};

template <int kBlocks, int kTiles>
static inline void winograd_panel(const WinogradProduct& a, const WinogradPanel& p) {
  constexpr int kVectors = kBlocks * kWinogradVectors;
  const int64_t weights_block = static_cast<int64_t>(a.ic) * kLanes;
  const auto place = [&](int tile, int v) {
    return p.dst + (v / kWinogradVectors) * a.dst_block + tile * kLanes + (v % kWinogradVectors) * V::lanes;
  };
  V acc[kTiles][kVectors];
#pragma GCC unroll 16
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[t][v] = p.first ? zero() : load(place(t, v));
  const float* src = p.src;
  const float* w = p.weights;
  const float* next = p.next;
  for (int i0 = 0; i0 < p.ic; i0 += kLanes, src += a.src_block) {
    for (int line = 0; line < p.lines; ++line, next += kLanes)
#pragma GCC unroll 16
      for (int block = 0; block < kBlocks; ++block) prefetch(next + block * weights_block);
    const int n = p.ic - i0 < kLanes ? p.ic - i0 : kLanes;
#pragma GCC unroll 4
    for (const float *s = src, *const end = src + n; s != end; ++s, w += kLanes) {
      V b[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v)
        b[v] = load(w + (v / kWinogradVectors) * weights_block + (v % kWinogradVectors) * V::lanes);
#pragma GCC unroll 16
      for (int t = 0; t < kTiles; ++t) {
        const V x = set1(s[t * kLanes]);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[t][v] = fma(x, b[v], acc[t][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) store(place(t, v), acc[t][v]);
}

using WinogradPanelFn = void (*)(const WinogradProduct&, const WinogradPanel&);

template <int kBlocks, int kTiles>
static inline WinogradPanelFn winograd_find_panel(int tiles) {
  if constexpr (kTiles > 1) {
    if (tiles < kTiles) return winograd_find_panel<kBlocks, kTiles - 1>(tiles);
  }
  return winograd_panel<kBlocks, kTiles>;
}

// All tiles of some blocks of output channels. While they pass, the next panel is fetched.
template <int kBlocks>
static inline void winograd_row(const WinogradProduct& a, int block) {
  const Parts parts = split_evenly(a.tiles, kWinogradTileTiles);
  const int64_t weights_block = static_cast<int64_t>(a.ic) * kLanes;
  const float* const weights = a.weights + block * weights_block;
  WinogradPanel p;
  const int lines = (kLanes + parts.count - 1) / parts.count;
  for (int ic0 = 0; ic0 < a.ic; ic0 += kWinogradPanel) {
    const bool last = a.ic - ic0 <= kWinogradPanel;
    p.src = a.src + ic0 / kLanes * a.src_block;
    p.weights = weights + ic0 * kLanes;
    p.dst = a.dst + block * a.dst_block;
    p.ic = last ? a.ic - ic0 : kWinogradPanel;
    p.first = ic0 == 0, p.lines = lines;
    p.next = !last                           ? p.weights + kWinogradPanel * kLanes
             : block + kBlocks < a.oc_blocks ? weights + kBlocks * weights_block
                                             : a.next_weights;
    for (int part = 0; part < parts.count; ++part) {
      const int n = parts.size + (part < parts.larger);
      if (part * lines >= kLanes) p.lines = 0;
      winograd_find_panel<kBlocks, kWinogradTileTiles>(n)(a, p);
      p.src += n * kLanes, p.dst += n * kLanes;
      p.next += static_cast<int64_t>(p.lines) * p.ic;
    }
  }
}

static inline void winograd_product(const WinogradProduct& a) {
  for (int block = 0; block < a.oc_blocks; block += kWinogradTileBlocks) {
    if (kWinogradTileBlocks == 2 && block + 2 <= a.oc_blocks) {
      winograd_row<kWinogradTileBlocks>(a, block);
    } else {
      winograd_row<1>(a, block);
    }
  }
}

// ---- gradient of the weights ----

// Input channels of one register tile: they divide a block of sixteen, or nearly.
constexpr int kWinogradOuterRows = V::lanes == 16 ? 8 : kWinogradTileTiles;

// One block of sixteen input channels: dst[oc block][ic][16] = (or, unless first, +=) sum over tiles of
// src[tile][ic] * grad[oc block][tile][16].
struct WinogradOuter {
  const float* src;
  const float* grad;
  const float* next_src;  // what the next call will read
  const float* next_grad;
  float* dst;
  int64_t grad_block, dst_block;
  int oc_blocks, tiles;
  bool first;
};

template <int kBlocks, int kRows>
static inline void winograd_outer_tile(const WinogradOuter& a, const float* src, const float* grad,
                                       const float* next, float* dst) {
  constexpr int kVectors = kBlocks * kWinogradVectors;
  const auto place = [&](int row, int v) {
    return dst + (v / kWinogradVectors) * a.dst_block + row * kLanes + (v % kWinogradVectors) * V::lanes;
  };
  V acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int block = 0; block < kBlocks; ++block) prefetch(place(r, block * kWinogradVectors));
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
  }
  const float* const end = src + static_cast<int64_t>(a.tiles) * kLanes;
#pragma GCC unroll 4
  for (; src != end; src += kLanes, grad += kLanes, next += kLanes) {
    prefetch(next);
    V b[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      b[v] = load(grad + (v / kWinogradVectors) * a.grad_block + (v % kWinogradVectors) * V::lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x = set1(src[r]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = fma(x, b[v], acc[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      store(place(r, v), a.first ? acc[r][v] : load(place(r, v)) + acc[r][v]);
}

using WinogradOuterFn = void (*)(const WinogradOuter&, const float*, const float*, const float*, float*);

template <int kBlocks, int kRows>
static inline WinogradOuterFn winograd_find_outer(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return winograd_find_outer<kBlocks, kRows - 1>(rows);
  }
  return winograd_outer_tile<kBlocks, kRows>;
}

template <int kBlocks>
static inline void winograd_outer_row(const WinogradOuter& a, int block) {
  const Parts parts = split_evenly(kLanes, kWinogradOuterRows);
  const float* src = a.src;
  float* dst = a.dst + block * a.dst_block;
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    const int then = block + kBlocks + part;
    const float* next = part >= kBlocks      ? a.next_src
                        : then < a.oc_blocks ? a.grad + then * a.grad_block
                                             : a.next_grad + (then - a.oc_blocks) * a.grad_block;
    winograd_find_outer<kBlocks, kWinogradOuterRows>(n)(a, src, a.grad + block * a.grad_block, next, dst);
    src += n, dst += n * kLanes;
  }
}

static inline void winograd_outer(const WinogradOuter& a) {
  for (int block = 0; block < a.oc_blocks; block += kWinogradTileBlocks) {
    if (kWinogradTileBlocks == 2 && block + 2 <= a.oc_blocks) {
      winograd_outer_row<kWinogradTileBlocks>(a, block);
    } else {
      winograd_outer_row<1>(a, block);
    }
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
