// What treats each element alone, and copies.
#include "cuda/kernels/boxes.cuh"
#include "cuda/kernels/device_math.cuh"

namespace cnnfast::cuda {

void fill(cudaStream_t stream, float* to, int64_t n, float value) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = value; });
}

void copy(cudaStream_t stream, float* to, const float* from, int64_t n) {
  if (n == 0) return;
  check(cudaMemcpyAsync(to, from, sizeof(float) * static_cast<size_t>(n), cudaMemcpyDeviceToDevice, stream),
        "copy on the device");
}

void add(cudaStream_t stream, float* to, const float* a, const float* b, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = a[i] + b[i]; });
}

void activate(cudaStream_t stream, Activation kind, float* to, const float* from, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = activated(kind, from[i]); });
}

void activate_grad(cudaStream_t stream, Activation kind, float* to, const float* out, const float* grad,
                   int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = activated_grad(kind, out[i], grad[i]); });
}

void dropout(cudaStream_t stream, const Varying* varying, uint32_t layer, uint32_t threshold, float scale,
             const Channels& row, const float* from, float* to, uint8_t* mask, int64_t rows) {
  each(stream, rows * row.elems, [=] __device__(int64_t i) {
    const bool keeps = random_word(row, i, varying->step, layer, varying->seed) >= threshold;
    mask[i] = keeps;
    to[i] = from[i] * (static_cast<float>(keeps) * scale);
  });
}

void dropout_grad(cudaStream_t stream, const float* grad, const uint8_t* mask, float scale, float* to,
                  int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = grad[i] * (static_cast<float>(mask[i]) * scale); });
}

void copy_box(cudaStream_t stream, const Box& box, const float* from, float* to) {
  each(stream, cells_of(box, 0), [=] __device__(int64_t i) {
    const BoxPlace at = place_of(box, 0, i);
    to[at.to] = from[at.from];
  });
}

void add_box(cudaStream_t stream, const Box& box, const float* from, float* to) {
  const int64_t cells = cells_of(box, 1);
  each(stream, box.size[0], [=] __device__(int64_t row) {
    for (int64_t i = 0; i < cells; ++i) {
      const BoxPlace at = place_of(box, 1, i);
      to[row * box.to[0] + at.to] += from[row * box.from[0] + at.from];
    }
  });
}

void sum_box(cudaStream_t stream, const Box& kept, const Box& summed, const float* from, float* to) {
  const int64_t terms = cells_of(summed, 0);
  each(stream, cells_of(kept, 0), [=] __device__(int64_t i) {
    const BoxPlace at = place_of(kept, 0, i);
    double sum = 0;
    for (int64_t k = 0; k < terms; ++k)
      sum += static_cast<double>(from[at.from + place_of(summed, 0, k).from]);
    to[at.to] = static_cast<float>(sum);
  });
}

}  // namespace cnnfast::cuda
