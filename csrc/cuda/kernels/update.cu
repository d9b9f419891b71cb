// What moves weights: penalties, clipping, optimizers, constraints; an element a thread.
#include "cuda/kernels/boxes.cuh"
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

__device__ float clipped(const Clip& clip, float grad) {
  if (clip.scale) return grad * clip.scale[0];
  return clip.limit > 0 ? clamped(grad, -clip.limit, clip.limit) : grad;
}

}  // namespace

void regularize(cudaStream_t stream, const float* values, float* grad, int64_t n, float l1, float l2) {
  each(stream, n, [=] __device__(int64_t i) {
    const float w = values[i];
    grad[i] += l1 * static_cast<float>((w > 0) - (w < 0)) + l2 * (2 * w);
  });
}

void clip_scales(cudaStream_t stream, const double* squares, int64_t n, double limit, float* scales) {
  each(stream, n, [=] __device__(int64_t i) {
    const double norm = sqrt(squares[i]);
    scales[i] = norm <= limit ? 1 : static_cast<float>(limit / norm);
  });
}

void clip(cudaStream_t stream, const Clip& clip, float* grad, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { grad[i] = clipped(clip, grad[i]); });
}

void sgd(cudaStream_t stream, const Varying* varying, double factor, float momentum, bool nesterov,
         const Clip& clip, float* values, const float* grad, float* velocity, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) {
    const float step = -static_cast<float>(varying->rate * factor) * clipped(clip, grad[i]);
    if (!velocity) return static_cast<void>(values[i] += step);
    const float v = momentum * velocity[i] + step;
    velocity[i] = v;
    values[i] += nesterov ? momentum * v + step : v;
  });
}

void adam(cudaStream_t stream, const Varying* varying, double factor, double beta1, double beta2,
          float epsilon, const Clip& clip, float* values, const float* grad, float* m, float* v, int64_t n) {
  const float keep1 = static_cast<float>(1 - beta1), keep2 = static_cast<float>(1 - beta2);
  each(stream, n, [=] __device__(int64_t i) {
    const float rate = static_cast<float>(varying->rate * factor), g = clipped(clip, grad[i]);
    m[i] += keep1 * (g - m[i]);
    v[i] += keep2 * (g * g - v[i]);
    values[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
  });
}

void clamp_negative(cudaStream_t stream, float* values, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { values[i] = values[i] < 0 ? 0 : values[i]; });
}

void constrain_norms(cudaStream_t stream, float* values, const Box& kept, const Box& summed,
                     const NormLimits& limits, float* scales) {
  const int64_t terms = cells_of(summed);
  const auto place = [=] __device__(int64_t norm, int64_t term) {
    return place_of(kept, norm).from + place_of(summed, term).from;
  };
  sums(
      stream, cells_of(kept), terms,
      [=] __device__(int64_t norm, int64_t term) {
        const double x = values[place(norm, term)];
        return x * x;
      },
      [=] __device__(int64_t i, double squares) {
        const double norm = sqrt(squares), low = limits.minimum, high = limits.maximum;
        const double larger = norm < low ? low : norm, inside = larger < high ? larger : high;
        const double wanted = norm + limits.rate * (inside - norm);
        scales[i] = wanted == norm ? 1.0f : static_cast<float>(wanted / (norm + 1e-7));  // Keras's guard
      });
  each(stream, cells_of(kept) * terms,
       [=] __device__(int64_t i) { values[place(i / terms, i % terms)] *= scales[i / terms]; });
}

}  // namespace cnnfast::cuda
