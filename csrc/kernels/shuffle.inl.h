// Copies between strided plain tensors and 16-lane ones.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// Lanes side by side in the plain tensor: a row is one short copy.

static inline void gather_rows(const Shuffle& s, const float* plain, float* packed) {
  for (int64_t a = 0; a < s.n_a; ++a) {
    for (int64_t b = 0; b < s.n_b; ++b, packed += kLanes) {
      const float* row = plain + a * s.a_stride + b * s.b_stride;
      for (int l = 0; l < kLanes; l += V::lanes) {
        const int n = s.lanes - l;
        store(packed + l, n >= V::lanes ? load(row + l) : n > 0 ? load_n(row + l, n) : zero());
      }
    }
  }
}

static inline void scatter_rows(const Shuffle& s, const float* packed, float* plain) {
  for (int64_t a = 0; a < s.n_a; ++a) {
    for (int64_t b = 0; b < s.n_b; ++b, packed += kLanes) {
      float* row = plain + a * s.a_stride + b * s.b_stride;
      for_vectors(s.lanes, [=](int64_t l, auto memory) { memory.store(row + l, load(packed + l)); });
    }
  }
}

// Each lane's floats in runs at step 1: square tiles, transposed in registers.

// Element i of run r lies at r * stride + i of its lane. Its packed row is r * run_rows + i * element_rows,
// except that every `period` elements the walk returns to where it began, plus one row.
struct Runs {
  int64_t count, stride, length;
  int64_t run_rows, element_rows, period;
};

static inline bool has_runs(const Shuffle& s) {
  return s.b_stride == 1 || s.a_stride == 1;
}

static inline Runs runs_of(const Shuffle& s) {
  const int64_t n_a = s.n_a, n_b = s.n_b;
  // Without gaps between them the short runs make one long run.
  if (s.b_stride == 1 && s.a_stride == n_b) return {1, 0, n_a * n_b, 0, 1, n_a * n_b};
  if (s.b_stride == 1) return {n_a, s.a_stride, n_b, n_b, 1, n_b};
  if (s.b_stride == n_a) return {1, 0, n_a * n_b, 0, n_b, n_a};
  return {n_b, s.b_stride, n_a, 1, n_b, n_a};
}

struct RowWalk {
  int64_t row, seen;

  int64_t next(const Runs& runs) {
    const int64_t now = row;
    row += runs.element_rows;
    if (++seen == runs.period) {
      seen = 0;
      row += 1 - runs.period * runs.element_rows;
    }
    return now;
  }
};

// tile(offset into plain, first lane, elements, runs, walk) for each tile of V::lanes lanes. Blocks of
// sixteen elements use up a cache line of a lane before the next lanes evict it.
template <class Tile>
static inline void for_tiles(const Shuffle& s, Tile tile) {
  const Runs runs = runs_of(s);
  for (int64_t run = 0; run < runs.count; ++run) {
    RowWalk block = {run * runs.run_rows, 0};
    for (int64_t first = 0; first < runs.length; first += kLanes) {
      const int64_t end = first + kLanes < runs.length ? first + kLanes : runs.length;
      RowWalk walk = block;
      for (int lane = 0; lane < kLanes; lane += V::lanes) {
        walk = block;
        for (int64_t i = first; i < end; i += V::lanes) {
          const int n = static_cast<int>(end - i < V::lanes ? end - i : V::lanes);
          tile(run * runs.stride + i + lane * s.lane_stride, lane, n, runs, walk);
        }
      }
      block = walk;
    }
  }
}

static inline void gather_runs(const Shuffle& s, const float* plain, float* packed) {
  for_tiles(s, [=](int64_t offset, int lane, int n, const Runs& runs, RowWalk& walk) {
    V rows[V::lanes];
    for (int j = 0; j < V::lanes; ++j) {
      const float* p = plain + offset + j * s.lane_stride;
      rows[j] = lane + j >= s.lanes ? zero() : n == V::lanes ? load(p) : load_n(p, n);
    }
    transpose(rows);
    for (int i = 0; i < n; ++i) store(packed + walk.next(runs) * kLanes + lane, rows[i]);
  });
}

static inline void scatter_runs(const Shuffle& s, const float* packed, float* plain) {
  for_tiles(s, [=](int64_t offset, int lane, int n, const Runs& runs, RowWalk& walk) {
    V rows[V::lanes];
    for (int i = 0; i < V::lanes; ++i) {
      rows[i] = i < n ? load(packed + walk.next(runs) * kLanes + lane) : zero();
    }
    transpose(rows);
    for (int j = 0; j < V::lanes && lane + j < s.lanes; ++j) {
      float* p = plain + offset + j * s.lane_stride;
      if (n == V::lanes) {
        store(p, rows[j]);
      } else {
        store_n(p, rows[j], n);
      }
    }
  });
}

static void gather16(const Shuffle& s, const float* plain, float* packed) {
  if (s.lane_stride == 1) return gather_rows(s, plain, packed);
  if (has_runs(s)) return gather_runs(s, plain, packed);
  for (int64_t a = 0; a < s.n_a; ++a) {
    for (int64_t b = 0; b < s.n_b; ++b) {
      const float* row = plain + a * s.a_stride + b * s.b_stride;
      for (int l = 0; l < kLanes; ++l) *packed++ = l < s.lanes ? row[l * s.lane_stride] : 0.0f;
    }
  }
}

static void scatter16(const Shuffle& s, const float* packed, float* plain) {
  if (s.lane_stride == 1) return scatter_rows(s, packed, plain);
  if (has_runs(s)) return scatter_runs(s, packed, plain);
  for (int64_t a = 0; a < s.n_a; ++a) {
    for (int64_t b = 0; b < s.n_b; ++b, packed += kLanes) {
      float* row = plain + a * s.a_stride + b * s.b_stride;
      for (int l = 0; l < s.lanes; ++l) row[l * s.lane_stride] = packed[l];
    }
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
