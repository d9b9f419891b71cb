// Positions of the numbers of rows, sorted.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sorted.cuh"

namespace cnnfast::cuda {

int64_t order_scratch(int64_t rows, int64_t cols) {
  return sorting_scratch(rows, cols);
}

void order(cudaStream_t stream, const float* from, int64_t rows, int64_t cols, int64_t count, bool descending,
           float* scratch, float* to) {
  const auto before = [=] __device__(const float* x, int32_t i, int32_t j) {
    const float a = descending ? x[j] : x[i], b = descending ? x[i] : x[j];
    if (a < b || (isnan(b) && !isnan(a))) return true;
    if (a > b || (isnan(a) && !isnan(b))) return false;
    return i < j;
  };
  const int32_t* const positions =
      sorted_positions(stream, from, rows, cols, before, reinterpret_cast<int32_t*>(scratch));
  each(stream, rows * count,
       [=] __device__(int64_t i) { to[i] = static_cast<float>(positions[i / count * cols + i % count]); });
}

}  // namespace cnnfast::cuda
