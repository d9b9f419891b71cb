// Depthwise 3x3 in nchw16c: a few rows times a few columns of outputs and the nine weights stay in registers,
// and each source vector is read once for all of them. Rows outside the source are read from a row of zeros;
// the first and the last column have tiles of their own that leave out what does not exist.
#pragma once
#include <cstring>

#include "kernels/blocked.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// 4 outputs, 9 weights and 1 source of sixteen registers (6 outputs put a weight on the stack and are no
// faster); AVX-512 has thirty-two.
constexpr int kDepthwiseRows = V::lanes == 16 ? 3 : 2;
constexpr int kDepthwiseCols = V::lanes == 16 ? 4 : 2;
// Source columns whose lanes all pass by before the next ones: at most 20 KB in the rows of a tile. A whole
// row would leave the first-level cache before its other half comes.
constexpr int kDepthwiseSegment = 64;

static inline void store_output(float* p, V x) {
  store(p, x);
}
static inline void store_output(uint16_t* p, V x) {
  store_rounded(p, x);
}

template <int kRows, int kStride, class Out>
struct DepthwiseRows {
  static constexpr int kSrcRows = (kRows - 1) * kStride + 3;
  const float* src[kSrcRows];  // at the column that output column 0 reads first
  Out* dst;
  int64_t dst_row;
  const float* bias;
  const Bounds* bounds;
};

// Adds source cell number kCell, of kSrcRows x kSrcCols, to the outputs that see it through kernel columns
// kFirst ... kLast.
template <int kRows, int kCols, int kStride, int kFirst, int kLast, int kCell = 0, class Out>
static inline void depthwise_cells(const DepthwiseRows<kRows, kStride, Out>& rows, int64_t at,
                                   const V (&w)[9], V (&acc)[kRows][kCols]) {
  constexpr int kSrcCols = (kCols - 1) * kStride + 3;
  if constexpr (kCell < rows.kSrcRows * kSrcCols) {
    constexpr int kY = kCell / kSrcCols, kX = kCell % kSrcCols;
    if constexpr (kCols > 1 || (kX >= kFirst && kX <= kLast)) {
      const V x = load(rows.src[kY] + at + kX * kLanes);
      for (int r = 0; r < kRows; ++r)
        for (int c = 0; c < kCols; ++c) {
          const int dy = kY - r * kStride, dx = kX - c * kStride;
          if (dy >= 0 && dy < 3 && dx >= kFirst && dx <= kLast) acc[r][c] = fma(x, w[dy * 3 + dx], acc[r][c]);
        }
    }
    depthwise_cells<kRows, kCols, kStride, kFirst, kLast, kCell + 1>(rows, at, w, acc);
  }
}

template <int kRows, int kCols, int kStride, int kFirst = 0, int kLast = 2, class Out>
static inline void depthwise_tile(const DepthwiseRows<kRows, kStride, Out>& rows, int x, const V (&w)[9]) {
  V acc[kRows][kCols];
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kCols; ++c) acc[r][c] = load(rows.bias);
  depthwise_cells<kRows, kCols, kStride, kFirst, kLast>(rows, static_cast<int64_t>(x) * kStride * kLanes, w,
                                                        acc);
  const V low = set1(rows.bounds->low), high = set1(rows.bounds->high);  // from memory: registers are full
  for (int r = 0; r < kRows; ++r)
    for (int c = 0; c < kCols; ++c)
      store_output(rows.dst + r * rows.dst_row + (x + c) * kLanes, within(low, high, acc[r][c]));
}

template <int kRows, int kStride, class Out>
static void depthwise_rows(const Depthwise3x3& a, const float* bias, int y, int x, int x_end, int lane) {
  const Bounds bounds = bounds_of(a.activation);
  DepthwiseRows<kRows, kStride, Out> rows;
  for (int r = 0; r < rows.kSrcRows; ++r) {
    const int at = y * kStride - a.pad_top + r;
    const float* row = at >= 0 && at < a.ih ? a.src + static_cast<int64_t>(at) * a.iw * kLanes : a.zeros;
    rows.src[r] = row + lane - a.pad_left * kLanes;
  }
  rows.dst_row = static_cast<int64_t>(a.ow) * kLanes;
  rows.dst = static_cast<Out*>(a.dst) + y * rows.dst_row + lane;
  rows.bias = bias + lane, rows.bounds = &bounds;
  V w[9];
  for (int tap = 0; tap < 9; ++tap) w[tap] = load(a.weights + tap * kLanes + lane);
  const bool misses_right = x_end == a.ow && (a.ow - 1) * kStride - a.pad_left + 2 >= a.iw;
  const int end = x_end - misses_right;
  if (x == 0 && a.pad_left > 0) depthwise_tile<kRows, 1, kStride, 1, 2>(rows, x++, w);
  for (; x + kDepthwiseCols <= end; x += kDepthwiseCols)
    depthwise_tile<kRows, kDepthwiseCols, kStride>(rows, x, w);
  for (; x < end; ++x) depthwise_tile<kRows, 1, kStride>(rows, x, w);
  if (misses_right) depthwise_tile<kRows, 1, kStride, 0, 1>(rows, x, w);
}

using DepthwiseFn = void (*)(const Depthwise3x3&, const float*, int, int, int, int);

template <int kRows, int kStride, class Out>
static inline DepthwiseFn depthwise_find(int rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return depthwise_find<kRows - 1, kStride, Out>(rows);
  }
  return depthwise_rows<kRows, kStride, Out>;
}

// Out: of the destination, float or bfloat16.
template <class Out>
static void depthwise_3x3(const Depthwise3x3& a) {
  alignas(64) static const float kNoBias[kLanes] = {};
  std::memset(a.zeros, 0, sizeof(float) * static_cast<size_t>(a.iw) * kLanes);
  const Parts parts = split_evenly(a.row_end - a.row_begin, kDepthwiseRows);
  const Parts segments = split_evenly(a.ow, kDepthwiseSegment / a.stride);
  int y = a.row_begin;
  for (int part = 0; part < parts.count; ++part) {
    const int n = parts.size + (part < parts.larger);
    const DepthwiseFn rows =
        a.stride == 1 ? depthwise_find<kDepthwiseRows, 1, Out>(n) : depthwise_find<kDepthwiseRows, 2, Out>(n);
    for (int segment = 0, x = 0; segment < segments.count; ++segment) {
      const int end = x + segments.size + (segment < segments.larger);
      for (int lane = 0; lane < kLanes; lane += V::lanes) rows(a, a.bias ? a.bias : kNoBias, y, x, end, lane);
      x = end;
    }
    if (!is_bounds(a.activation)) {
      float* done = static_cast<float*>(a.dst) + static_cast<int64_t>(y) * a.ow * kLanes;
      activate_vectors(a.activation, done, V::lanes, n * a.ow * kBlockVectors);
    }
    y += n;
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
