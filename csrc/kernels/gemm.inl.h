// Matrix product for dense layers, all three directions: operands are read at any row and column step.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kGemmVectors = V::lanes == 4 ? 4 : 2;
constexpr int kGemmMTile = V::lanes == 16 ? 14 : (V::lanes == 8 ? 6 : 3);
constexpr int kGemmNTile = kGemmVectors * V::lanes;
// Depth of a packed panel of b: 256 x 16 floats are half of a 32 KB first-level cache on AVX2.
constexpr int kGemmDepth = 256;
constexpr int64_t kGemmScratch = static_cast<int64_t>(kGemmDepth) * kGemmNTile;
// One row alone: eight independent sums hide the latency of the FMA.
constexpr int kGemvVectors = 8;

struct GemmTile {
  const float* a;
  const float* b;
  const float* bias;
  float* dst;
  int64_t a_row, a_col, b_row, dst_row;
  int depth, columns;  // columns that exist, at most the width of the tile
  bool first, last;    // panel of the sum
  Activation activation;
};

template <int kRows, int kVectors>
static inline void gemm_tile(const GemmTile& t) {
  V acc[kRows][kVectors];
  int columns[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const int left = t.columns - v * V::lanes;
    columns[v] = left < 0 ? 0 : (left > V::lanes ? V::lanes : left);
  }
  for (int m = 0; m < kRows; ++m)
    for (int v = 0; v < kVectors; ++v)
      acc[m][v] = t.first ? zero() : load_n(t.dst + m * t.dst_row + v * V::lanes, columns[v]);
  const float* a = t.a;
  const float* b = t.b;
  for (int k = 0; k < t.depth; ++k, a += t.a_col, b += t.b_row) {
    V w[kVectors];
    for (int v = 0; v < kVectors; ++v) w[v] = load(b + v * V::lanes);
    for (int m = 0; m < kRows; ++m) {
      const V x = set1(a[m * t.a_row]);
      for (int v = 0; v < kVectors; ++v) acc[m][v] = fma(x, w[v], acc[m][v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const V bias = t.last && t.bias ? load_n(t.bias + v * V::lanes, columns[v]) : zero();
    for (int m = 0; m < kRows; ++m) {
      V out = acc[m][v];
      if (t.last) out = activated(t.activation, out + bias);
      float* dst = t.dst + m * t.dst_row + v * V::lanes;
      if (columns[v] == V::lanes) {
        store(dst, out);
      } else {
        store_n(dst, out, columns[v]);
      }
    }
  }
}

using GemmFn = void (*)(const GemmTile&);

template <int kRows>
static inline GemmFn gemm_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return gemm_find<kRows - 1>(rows);
  }
  return gemm_tile<kRows, kGemmVectors>;
}

static inline void gemm_pack(const Gemm& g, int k0, int depth, int n0, int columns) {
  float* to = g.scratch;
  const float* from = g.b + k0 * g.b_row + n0 * g.b_col;
  if (g.b_col == 1 && columns == kGemmNTile) {
    for (int k = 0; k < depth; ++k)
      for (int v = 0; v < kGemmNTile; v += V::lanes)
        store(to + k * kGemmNTile + v, load(from + k * g.b_row + v));
    return;
  }
  int done = 0;
  if (g.b_row == 1 && columns == kGemmNTile) {  // columns lie in rows: squares are turned in registers
    for (; done + V::lanes <= depth; done += V::lanes)
      for (int n = 0; n < kGemmNTile; n += V::lanes) {
        V square[V::lanes];
        for (int i = 0; i < V::lanes; ++i) square[i] = load(from + done + (n + i) * g.b_col);
        transpose(square);
        for (int i = 0; i < V::lanes; ++i) store(to + (done + i) * kGemmNTile + n, square[i]);
      }
  }
  for (int n = 0; n < columns; ++n)
    for (int k = done; k < depth; ++k) to[k * kGemmNTile + n] = from[k * g.b_row + n * g.b_col];
  for (int n = columns; n < kGemmNTile; ++n)
    for (int k = 0; k < depth; ++k) to[k * kGemmNTile + n] = 0.0f;
}

// One row of a: b is read in place, a cache line at a time. Same order of the sum as the packed way.
static inline int gemv_columns(const Gemm& g) {
  constexpr int width = kGemvVectors * V::lanes;
  int n = 0;
  for (; n + width <= g.n; n += width) {
    GemmTile t{g.a,         g.b + n,   g.bias ? g.bias + n : nullptr,
               g.dst + n,   g.a_row,   g.a_col,
               g.b_row,     g.dst_row, g.k,
               width,       true,      true,
               g.activation};
    gemm_tile<1, kGemvVectors>(t);
  }
  return n;
}

static void gemm(const Gemm& g) {
  int n0 = g.m == 1 && g.b_col == 1 ? gemv_columns(g) : 0;
  const Parts parts = split_evenly(g.m, kGemmMTile);
  for (; n0 < g.n; n0 += kGemmNTile) {
    const int columns = g.n - n0 < kGemmNTile ? g.n - n0 : kGemmNTile;
    const bool in_place = g.b_col == 1 && columns == kGemmNTile && g.m <= kGemmMTile;
    for (int k0 = 0; k0 < g.k; k0 += kGemmDepth) {
      const int depth = g.k - k0 < kGemmDepth ? g.k - k0 : kGemmDepth;
      if (!in_place) gemm_pack(g, k0, depth, n0, columns);
      GemmTile t{g.a + k0 * g.a_col,
                 in_place ? g.b + k0 * g.b_row + n0 : g.scratch,
                 g.bias ? g.bias + n0 : nullptr,
                 g.dst + n0,
                 g.a_row,
                 g.a_col,
                 in_place ? g.b_row : kGemmNTile,
                 g.dst_row,
                 depth,
                 columns,
                 k0 == 0,
                 k0 + depth == g.k,
                 g.activation};
      for (int part = 0; part < parts.count; ++part) {
        const int rows = parts.size + (part < parts.larger);
        gemm_find<kGemmMTile>(rows)(t);
        t.a += rows * g.a_row;
        t.dst += rows * g.dst_row;
      }
    }
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
