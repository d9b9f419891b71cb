// One step of an optimizer over a flat run of parameters, in Keras's formulas.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// v = momentum v - lr g; w += v, or with Nesterov's look-ahead w += momentum v - lr g.
template <bool kNesterov>
static void sgd_momentum(const Sgd& s) {
  const V rate = set1(-s.lr), momentum = set1(s.momentum);
  for_vectors(s.n, [&](int64_t i, auto memory) {
    const V step = rate * memory.load(s.grads + i);
    const V velocity = fma(momentum, memory.load(s.velocity + i), step);
    memory.store(s.velocity + i, velocity);
    const V moved = kNesterov ? fma(momentum, velocity, step) : velocity;
    memory.store(s.params + i, memory.load(s.params + i) + moved);
  });
}

static void sgd(const Sgd& s) {
  if (s.velocity) return s.nesterov ? sgd_momentum<true>(s) : sgd_momentum<false>(s);
  const V rate = set1(-s.lr);
  for_vectors(s.n, [&](int64_t i, auto memory) {
    memory.store(s.params + i, fma(rate, memory.load(s.grads + i), memory.load(s.params + i)));
  });
}

// m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v); w -= lr m / (sqrt(v) + epsilon).
static void adam(const Adam& a) {
  const V keep1 = set1(static_cast<float>(1.0 - a.beta1)), keep2 = set1(static_cast<float>(1.0 - a.beta2));
  const V lr = set1(a.lr), epsilon = set1(a.epsilon);
  for_vectors(a.n, [&](int64_t i, auto memory) {
    const V g = memory.load(a.grads + i), m0 = memory.load(a.m + i), v0 = memory.load(a.v + i);
    const V m = fma(keep1, g - m0, m0);
    const V v = fma(keep2, g * g - v0, v0);
    memory.store(a.m + i, m);
    memory.store(a.v + i, v);
    memory.store(a.params + i, memory.load(a.params + i) - lr * m / (sqrt(v) + epsilon));
  });
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
