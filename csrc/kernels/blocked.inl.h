// What the direct convolutions with sixteen channels in the lanes (nchw16c) share.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

constexpr int kBlockVectors = kLanes / V::lanes;  // vectors in a block of sixteen channels

alignas(64) static constexpr float kBlockedZeros[4 * kLanes] = {};

// The same outputs with few rows: rows that continue one another become one, and tiles run along the longer
// side.
static inline Rect straightened(Rect r, int tile) {
  const Rect from = r;
  if (r.cols < tile && r.rows > r.cols) {
    r.rows = from.cols, r.cols = from.rows;
    r.src_row = from.src_col, r.src_col = from.src_row;
    r.dst_row = from.dst_col, r.dst_col = from.dst_row;
  }
  if (r.src_row == r.cols * r.src_col && r.dst_row == r.cols * r.dst_col) r.cols *= r.rows, r.rows = 1;
  return r;
}

static inline void blocked_activate(Activation kind, float* dst, int64_t step, int pixels) {
  for (int v = 0; v < kBlockVectors; ++v) activate_vectors(kind, dst + v * V::lanes, step, pixels);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
