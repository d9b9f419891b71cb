// Cells along an axis as weighted sums of their neighbours.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// Single floats side by side, and pixels of few channels: vectors would be filled in part.
static void blend_few(const Blend& b) {
  for (int32_t i = 0; i < b.n; ++i) {
    const BlendedCell& cell = b.cells[i];
    const float* const weights = b.weights + cell.weights_at;
    for (int64_t j = 0; j < b.inner; ++j) {
      const float* src = b.src + cell.first * b.inner + j;
      float sum = 0;
      for (int32_t t = 0; t < cell.count; ++t, src += b.inner) sum += weights[t] * *src;
      b.dst[i * b.inner + j] = sum;
    }
  }
}

static void blend(const Blend& b) {
  if (b.inner < V::lanes) return blend_few(b);
  for (int32_t i = 0; i < b.n; ++i) {
    const BlendedCell& cell = b.cells[i];
    const float* const src = b.src + cell.first * b.inner;
    const float* const weights = b.weights + cell.weights_at;
    for_vectors(b.inner, [&](int64_t j, auto memory) {
      V sum = zero();
      for (int32_t t = 0; t < cell.count; ++t)
        sum = fma(memory.load(src + t * b.inner + j), set1(weights[t]), sum);
      memory.store(b.dst + i * b.inner + j, sum);
    });
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
