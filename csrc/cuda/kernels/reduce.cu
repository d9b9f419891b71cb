// Reductions of [outer][length][inner], and their gradients: a number of the result a thread, or, of few long
// sums, a block.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

// Whether one is an extreme that the other, which came before, is not. NaN is above all.
__device__ bool beats(bool maximum, float a, float b) {
  if (isnan(b)) return false;
  return isnan(a) || (maximum ? a > b : a < b);
}

__device__ bool is_maximum(Reduction kind) {
  return kind == Reduction::max || kind == Reduction::argmax;
}

__device__ int64_t extreme_of(const Reduced& r, const float* from) {
  int64_t best = 0;
  for (int64_t i = 1; i < r.length; ++i)
    if (beats(is_maximum(r.kind), from[i * r.inner], from[best * r.inner])) best = i;
  return best;
}

__device__ void share_product(const Reduced& r, const float* from, float grad, float* to) {
  float before = grad, after = 1;
  for (int64_t i = 0; i < r.length; ++i) to[i * r.inner] = before, before *= from[i * r.inner];
  for (int64_t i = r.length - 1; i >= 0; --i) to[i * r.inner] *= after, after *= from[i * r.inner];
}

__device__ void share_extreme(const Reduced& r, const float* from, float extreme, float grad, float* to) {
  int64_t equal = 0;
  for (int64_t i = 0; i < r.length; ++i) equal += from[i * r.inner] == extreme;
  const float share = equal > 0 ? grad / static_cast<float>(equal) : nanf("");
  for (int64_t i = 0; i < r.length; ++i)
    to[i * r.inner] = equal == 0 || from[i * r.inner] == extreme ? share : 0;
}

__device__ int64_t begin_of(const Reduced& r, int64_t i) {
  return i / r.inner * r.length * r.inner + i % r.inner;
}

}  // namespace

void reduce(cudaStream_t stream, const Reduced& r, const float* from, float* to) {
  const bool adds = r.kind == Reduction::sum || r.kind == Reduction::mean;
  if (adds && asks_for_blocks(r.outer * r.inner, r.length))
    return sums(
        stream, r.outer * r.inner, r.length,
        [=] __device__(int64_t i, int64_t k) { return from[begin_of(r, i) + k * r.inner]; },
        [=] __device__(int64_t i, double sum) { to[i] = static_cast<float>(sum) * r.factor; });
  each(stream, r.outer * r.inner, [=] __device__(int64_t i) {
    const float* const column = from + begin_of(r, i);
    double sum = 0;
    float product = 1;
    switch (r.kind) {
      case Reduction::sum:
      case Reduction::mean:
        for (int64_t k = 0; k < r.length; ++k) sum += static_cast<double>(column[k * r.inner]);
        to[i] = static_cast<float>(sum) * r.factor;
        return;
      case Reduction::product:
        for (int64_t k = 0; k < r.length; ++k) product *= column[k * r.inner];
        to[i] = product;
        return;
      case Reduction::max:
      case Reduction::min:
        to[i] = column[extreme_of(r, column) * r.inner];
        return;
      case Reduction::argmax:
      case Reduction::argmin:
        to[i] = static_cast<float>(extreme_of(r, column));
        return;
    }
  });
}

void reduce_grad(cudaStream_t stream, const Reduced& r, const float* from, const float* out,
                 const float* grad, float* to) {
  if (r.kind == Reduction::sum || r.kind == Reduction::mean)
    return each(stream, r.outer * r.length * r.inner, [=] __device__(int64_t i) {
      to[i] = grad[i / r.inner / r.length * r.inner + i % r.inner] * r.factor;
    });
  each(stream, r.outer * r.inner, [=] __device__(int64_t i) {
    const int64_t at = begin_of(r, i);
    if (r.kind == Reduction::product)
      share_product(r, from + at, grad[i], to + at);
    else
      share_extreme(r, from + at, out[i], grad[i], to + at);
  });
}

}  // namespace cnnfast::cuda
