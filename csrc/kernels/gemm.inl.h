// Matrix product for dense layers, all three directions. Sums run along k in order, whatever the blocks.
#pragma once
#include <cstring>

#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

constexpr int kGemmVectors = V::lanes == 4 ? 4 : 2;
constexpr int kGemmMTile = V::lanes == 16 ? 14 : (V::lanes == 8 ? 6 : 3);
constexpr int kGemmNTile = kGemmVectors * V::lanes;
static_assert(kGemmMTile <= V::lanes, "gemm_pack_a moves a tile's rows as one vector");
// Depth of a packed panel. A tile starts and stops at some 40 cycles, so deep panels pay although they
// outgrow the first-level cache: they are read in order.
constexpr int kGemmDepth = 400;
// Panels packed at once: rows of b are then read in pieces of 512 bytes.
constexpr int kGemmPanels = 128 / kGemmNTile;

struct GemmTile {
  const float* a;
  const float* b;
  const float* bias;  // or null; read when `last`
  float* dst;
  int64_t a_row, a_col, b_row, dst_row;
  int depth;
  bool first, last;  // panel of the sum
  Bounds bounds;     // of the finished sum
};
using GemmFn = void (*)(const GemmTile&);

template <int kRows, int kVectors>
static void gemm_tile(const GemmTile& t) {
  V acc[kRows][kVectors];
  start_sums(t.first ? nullptr : t.dst, t.dst_row, acc);
  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
#pragma GCC unroll 4
  for (int k = t.depth; k > 0; --k, a += a_col, b += b_row) {
    V w[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) w[v] = load(b + v * V::lanes);
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const V x = set1(a[m * a_row]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[m][v] = fma(x, w[v], acc[m][v]);
    }
  }
  if (t.last) {
    const V low = set1(t.bounds.low), high = set1(t.bounds.high);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const V bias = t.bias ? load(t.bias + v * V::lanes) : zero();
#pragma GCC unroll 16
      for (int m = 0; m < kRows; ++m) acc[m][v] = within(low, high, acc[m][v] + bias);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) store(t.dst + m * t.dst_row + v * V::lanes, acc[m][v]);
}

template <int kRows, int kVectors = kGemmVectors>
static inline GemmFn gemm_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return gemm_find<kRows - 1, kVectors>(rows);
  }
  return gemm_tile<kRows, kVectors>;
}

// The widest tile of one or two rows for at most so many vectors of columns, of kVectors or half as many, ...
template <int kRows, int kVectors>
static inline GemmFn gemm_find_wide(int vectors, int* found) {
  if constexpr (kVectors > 1) {
    if (vectors < kVectors) return gemm_find_wide<kRows, kVectors / 2>(vectors, found);
  }
  *found = kVectors;
  return gemm_tile<kRows, kVectors>;
}

// Lanes of a vector that exist when `left` columns are left.
static inline int gemm_lanes(int left) {
  return left < 0 ? 0 : (left < V::lanes ? left : V::lanes);
}

// A tile of which only `columns` columns exist, in a full one of its own. b is packed, hence full.
static void gemm_edge(GemmFn fn, const GemmTile& t, int rows, int columns) {
  alignas(64) float dst[kGemmMTile * kGemmNTile], bias[kGemmNTile];
  GemmTile full = t;
  full.dst = dst, full.dst_row = kGemmNTile;
  full.bias = t.bias ? bias : nullptr;
  for (int v = 0; v < kGemmNTile; v += V::lanes) {
    const int left = gemm_lanes(columns - v);
    if (t.bias) store(bias + v, load_n(t.bias + v, left));
    for (int m = 0; m < rows && !t.first; ++m)
      store(dst + m * kGemmNTile + v, load_n(t.dst + m * t.dst_row + v, left));
  }
  fn(full);
  for (int m = 0; m < rows; ++m) {
    float* to = t.dst + m * t.dst_row;
    const float* from = dst + m * kGemmNTile;
    int v = 0;
    for (; v + V::lanes <= columns; v += V::lanes) store(to + v, load(from + v));
    for (; v < columns; ++v) to[v] = from[v];
  }
}

// All rows, as [tiles][depth][rows of the tile]. Each store covers what the next one writes again.
static void gemm_pack_a(const Gemm& g, int k0, int depth, float* to) {
  const Parts tiles = split_evenly(g.m, kGemmMTile);
  const float* from = g.a + k0 * g.a_col;
  for (int i = 0; i < tiles.count; ++i) {
    const int rows = tiles.size + (i < tiles.larger);
    for (int k = 0; k < depth; ++k, to += rows) store(to, load_n(from + k * g.a_col, rows));
    from += rows;
  }
}

// One panel of b whose columns lie in rows: squares are turned in registers.
static void gemm_pack_turned(const float* b, int64_t b_col, int depth, int columns, float* to) {
  int done = 0;
  for (; columns == kGemmNTile && done + V::lanes <= depth; done += V::lanes)
    for (int n = 0; n < kGemmNTile; n += V::lanes) {
      V square[V::lanes];
      for (int i = 0; i < V::lanes; ++i) square[i] = load(b + done + (n + i) * b_col);
      transpose(square);
      for (int i = 0; i < V::lanes; ++i) store(to + (done + i) * kGemmNTile + n, square[i]);
    }
  for (int n = 0; n < columns; ++n)
    for (int k = done; k < depth; ++k) to[k * kGemmNTile + n] = b[k + n * b_col];
  for (int n = columns; n < kGemmNTile; ++n)
    for (int k = done; k < depth; ++k) to[k * kGemmNTile + n] = 0.0f;
}

// Columns [n0, n0 + columns) of b as [panels][depth][kGemmNTile], zero padded.
static void gemm_pack_b(const Gemm& g, int k0, int depth, int n0, int columns, float* to) {
  const float* from = g.b + k0 * g.b_row + n0 * g.b_col;
  if (g.b_col != 1) return gemm_pack_turned(from, g.b_col, depth, columns, to);
  const int64_t panel = static_cast<int64_t>(depth) * kGemmNTile;
  for (int k = 0; k < depth; ++k, from += g.b_row, to += kGemmNTile) {
    float* row = to;
    int n = 0;
    for (; n + kGemmNTile <= columns; n += kGemmNTile, row += panel)
      for (int v = 0; v < kGemmNTile; v += V::lanes) store(row + v, load(from + n + v));
    for (int v = 0; n < columns && v < kGemmNTile; v += V::lanes)
      store(row + v, load_n(from + n + v, gemm_lanes(columns - n - v)));
  }
}

// At the upper left corner of the product; b is to be filled in.
static inline GemmTile gemm_first_tile(const Gemm& g, int k0, int depth) {
  GemmTile t{};
  t.a = g.a + k0 * g.a_col, t.bias = g.bias, t.dst = g.dst;
  t.a_row = g.a_row, t.a_col = g.a_col, t.dst_row = g.dst_row;
  t.depth = depth, t.first = k0 == 0, t.last = k0 + depth == g.k;
  t.bounds = bounds_of(g.activation);
  return t;
}

static inline int gemm_deepest(int k) {
  const Parts panels = split_evenly(k, kGemmDepth);
  return panels.size + (panels.larger > 0);
}

// Columns packed at once.
static inline int gemm_width(const Gemm& g) {
  const int panels = g.b_col == 1 ? kGemmPanels : 1, needed = (g.n + kGemmNTile - 1) / kGemmNTile;
  return kGemmNTile * (needed < panels ? needed : panels);
}

// Floats of b packed at once: the scratch begins with them.
static inline int64_t gemm_b_scratch(const Gemm& g) {
  return g.b_packed ? 0 : int64_t{gemm_deepest(g.k)} * gemm_width(g);
}

static int64_t gemm_scratch(const Gemm& g) {
  return gemm_b_scratch(g) + (g.a_col == 1 ? 0 : int64_t{gemm_deepest(g.k)} * g.m + V::lanes);
}

// Rows of b that are packed next, from memory: each tile fetches some of them (Zen 3, 2026-11: packing takes
// half as long).
struct GemmNext {
  const float* row;
  int rows, columns;
};

// What is packed after the columns before n0 of a panel. Nothing where columns lie in rows: those are few.
static inline GemmNext gemm_next(const Gemm& g, int k0, int depth, int n0, int width) {
  if (n0 >= g.n) k0 += depth, n0 = 0;
  if (k0 >= g.k || g.b_col != 1) return {};
  return {g.b + k0 * g.b_row + n0, depth, g.n - n0 < width ? g.n - n0 : width};
}

static inline void gemm_fetch(const Gemm& g, int rows, GemmNext& next) {
  for (; rows > 0 && next.rows > 0; --rows, --next.rows, next.row += g.b_row)
    for (int n = 0; n < next.columns; n += kLanes) __builtin_prefetch(next.row + n, 0, 2);
}

// All rows times panels [n0, n0 + columns), which are packed at t.b, `panel` floats apart.
static void gemm_panels(const Gemm& g, GemmTile t, int64_t panel, const float* packed_a, int n0, int columns,
                        GemmNext next) {
  const Parts tiles = split_evenly(g.m, kGemmMTile);
  const GemmFn fns[] = {gemm_find<kGemmMTile>(tiles.size), gemm_find<kGemmMTile>(tiles.size + 1)};
  const int fetched = 1 + next.rows * kGemmNTile / (columns * tiles.count);  // with each tile
  for (int n = 0; n < columns; n += kGemmNTile, t.b += panel) {
    GemmTile tile = t;
    tile.dst += n0 + n;
    if (t.bias) tile.bias += n0 + n;
    if (packed_a) tile.a = packed_a, tile.a_row = 1;
    for (int i = 0; i < tiles.count; ++i) {
      const int larger = i < tiles.larger, rows = tiles.size + larger;
      if (packed_a) tile.a_col = rows;
      gemm_fetch(g, fetched, next);
      if (columns - n < kGemmNTile)
        gemm_edge(fns[larger], tile, rows, columns - n);
      else
        fns[larger](tile);
      tile.a += packed_a ? static_cast<int64_t>(rows) * t.depth : rows * g.a_row;
      tile.dst += rows * g.dst_row;
    }
  }
}

static void gemm_blocks(const Gemm& g) {
  const Parts depths = split_evenly(g.k, kGemmDepth);
  const int width = gemm_width(g);
  float* const packed_a = g.a_col == 1 ? nullptr : g.scratch + gemm_b_scratch(g);
  for (int i = 0, k0 = 0; i < depths.count; ++i) {
    const int depth = depths.size + (i < depths.larger);
    if (packed_a) gemm_pack_a(g, k0, depth, packed_a);
    GemmTile t = gemm_first_tile(g, k0, depth);
    t.b_row = kGemmNTile;
    if (g.b_packed) {
      t.b = g.b + static_cast<int64_t>(k0) * kGemmNTile;
      gemm_panels(g, t, static_cast<int64_t>(g.k) * kGemmNTile, packed_a, 0, g.n, {});
    }
    for (int n0 = 0; n0 < g.n && !g.b_packed; n0 += width) {
      const int columns = g.n - n0 < width ? g.n - n0 : width;
      gemm_pack_b(g, k0, depth, n0, columns, g.scratch);
      t.b = g.scratch;
      gemm_panels(g, t, static_cast<int64_t>(depth) * kGemmNTile, packed_a, n0, columns,
                  gemm_next(g, k0, depth, n0 + width, width));
    }
    k0 += depth;
  }
}

constexpr int64_t kGemmNear = 1 << 16;  // floats of b
static inline bool gemm_is_near(const Gemm& g) {
  return int64_t{g.k} * g.n <= kGemmNear && !g.b_packed;
}

// One row times what lies near: as wide a tile as there are registers, in which a row of b is a stream and
// no product waits for the one before it. The last vector of columns ends where they do, over some of the one
// before it if need be. Kept out of line: what its caller holds in registers would push sums to the stack.
constexpr int kGemmRowVectors = 15;
template <int kVectors>
static __attribute__((noinline)) void gemm_row_tile(const GemmTile& t, int64_t last) {
  V acc[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) acc[v] = zero();
  const float* a = t.a;
  const float* b = t.b;
  for (int k = t.depth; k > 0; --k, a += t.a_col, b += t.b_row) {
    const V x = set1(*a);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      acc[v] = fma(x, load(b + (v + 1 < kVectors ? v * V::lanes : last)), acc[v]);
  }
  const V low = set1(t.bounds.low), high = set1(t.bounds.high);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const int64_t at = v + 1 < kVectors ? v * V::lanes : last;
    store(t.dst + at, within(low, high, acc[v] + (t.bias ? load(t.bias + at) : zero())));
  }
}

template <int kVectors = kGemmRowVectors>
static inline void gemm_row_tiles(const GemmTile& t, int vectors, int64_t last) {
  if constexpr (kVectors > 1) {
    if (vectors < kVectors) return gemm_row_tiles<kVectors - 1>(t, vectors, last);
  }
  gemm_row_tile<kVectors>(t, last);
}

static void gemm_near_row(const Gemm& g) {
  const Parts tiles = split_evenly((g.n + V::lanes - 1) / V::lanes, kGemmRowVectors);
  GemmTile t = gemm_first_tile(g, 0, g.k);
  t.b = g.b, t.b_row = g.b_row;
  for (int i = 0, left = g.n; i < tiles.count; ++i) {
    const int vectors = tiles.size + (i < tiles.larger), width = vectors * V::lanes;
    gemm_row_tiles(t, vectors, (width < left ? width : left) - V::lanes);
    t.b += width, t.dst += width, left -= width;
    if (t.bias) t.bias += width;
  }
}

// A tile for few rows, for at most so many vectors of columns; one and two rows leave registers for wide
// ones.
static inline GemmFn gemm_few_find(int rows, int vectors, int* found) {
  if (rows == 1) return gemm_find_wide<1, 4 * kGemmVectors>(vectors, found);
  if (rows == 2) return gemm_find_wide<2, 2 * kGemmVectors>(vectors, found);
  *found = vectors < kGemmVectors ? 1 : kGemmVectors;
  return vectors < kGemmVectors ? gemm_find<kGemmMTile, 1>(rows) : gemm_find<kGemmMTile>(rows);
}

// Few rows of a, one tile: b is read once, in place. Where it comes from memory it is read in the order it
// lies, at memory's speed: of few rows of b all columns are one stream, each tile fetches the rows behind its
// own (left to the hardware it took an eighth longer: Zen 4, 2026-11), and the sums wait in dst meanwhile.
// What lies near (Zen 4, 2026-11: one row times 400 x 120 from 4.4 us to 3.4) is read tile by tile, its sums
// in registers. Returns how many columns are done: those of whole vectors.
static int gemm_few_rows(const Gemm& g) {
  const bool near = gemm_is_near(g);
  const int most = near ? g.k : (g.m <= 2 ? 8 : 16), columns = g.n / V::lanes * V::lanes;
  for (int k0 = 0; k0 < g.k; k0 += most) {
    const int depth = g.k - k0 < most ? g.k - k0 : most;
    GemmTile t = gemm_first_tile(g, k0, depth);
    t.b = g.b + k0 * g.b_row, t.b_row = g.b_row;
    for (int n = 0, vectors; n < columns; n += vectors * V::lanes) {
      const GemmFn tile = gemm_few_find(g.m, (columns - n) / V::lanes, &vectors);
      const int width = vectors * V::lanes, left = g.k - k0 - depth;
      GemmNext next{t.b + depth * g.b_row, left < most ? left : most, width};
      gemm_fetch(g, most, next);
      tile(t);
      t.b += width, t.dst += width;
      if (t.bias) t.bias += width;
    }
  }
  return columns;
}

static void gemm_pack(const Gemm& g, float* packed) {
  gemm_pack_b(g, 0, g.k, 0, g.n, packed);
}

static void gemm(const Gemm& g) {
  Gemm rest = g;
  if (g.m == 1 && g.b_col == 1 && g.n >= V::lanes && gemm_is_near(g)) {
    gemm_near_row(g);
    rest.n = 0;
  } else if (g.m <= kGemmMTile && g.b_col == 1 && !g.b_packed) {
    const int done = gemm_few_rows(g);
    rest.b += done, rest.dst += done, rest.n -= done;
    if (g.bias) rest.bias += done;
  }
  if (rest.n > 0) gemm_blocks(rest);
  if (!is_bounds(g.activation))
    for (int m = 0; m < g.m; ++m) activate(g.activation, g.dst + m * g.dst_row, g.dst + m * g.dst_row, g.n);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
