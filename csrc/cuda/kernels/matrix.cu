// Products of matrices: an element of the product a thread.
#include "cuda/kernels/device_math.cuh"

namespace cnnfast::cuda {

void multiply(cudaStream_t stream, const Product& p) {
  each(stream, p.m * p.n, [=] __device__(int64_t i) {
    const int64_t row = i / p.n, column = i % p.n;
    const float *a = p.a + row * p.a_row, *b = p.b + column * p.b_col;
    float sum = 0;
    for (int64_t k = 0; k < p.k; ++k) sum += a[k * p.a_col] * b[k * p.b_row];
    if (p.bias) sum += p.bias[column];
    p.dst[row * p.dst_row + column] = activated(p.activation, sum);
  });
}

}  // namespace cnnfast::cuda
