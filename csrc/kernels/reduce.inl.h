// Several rows made one, and the numbers of one row made one.
#pragma once
#include "cnnfast/reduction.h"
#include "kernels/elementwise.inl.h"
#include "kernels/formula.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

template <FormulaOp kOp>
static void reduce_columns(const float* src, int64_t rows, int64_t row_stride, float* dst, int64_t cols) {
  for_vectors(cols, [=](int64_t c, auto memory) {
    V total = memory.load(src + c);
    for (int64_t r = 1; r < rows; ++r)
      total = computed<kOp>(total, memory.load(src + r * row_stride + c), total);
    memory.store(dst + c, total);
  });
}

// Four vectors side by side hide the operation's latency.
template <FormulaOp kOp>
static float reduce_row(const float* src, int64_t n, float neutral) {
  constexpr int kTogether = 4;
  V totals[kTogether];
  for (V& total : totals) total = set1(neutral);
  int64_t i = 0;
  for (; i + kTogether * V::lanes <= n; i += kTogether * V::lanes)
#pragma GCC unroll 4
    for (int v = 0; v < kTogether; ++v)
      totals[v] = computed<kOp>(totals[v], load(src + i + v * V::lanes), zero());
  for_vectors(n - i, [&](int64_t rest, auto memory) {
    totals[0] = computed<kOp>(totals[0], memory.load(src + i + rest, set1(neutral)), zero());
  });
  const V all = computed<kOp>(computed<kOp>(totals[0], totals[1], zero()),
                              computed<kOp>(totals[2], totals[3], zero()), zero());
  alignas(64) float lanes[V::lanes];
  store(lanes, all);
  V one = set1(neutral);
  for (const float lane : lanes) one = computed<kOp>(one, set1(lane), zero());
  store(lanes, one);
  return lanes[0];
}

template <FormulaOp kOp>
static void reduce_as(const float* src, int64_t rows, int64_t row_stride, float* dst, int64_t cols,
                      float neutral) {
  if (cols == 1 && row_stride == 1)
    *dst = reduce_row<kOp>(src, rows, neutral);
  else
    reduce_columns<kOp>(src, rows, row_stride, dst, cols);
}

static void reduce(Reduction kind, const float* src, int64_t rows, int64_t row_stride, float* dst,
                   int64_t cols) {
  const float infinity = __builtin_inff();
  switch (kind) {
    case Reduction::sum:
    case Reduction::mean:
      return reduce_as<FormulaOp::add>(src, rows, row_stride, dst, cols, 0.0f);
    case Reduction::product:
      return reduce_as<FormulaOp::mul>(src, rows, row_stride, dst, cols, 1.0f);
    case Reduction::max:
    case Reduction::argmax:
      return reduce_as<FormulaOp::max>(src, rows, row_stride, dst, cols, -infinity);
    case Reduction::min:
    case Reduction::argmin:
      return reduce_as<FormulaOp::min>(src, rows, row_stride, dst, cols, infinity);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
