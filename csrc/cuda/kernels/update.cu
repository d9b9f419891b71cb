// What moves weights: penalties, clipping, optimizers, constraints; an element a thread.
#include "cuda/kernels/boxes.cuh"
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/moved.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

__device__ float clipped(const Moved& m, float limit, float grad) {
  if (m.scale) return grad * m.scale[0];
  return limit > 0 ? clamped(grad, -limit, limit) : grad;
}

// The sum of term(parameter, i) over the elements of each block, which `parts` has one behind the other.
template <class Term>
__global__ void parts_kernel(MovedTable table, double* parts, Term term) {
  double sum = 0;
  for_own_elements(table, [&](const Moved& m, int64_t i) { sum += term(m, i); });
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__device__ float scale_of(double squares, double limit) {
  const double norm = sqrt(squares);
  return norm <= limit ? 1 : static_cast<float>(limit / norm);
}

// Of each parameter's parts, by a block.
__global__ void scales_kernel(MovedTable table, const double* parts, double limit, float* scales) {
  double sum = 0;
  for (unsigned i = table.first[blockIdx.x] + threadIdx.x; i < table.first[blockIdx.x + 1]; i += kSumThreads)
    sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) scales[blockIdx.x] = scale_of(sum, limit);
}

}  // namespace

void regularize(cudaStream_t stream, const MovedParams& params) {
  each_moved(stream, params, [=] __device__(const Moved& m, int64_t i) {
    const float w = m.values[i];
    m.grad[i] += m.l1 * static_cast<float>((w > 0) - (w < 0)) + m.l2 * (2 * w);
  });
}

int64_t moved_parts(int64_t n) {
  return (n + kOfMovedBlock - 1) / kOfMovedBlock;
}

void add_penalties(cudaStream_t stream, const MovedParams& params, double* scratch, double* to) {
  double* parts = scratch;
  const auto term = [=] __device__(const Moved& m, int64_t i) {
    const double x = m.values[i];
    return m.l1 * fabs(x) + m.l2 * x * x;
  };
  for_tables(params, [&](const MovedTable& table, uint32_t blocks) {
    launch(stream, parts_kernel<decltype(term)>, dim3(blocks), kSumThreads, table, parts, term);
    parts += blocks;
  });
  sums(
      stream, 1, parts - scratch, [=] __device__(int64_t, int64_t part) { return scratch[part]; },
      [=] __device__(int64_t, double sum) { to[0] += sum; });
}

void clip_scales(cudaStream_t stream, const MovedParams& params, bool global, double limit, double* scratch,
                 float* scales) {
  double* parts = scratch;
  const auto term = [=] __device__(const Moved& m, int64_t i) {
    const double x = m.grad[i];
    return x * x;
  };
  for_tables(params, [&](const MovedTable& table, uint32_t blocks) {
    launch(stream, parts_kernel<decltype(term)>, dim3(blocks), kSumThreads, table, parts, term);
    if (!global) {
      launch(stream, scales_kernel, dim3(static_cast<unsigned>(table.count)), kSumThreads, table, parts,
             limit, scales);
      scales += table.count;
    }
    parts += blocks;
  });
  if (global)
    sums(
        stream, 1, parts - scratch, [=] __device__(int64_t, int64_t part) { return scratch[part]; },
        [=] __device__(int64_t, double sum) { scales[0] = scale_of(sum, limit); });
}

void clip(cudaStream_t stream, const MovedParams& params, float limit) {
  each_moved(stream, params,
             [=] __device__(const Moved& m, int64_t i) { m.grad[i] = clipped(m, limit, m.grad[i]); });
}

void sgd(cudaStream_t stream, const Varying* varying, const MovedParams& params, float momentum,
         bool nesterov, float limit) {
  each_moved(stream, params, [=] __device__(const Moved& m, int64_t i) {
    const float step = -static_cast<float>(varying->rate * m.factor) * clipped(m, limit, m.grad[i]);
    if (momentum == 0) return static_cast<void>(m.values[i] += step);
    float* const velocity = m.slots[0];
    const float v = momentum * velocity[i] + step;
    velocity[i] = v;
    m.values[i] += nesterov ? momentum * v + step : v;
  });
}

void adam(cudaStream_t stream, const Varying* varying, const MovedParams& params, double beta1, double beta2,
          float epsilon, float limit) {
  const float keep1 = static_cast<float>(1 - beta1), keep2 = static_cast<float>(1 - beta2);
  each_moved(stream, params, [=] __device__(const Moved& p, int64_t i) {
    float *const m = p.slots[0], *const v = p.slots[1];
    const float rate = static_cast<float>(varying->rate * p.factor), g = clipped(p, limit, p.grad[i]);
    m[i] += keep1 * (g - m[i]);
    v[i] += keep2 * (g * g - v[i]);
    p.values[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
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
