// Kernels that treat each element alone: activations and their gradients, sums of arrays, the dropout
// gradient.
//
// Included after simd/<isa>.h, as every *.inl.h of this directory.
#pragma once
#include "kernels/common.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// How a loop body reaches memory: a whole vector, or the n lanes left at the end (`rest` stands in for the
// others).
struct Full {
  static V load(const float* p) { return ::SIMD_NAMESPACE::load(p); }
  static V load(const float* p, V) { return ::SIMD_NAMESPACE::load(p); }
  static void store(float* p, V a) { ::SIMD_NAMESPACE::store(p, a); }
};
struct Tail {
  int n;
  V load(const float* p) const { return load_n(p, n); }
  V load(const float* p, V rest) const { return load_n(p, n, rest); }
  void store(float* p, V a) const { store_n(p, a, n); }
};

// body(i, memory) for i = 0, V::lanes, ... below n.
template <class Body>
static inline void for_vectors(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) body(i, Full{});
  if (i < n) body(i, Tail{static_cast<int>(n - i)});
}

// grad times the derivative, told from the output.
static inline V activated_grad(Activation kind, V out, V grad) {
  switch (kind) {
    case Activation::relu:
      return select(out > zero(), grad, zero());
    case Activation::relu6:
      return select(out > zero(), select(out < set1(6.0f), grad, zero()), zero());
    case Activation::tanh:
      return grad * (set1(1.0f) - out * out);
    case Activation::sigmoid:
      return grad * (out * (set1(1.0f) - out));
    case Activation::hard_sigmoid:
      return select(out > zero(), select(out < set1(1.0f), grad * set1(1.0f / 6.0f), zero()), zero());
    default:  // none; of the others the output does not tell it
      break;
  }
  return grad;
}

static void activate(Activation activation, const float* src, float* dst, int64_t n) {
  with_activation(activation, [=]<Activation kActivation>() {
    for_vectors(n, [=](int64_t i, auto memory) {
      memory.store(dst + i, activated(kActivation, memory.load(src + i)));
    });
  });
}

static void activate_grad(Activation activation, const float* out, const float* grad, float* dst, int64_t n) {
  with_activation<Activation::hard_sigmoid>(activation, [=]<Activation kActivation>() {
    for_vectors(n, [=](int64_t i, auto memory) {
      memory.store(dst + i, activated_grad(kActivation, memory.load(out + i), memory.load(grad + i)));
    });
  });
}

static void add(const float* a, const float* b, float* dst, int64_t n) {
  for_vectors(
      n, [=](int64_t i, auto memory) { memory.store(dst + i, memory.load(a + i) + memory.load(b + i)); });
}

static void dropout_grad(const float* grad, const uint8_t* mask, float scale, float* dst, int64_t n) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) {
    store(dst + i, load(grad + i) * (to_float(iload_bytes(mask + i)) * set1(scale)));
  }
  for (; i < n; ++i) dst[i] = grad[i] * (static_cast<float>(mask[i]) * scale);
}

static void sum_rows(const float* src, int64_t rows, int64_t row_stride, float* dst, int64_t cols) {
  for_vectors(cols, [=](int64_t c, auto memory) {
    V total = zero();
    for (int64_t r = 0; r < rows; ++r) total = total + memory.load(src + r * row_stride + c);
    memory.store(dst + c, total);
  });
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
