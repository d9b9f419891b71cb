// Softmax and the losses, row by row. A row's sums run in an order told by its length alone.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static inline float row_max(const float* row, int64_t cols) {
  const V lowest = set1(-__builtin_inff());
  V best = lowest;
  for_vectors(cols, [&](int64_t c, auto memory) { best = max(best, memory.load(row + c, lowest)); });
  return max_lane(best);
}

// dst (or nothing, when null) = e^(src - top); returns the sum of it.
static inline float row_exp(const float* src, float top, float* dst, int64_t cols) {
  const V lowest = set1(-__builtin_inff());
  V total = zero();
  for_vectors(cols, [&](int64_t c, auto memory) {
    const V e = exp(memory.load(src + c, lowest) - set1(top));
    if (dst) memory.store(dst + c, e);
    total = total + e;
  });
  return sum(total);
}

static void softmax(const float* src, float* dst, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, src += cols, dst += cols) {
    const V total = set1(row_exp(src, row_max(src, cols), dst, cols));
    for_vectors(cols, [=](int64_t c, auto memory) { memory.store(dst + c, memory.load(dst + c) / total); });
  }
}

static void softmax_grad(const float* out, const float* grad, float* dst, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, out += cols, grad += cols, dst += cols) {
    V products = zero();
    for_vectors(cols, [&](int64_t c, auto memory) {
      products = fma(memory.load(out + c), memory.load(grad + c), products);
    });
    const V dot = set1(sum(products));
    for_vectors(cols, [=](int64_t c, auto memory) {
      memory.store(dst + c, memory.load(out + c) * (memory.load(grad + c) - dot));
    });
  }
}

// With z' = z - max z: -sum_c t_c log softmax(z)_c = log(sum e^z') sum t - sum t z', and its gradient is
// softmax(z) sum t - t. Rows of targets need not sum to one.
static inline float weighted_row(const float* src, const float* targets, float* grad, float scale,
                                 int64_t cols) {
  const float top = row_max(src, cols);
  V weights = zero(), dots = zero();
  for_vectors(cols, [&](int64_t c, auto memory) {
    const V t = memory.load(targets + c);
    weights = weights + t;
    dots = fma(t, memory.load(src + c) - set1(top), dots);
  });
  const float weight = sum(weights), dot = sum(dots);
  const float total = row_exp(src, top, grad, cols);  // grad may be src, which is spent now
  if (grad) {
    const V rate = set1(scale * weight / total);
    for_vectors(cols, [=](int64_t c, auto memory) {
      memory.store(grad + c, memory.load(grad + c) * rate - memory.load(targets + c) * set1(scale));
    });
  }
  return __builtin_logf(total) * weight - dot;
}

static inline float labelled_row(const float* src, int32_t label, float* grad, float scale, int64_t cols) {
  const float top = row_max(src, cols);
  const float logit = src[label] - top;
  const float total = row_exp(src, top, grad, cols);
  if (grad) {
    const V rate = set1(scale / total);
    for_vectors(cols, [=](int64_t c, auto memory) { memory.store(grad + c, memory.load(grad + c) * rate); });
    grad[label] -= scale;
  }
  return __builtin_logf(total) - logit;
}

static void softmax_cross_entropy(const RowLoss& l) {
  for (int32_t r = 0; r < l.rows; ++r) {
    const int64_t row = static_cast<int64_t>(r) * l.cols;
    float* grad = l.grad ? l.grad + row : nullptr;
    l.loss[r] = l.labels ? labelled_row(l.src + row, l.labels[r], grad, l.scale, l.cols)
                         : weighted_row(l.src + row, l.targets + row, grad, l.scale, l.cols);
  }
}

// loss[r] = mean over columns of term(src, t), grad = scale / cols * slope(src, t). `free` is a source whose
// term against target 0 is exactly 0: it fills the lanes after the last column.
template <class Term, class Slope>
static inline void mean_rows(const RowLoss& l, float free, Term term, Slope slope) {
  const float cols = static_cast<float>(l.cols);
  const V rate = set1(l.scale / cols);
  for (int32_t r = 0; r < l.rows; ++r) {
    const int64_t row = static_cast<int64_t>(r) * l.cols;
    const float *src = l.src + row, *targets = l.targets + row;
    V total = zero();
    for_vectors(l.cols, [&](int64_t c, auto memory) {
      const V x = memory.load(src + c, set1(free)), t = memory.load(targets + c);
      total = total + term(x, t);
      if (l.grad) memory.store(l.grad + row + c, rate * slope(x, t));
    });
    l.loss[r] = sum(total) / cols;
  }
}

// Per element max(z, 0) - z t + log(1 + e^-|z|), which neither overflows nor cancels.
static void sigmoid_cross_entropy(const RowLoss& l) {
  mean_rows(
      l, -200.0f, [](V z, V t) { return max(zero(), z) - z * t + log1p_unit(exp(zero() - absolute(z))); },
      [](V z, V t) { return sigmoid(z) - t; });
}

static void squared_error(const RowLoss& l) {
  mean_rows(
      l, 0.0f, [](V x, V t) { return (x - t) * (x - t); }, [](V x, V t) { return (x - t) + (x - t); });
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
