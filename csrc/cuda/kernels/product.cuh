// The product of two matrices that are read through functions, so that images are matrices where they lie: a
// block of threads makes a tile of it, in steps of some terms that come into shared memory asynchronously
// while the terms before are multiplied. In float32, or on tensor cores in TF32; sums are float32's, in an
// order that shapes tell.
//
// A matrix is an object with
//   Row row(int64_t i)                          what is to be known of row i of a, or of column i of b
//   const float* at(const Row&, int64_t k)      its number of term k, or null for 0
//   bool near                                   neighbouring rows, not terms, are side by side in memory
// and what takes the product one with operator()(row, column, sum).
#pragma once
#include <mma.h>

#include "cuda/kernels/kernels.h"
#include "cuda/launch.h"

namespace cnnfast::cuda {

constexpr int kTile = 64, kTerms = 16;  // of the product, either way, and of a step
constexpr int kTileRow = kTile + 8;     // in shared memory: fragments begin at multiples of 32 bytes
constexpr unsigned kProductThreads = 256;
constexpr int kEach =
    kTile * kTerms / static_cast<int>(kProductThreads);  // numbers of a matrix that a thread brings
constexpr int kSide = 4;                                 // of the square of sums that a thread has in float32

// What one thread brings of a matrix, step by step.
template <class Matrix>
class Bringer {
 public:
  __device__ Bringer(const Matrix& matrix, int64_t first, int64_t rows) : matrix_(matrix) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int64_t row = first + row_of(i);
      is_there_[i] = row < rows;
      rows_[i] = matrix.row(is_there_[i] ? row : 0);
    }
  }
  // Terms [k, k + kTerms), of which those from `end` on are 0; take(place, pointer or null).
  template <class Take>
  __device__ void bring(int64_t k, int64_t end, Take take) const {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int64_t term = k + term_of(i);
      take(term_of(i) * kTileRow + row_of(i),
           is_there_[i] && term < end ? matrix_.at(rows_[i], term) : nullptr);
    }
  }

 private:
  // Neighbouring threads take what lies side by side.
  __device__ int row_of(int i) const {
    const int thread = static_cast<int>(threadIdx.x);
    return matrix_.near ? thread % kTile : thread / kTerms + i * (kTile / kEach);
  }
  __device__ int term_of(int i) const {
    const int thread = static_cast<int>(threadIdx.x);
    return matrix_.near ? thread / kTile + i * (kTerms / kEach) : thread % kTerms;
  }

  const Matrix& matrix_;
  typename Matrix::Row rows_[kEach];
  bool is_there_[kEach];
};

using Terms = SharedArray<float, 2 * kTerms * kTileRow>;  // of two steps

// Sums in registers, a square a thread.
class SumsInFloat32 {
 public:
  __device__ void add(Terms& a, Terms& b, int at) {
    for (int k = 0; k < kTerms; ++k) {
      float x[kSide], y[kSide];
      for (int i = 0; i < kSide; ++i) x[i] = a[at + k * kTileRow + row() + i];
      for (int j = 0; j < kSide; ++j) y[j] = b[at + k * kTileRow + column() + j];
      for (int i = 0; i < kSide; ++i)
        for (int j = 0; j < kSide; ++j) sums_[i][j] += x[i] * y[j];
    }
  }
  template <class Take>
  __device__ void give(Take take) const {
    for (int i = 0; i < kSide; ++i)
      for (int j = 0; j < kSide; ++j) take(row() + i, column() + j, sums_[i][j]);
  }

 private:
  static __device__ int row() { return static_cast<int>(threadIdx.x) / (kTile / kSide) * kSide; }
  static __device__ int column() { return static_cast<int>(threadIdx.x) % (kTile / kSide) * kSide; }
  float sums_[kSide][kSide] = {};
};

// Sums in fragments, 16 rows and 32 columns a warp.
class SumsInTf32 {
 public:
  __device__ SumsInTf32() {
    for (auto& each : sums_) nvcuda::wmma::fill_fragment(each, 0.0f);
  }
  __device__ void add(Terms& a, Terms& b, int at) {
    using namespace nvcuda::wmma;
    for (int k = 0; k < kTerms; k += 8) {
      fragment<matrix_a, 16, 16, 8, precision::tf32, col_major> x;
      load_matrix_sync(x, part_of(a, at + k * kTileRow + row()), kTileRow);
      for (int i = 0; i < x.num_elements; ++i) x.x[i] = __float_to_tf32(x.x[i]);
      for (int j = 0; j < 2; ++j) {
        fragment<matrix_b, 16, 16, 8, precision::tf32, row_major> y;
        load_matrix_sync(y, part_of(b, at + k * kTileRow + column() + 16 * j), kTileRow);
        for (int i = 0; i < y.num_elements; ++i) y.x[i] = __float_to_tf32(y.x[i]);
        mma_sync(sums_[j], x, y, sums_[j]);
      }
    }
  }
  template <class Take>
  __device__ void give(Take take) const {
    __shared__ SharedArray<float, kTile * kTileRow> tile;
    for (int j = 0; j < 2; ++j)
      nvcuda::wmma::store_matrix_sync(part_of(tile, row() * kTileRow + column() + 16 * j), sums_[j], kTileRow,
                                      nvcuda::wmma::mem_row_major);
    __syncthreads();
    for (int at = static_cast<int>(threadIdx.x); at < kTile * kTile; at += kProductThreads)
      take(at / kTile, at % kTile, tile[at / kTile * kTileRow + at % kTile]);
  }

 private:
  static __device__ int warp() { return static_cast<int>(threadIdx.x) / 32; }
  static __device__ int row() { return warp() % 4 * 16; }
  static __device__ int column() { return warp() / 4 * 32; }
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 8, float> sums_[2];
};

// Terms [begin, end) of the product of m x n. A block a tile, `part` the third axis of the grid.
template <class Sums, class A, class B, class To>
__global__ void __launch_bounds__(kProductThreads)
    product_kernel(A a, B b, To to, int64_t m, int64_t n, int64_t terms, int64_t of_part) {
  __shared__ Terms from_a, from_b;
  const int64_t row = int64_t{blockIdx.x} * kTile, column = int64_t{blockIdx.y} * kTile;
  const int64_t begin = int64_t{blockIdx.z} * of_part;
  const int64_t end = begin + of_part < terms ? begin + of_part : terms;
  const Bringer<A> bring_a(a, row, m);
  const Bringer<B> bring_b(b, column, n);
  const auto bring = [&](int64_t k, int at) {
    bring_a.bring(k, end, [&](int place, const float* from) { copy_async(from_a, at + place, from); });
    bring_b.bring(k, end, [&](int place, const float* from) { copy_async(from_b, at + place, from); });
    __pipeline_commit();
  };
  Sums sums;
  int at = 0;
  bring(begin, at);
  for (int64_t k = begin; k < end; k += kTerms) {
    const int next = kTerms * kTileRow - at;
    bring(k + kTerms, next);  // zeros behind the last step
    __pipeline_wait_prior(1);
    __syncthreads();
    sums.add(from_a, from_b, at);
    __syncthreads();
    at = next;
  }
  sums.give([&](int i, int j, float sum) {
    if (row + i < m && column + j < n) to(row + i, column + j, sum);
  });
}

// `parts` of the terms apart, which `to` tells by blockIdx.z.
template <class A, class B, class To>
void product(cudaStream_t stream, Arithmetic arithmetic, const A& a, const B& b, const To& to, int64_t m,
             int64_t n, int64_t terms, int64_t parts = 1) {
  if (m <= 0 || n <= 0) return;
  const auto tiles = [](int64_t size) { return static_cast<unsigned>((size + kTile - 1) / kTile); };
  const int64_t of_part = (terms + parts - 1) / parts;
  const dim3 grid(tiles(m), tiles(n), static_cast<unsigned>(parts));
  if (arithmetic == Arithmetic::float32)
    launch(stream, product_kernel<SumsInFloat32, A, B, To>, grid, kProductThreads, a, b, to, m, n, terms,
           of_part);
  else
    launch(stream, product_kernel<SumsInTf32, A, B, To>, grid, kProductThreads, a, b, to, m, n, terms,
           of_part);
}

}  // namespace cnnfast::cuda
