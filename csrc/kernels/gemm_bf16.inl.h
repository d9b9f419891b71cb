// Matrix product over bfloat16, sums in float32: the product of gemm with pairs of neighbours along k. Both
// operands are rounded while they are packed: a as [rows][pairs] or, where its rows lie side by side,
// [pairs][rows]; b as [blocks of sixteen columns][pairs][16]. An odd k ends in a pair with zero.
#pragma once
#include "kernels/bf16.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Pairs of a panel, as deep as gemm's; columns of b packed at once: rows are read in pieces of 512 bytes.
constexpr int kBf16Depth = 400;
constexpr int kBf16Width = 128;

struct Bf16GemmTile {
  const uint32_t* a;
  const uint32_t* b;
  const float* bias;  // or null
  float* dst;
  int64_t a_row, a_col, b_block, dst_row;
  int pairs;
  bool first;             // panel of the sum; later ones add to dst
  Bounds bounds;          // of what is stored
  Activation activation;  // that is more than bounds
};
using Bf16GemmFn = void (*)(const Bf16GemmTile&);

template <int kBlocks, int kRows>
static void gemm_bf16_tile(const Bf16GemmTile& t) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  V acc[kRows][kVectors];
  start_sums(t.first ? nullptr : t.dst, t.dst_row, acc);
  const uint32_t* a = t.a;
  const uint32_t* b = t.b;
  const int64_t a_row = t.a_row, a_col = t.a_col, b_block = t.b_block;
  for (int pair = t.pairs; pair > 0; --pair, a += a_col, b += kLanes)
    bf16_term<kBlocks, kRows>(a, a_row, b, b_block, acc);
  const V low = set1(t.bounds.low), high = set1(t.bounds.high);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const V bias = t.bias ? load(t.bias + v * V::lanes) : zero();
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m)
      store(t.dst + m * t.dst_row + v * V::lanes, within(low, high, acc[m][v] + bias));
  }
  if (t.activation != Activation::none)
    for (int block = 0; block < kBlocks; ++block)
      blocked_activate(t.activation, t.dst + block * kLanes, t.dst_row, kRows);
}

template <int kBlocks, int kRows>
static inline Bf16GemmFn gemm_bf16_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return gemm_bf16_find<kBlocks, kRows - 1>(rows);
  }
  return gemm_bf16_tile<kBlocks, kRows>;
}

// A tile of one block, of which only `columns` columns exist, in a full one of its own.
static void gemm_bf16_edge(Bf16GemmFn fn, const Bf16GemmTile& t, int rows, int columns) {
  alignas(64) float dst[kBf16Rows * kLanes] = {}, bias[kLanes] = {};
  const size_t bytes = sizeof(float) * static_cast<size_t>(columns);
  Bf16GemmTile full = t;
  full.dst = dst, full.dst_row = kLanes, full.bias = bias;
  if (t.bias) std::memcpy(bias, t.bias, bytes);
  for (int m = 0; m < rows && !t.first; ++m) std::memcpy(dst + m * kLanes, t.dst + m * t.dst_row, bytes);
  fn(full);
  for (int m = 0; m < rows; ++m) std::memcpy(t.dst + m * t.dst_row, dst + m * kLanes, bytes);
}

// The columns of one tile, or the last ones, in all rows. Returns how many they are.
template <int kBlocks, int kMostRows>
static int gemm_bf16_rows(Bf16GemmTile t, int rows, int columns) {
  const Parts tiles = split_evenly(rows, kMostRows);
  for (int i = 0; i < tiles.count; ++i) {
    const int n = tiles.size + (i < tiles.larger);
    const Bf16GemmFn fn = gemm_bf16_find<kBlocks, kMostRows>(n);
    if (columns < kBlocks * kLanes)
      gemm_bf16_edge(fn, t, n, columns);
    else
      fn(t);
    t.a += n * t.a_row, t.dst += n * t.dst_row;
  }
  return kBlocks * kLanes;
}

// Columns whose blocks lie at t.b.
static void gemm_bf16_columns(Bf16GemmTile t, int rows, int columns) {
  constexpr int kWide = 2 * kBf16Blocks;  // a single row leaves registers for it
  for (int done; columns > 0; columns -= done) {
    const int blocks = columns / kLanes;
    if (rows == 1 && blocks >= kWide)
      done = gemm_bf16_rows<kWide, 1>(t, rows, columns);
    else if (blocks >= kBf16Blocks)
      done = gemm_bf16_rows<kBf16Blocks, kBf16Rows>(t, rows, columns);
    else
      done = gemm_bf16_rows<1, kBf16Rows>(t, rows, columns);
    t.b += done / kLanes * t.b_block, t.dst += done;
    if (t.bias) t.bias += done;
  }
}

// A part of the sum.
struct Bf16Panel {
  int k0, pairs, depth;  // depth: how many of the 2 * pairs exist
};

static void gemm_bf16_pack_a(const Gemm& g, const Bf16Panel& p, uint32_t* to) {
  const float* from = g.a + p.k0 * g.a_col;
  if (g.a_col == 1) {
    for (int m = 0; m < g.m; ++m, from += g.a_row, to += p.pairs) {
      to[p.pairs - 1] = 0;
      bf16_round_all(from, reinterpret_cast<uint16_t*>(to), p.depth);
    }
    return;
  }
  for (int k = 0; k < p.depth; k += 2, from += 2 * g.a_col, to += g.m)
    bf16_pair_all(from, k + 1 < p.depth ? from + g.a_col : nullptr, to, g.m);
}

// Up to sixteen columns of b that lie in rows: squares are turned in registers.
static void gemm_bf16_pack_turned(const float* from, int64_t b_col, const Bf16Panel& p, int columns,
                                  uint32_t* to) {
  int k = 0;
  for (; columns == kLanes && k + V::lanes <= p.depth; k += V::lanes)
    for (int n = 0; n < kLanes; n += V::lanes) {
      V square[V::lanes];
      for (int i = 0; i < V::lanes; ++i) square[i] = load(from + k + (n + i) * b_col);
      transpose(square);
      for (int i = 0; i < V::lanes; i += 2)
        istore(to + (k + i) / 2 * kLanes + n, round_pair(square[i], square[i + 1]));
    }
  for (; k < p.depth; k += 2) {
    float halves[2][kLanes] = {};
    for (int n = 0; n < columns; ++n)
      for (int half = 0; half < 2 && k + half < p.depth; ++half) halves[half][n] = from[k + half + n * b_col];
    bf16_pair_all(halves[0], halves[1], to + k / 2 * kLanes, kLanes);
  }
}

// As many lanes as `left` allows, the rest zero.
static inline V gemm_bf16_load(const float* p, int left) {
  return left >= V::lanes ? load(p) : load_n(p, left > 0 ? left : 0);
}

// Columns [n0, n0 + columns) of b, zero padded; one block at most where they lie in rows.
static void gemm_bf16_pack_b(const Gemm& g, const Bf16Panel& p, int n0, int columns, uint32_t* to) {
  const float* from = g.b + p.k0 * g.b_row + n0 * g.b_col;
  if (g.b_col != 1) return gemm_bf16_pack_turned(from, g.b_col, p, columns, to);
  const int64_t block = int64_t{p.pairs} * kLanes;
  for (int k = 0; k < p.depth; k += 2, from += 2 * g.b_row, to += kLanes) {
    const float* next = k + 1 < p.depth ? from + g.b_row : nullptr;
    for (int n = 0; n < columns; n += kLanes)
      for (int v = 0; v < kLanes; v += V::lanes) {
        const V low = gemm_bf16_load(from + n + v, columns - n - v);
        const V high = next ? gemm_bf16_load(next + n + v, columns - n - v) : zero();
        istore(to + n / kLanes * block + v, round_pair(low, high));
      }
  }
}

static inline int gemm_bf16_pairs(const Gemm& g) {
  return (g.k + 1) / 2;
}

// Columns of b packed at once.
static inline int gemm_bf16_width(const Gemm& g) {
  const int most = g.b_col == 1 ? kBf16Width : kLanes;
  return g.n < most ? g.n : most;
}

static int64_t gemm_bf16_scratch(const Gemm& g) {
  const Parts panels = split_evenly(gemm_bf16_pairs(g), kBf16Depth);
  const int blocks = g.b_packed ? 0 : (gemm_bf16_width(g) + kLanes - 1) / kLanes;
  return int64_t{panels.size + (panels.larger > 0)} * (blocks * kLanes + g.m);
}

// All columns, b being packed, or packed on the way.
static void gemm_bf16_panel(const Gemm& g, const Bf16Panel& p, Bf16GemmTile t, uint32_t* scratch) {
  if (g.b_packed) {
    t.b = reinterpret_cast<const uint32_t*>(g.b) + p.k0 / 2 * kLanes;
    t.b_block = int64_t{gemm_bf16_pairs(g)} * kLanes;
    return gemm_bf16_columns(t, g.m, g.n);
  }
  const int width = gemm_bf16_width(g);
  t.b = scratch, t.b_block = int64_t{p.pairs} * kLanes;
  for (int n = 0; n < g.n; n += width, t.dst += width) {
    const int columns = g.n - n < width ? g.n - n : width;
    gemm_bf16_pack_b(g, p, n, columns, scratch);
    gemm_bf16_columns(t, g.m, columns);
    if (t.bias) t.bias += width;
  }
}

static void gemm_bf16(const Gemm& g) {
  const Parts panels = split_evenly(gemm_bf16_pairs(g), kBf16Depth);
  uint32_t* const a = reinterpret_cast<uint32_t*>(g.scratch);
  Bf16Panel p{};
  for (int i = 0; i < panels.count; ++i, p.k0 += 2 * p.pairs) {
    p.pairs = panels.size + (i < panels.larger);
    p.depth = g.k - p.k0 < 2 * p.pairs ? g.k - p.k0 : 2 * p.pairs;
    const bool last = i + 1 == panels.count;
    const Activation activation = last ? g.activation : Activation::none;
    gemm_bf16_pack_a(g, p, a);
    Bf16GemmTile t{};
    t.a = a, t.bias = last ? g.bias : nullptr, t.dst = g.dst;
    t.a_row = g.a_col == 1 ? p.pairs : 1, t.a_col = g.a_col == 1 ? 1 : g.m, t.dst_row = g.dst_row;
    t.pairs = p.pairs, t.first = i == 0;
    t.bounds = bounds_of(activation);
    t.activation = is_bounds(activation) ? Activation::none : activation;
    gemm_bf16_panel(g, p, t, a + int64_t{p.pairs} * g.m);
  }
}

static void gemm_bf16_pack(const Gemm& g, float* packed) {
  gemm_bf16_pack_b(g, {0, gemm_bf16_pairs(g), g.k}, 0, g.n, reinterpret_cast<uint32_t*>(packed));
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
