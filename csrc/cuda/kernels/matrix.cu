// Products of matrices.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/product.cuh"

namespace cnnfast::cuda {

namespace {

struct Matrix {
  using Row = const float*;
  const float* data;
  int64_t row_step, term_step;
  bool near;
  __device__ Row row(int64_t i) const { return data + i * row_step; }
  __device__ const float* at(Row row, int64_t k) const { return row + k * term_step; }
};

struct ToMatrix {
  Product p;
  __device__ void operator()(int64_t row, int64_t column, float sum) const {
    if (p.bias) sum += p.bias[column];
    p.dst[row * p.dst_row + column] = activated(p.activation, sum);
  }
};

}  // namespace

void multiply(cudaStream_t stream, const Product& p) {
  product(stream, p.arithmetic, Matrix{p.a, p.a_row, p.a_col, p.a_row == 1},
          Matrix{p.b, p.b_col, p.b_row, p.b_col == 1}, ToMatrix{p}, p.m, p.n, p.k);
}

namespace {

struct Place {
  int64_t a, b, dst;
};

__device__ Place place_of(const ProductAxes& axes, int64_t cell) {
  Place at{0, 0, 0};
  for (int axis = axes.axes - 1; axis >= 0; --axis) {
    const int64_t i = cell % axes.size[axis];
    cell /= axes.size[axis];
    at.a += i * axes.a[axis], at.b += i * axes.b[axis], at.dst += i * axes.dst[axis];
  }
  return at;
}

int64_t cells_of(const ProductAxes& axes) {
  int64_t cells = 1;
  for (int axis = 0; axis < axes.axes; ++axis) cells *= axes.size[axis];
  return cells;
}

}  // namespace

void multiply_all(cudaStream_t stream, const Product& p, const ProductAxes& kept, const ProductAxes& summed) {
  const int64_t terms = cells_of(summed);
  each(stream, cells_of(kept) * p.m * p.n, [=] __device__(int64_t i) {
    const int64_t row = i / p.n % p.m, column = i % p.n;
    const Place at = place_of(kept, i / p.n / p.m);
    float sum = 0;
    for (int64_t term = 0; term < terms; ++term) {
      const Place of = place_of(summed, term);
      const float* const a = p.a + at.a + of.a + row * p.a_row;
      const float* const b = p.b + at.b + of.b + column * p.b_col;
      for (int64_t k = 0; k < p.k; ++k) sum += a[k * p.a_col] * b[k * p.b_row];
    }
    p.dst[at.dst + row * p.dst_row + column] = sum;
  });
}

}  // namespace cnnfast::cuda
