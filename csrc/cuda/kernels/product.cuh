// The product of two matrices that are read through functions, so that images are matrices where they lie: a
// block of threads makes a tile of it, in steps of some terms that come into shared memory asynchronously
// while the terms before are multiplied. In float32, or on tensor cores in TF32 or bfloat16; sums are
// float32's, in an order that shapes tell. A long product of few columns, as a first layer's, is float32's, a
// row a thread.
//
// A matrix is an object with
//   Row row(int64_t i)                          what is to be known of row i of a, or of column i of b
//   const float* at(const Row&, int64_t k)      its number of term k, or null for 0
//   bool near                                   neighbouring rows, not terms, are side by side in memory
// and what takes the product one with operator()(row, column, sum).
#pragma once
#include <cuda_bf16.h>
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

// Sums in fragments of products kDepth deep: 16 rows and 32 columns a warp.
template <int kDepth>
class SumsInFragments {
 public:
  __device__ SumsInFragments() {
    for (auto& each : sums_) nvcuda::wmma::fill_fragment(each, 0.0f);
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

 protected:
  template <class T>
  using OfA = nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, kDepth, T, nvcuda::wmma::col_major>;
  template <class T>
  using OfB = nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, kDepth, T, nvcuda::wmma::row_major>;
  static __device__ int row() { return static_cast<int>(threadIdx.x) / 32 % 4 * 16; }
  static __device__ int column() { return static_cast<int>(threadIdx.x) / 32 / 4 * 32; }

  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, kDepth, float> sums_[2];
};

class SumsInTf32 : public SumsInFragments<8> {
 public:
  __device__ void add(Terms& a, Terms& b, int at) {
    using namespace nvcuda::wmma;
    for (int k = 0; k < kTerms; k += 8) {
      OfA<precision::tf32> x;
      load_matrix_sync(x, part_of(a, at + k * kTileRow + row()), kTileRow);
      for (int i = 0; i < x.num_elements; ++i) x.x[i] = __float_to_tf32(x.x[i]);
      for (int j = 0; j < 2; ++j) {
        OfB<precision::tf32> y;
        load_matrix_sync(y, part_of(b, at + k * kTileRow + column() + 16 * j), kTileRow);
        for (int i = 0; i < y.num_elements; ++i) y.x[i] = __float_to_tf32(y.x[i]);
        mma_sync(sums_[j], x, y, sums_[j]);
      }
    }
  }
};

// Rounded on the way from shared memory to shared memory.
class SumsInBf16 : public SumsInFragments<kTerms> {
 public:
  __device__ void add(Terms& a, Terms& b, int at) {
    using namespace nvcuda::wmma;
    __shared__ SharedArray<__nv_bfloat16, kTerms * kTileRow> of_a, of_b;
    for (int i = static_cast<int>(threadIdx.x); i < kTerms * kTile; i += kProductThreads) {
      const int place = i / kTile * kTileRow + i % kTile;
      of_a[place] = __float2bfloat16(a[at + place]);
      of_b[place] = __float2bfloat16(b[at + place]);
    }
    __syncthreads();
    OfA<__nv_bfloat16> x;
    load_matrix_sync(x, part_of(of_a, row()), kTileRow);
    for (int j = 0; j < 2; ++j) {
      OfB<__nv_bfloat16> y;
      load_matrix_sync(y, part_of(of_b, column() + 16 * j), kTileRow);
      mma_sync(sums_[j], x, y, sums_[j]);
    }
  }
};

// Terms [begin, end) of the product of m x n. A block a tile, in one axis of the grid, for the second one
// ends at 65,535; the third is the part. For two blocks at once: for three, the compiler of CUDA 13.0 spills
// a register (convolutions in float32, compute capability 9.0).
template <class Sums, class A, class B, class To>
__global__ void __launch_bounds__(kProductThreads, 2)
    product_kernel(A a, B b, To to, int64_t m, int64_t n, int64_t terms, int64_t of_part) {
  __shared__ Terms from_a, from_b;
  const auto down = static_cast<unsigned>((m + kTile - 1) / kTile);
  const int64_t row = int64_t{blockIdx.x % down} * kTile, column = int64_t{blockIdx.x / down} * kTile;
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

// ---- Few columns ----

constexpr int kFewColumns = 16, kChunk = 64;  // terms of b in shared memory at a time
constexpr int64_t kManyRows = 4096;           // a device full of threads

// A row of the product a thread, all of its columns.
template <class A, class B, class To>
__global__ void __launch_bounds__(kProductThreads)
    narrow_kernel(A a, B b, To to, int64_t m, int n, int64_t terms) {
  __shared__ SharedArray<float, kChunk * kFewColumns> chunk;
  const int64_t i = int64_t{blockIdx.x} * kProductThreads + threadIdx.x;
  const typename A::Row row = a.row(i < m ? i : 0);
  float sums[kFewColumns] = {};
  for (int64_t first = 0; first < terms; first += kChunk) {
    for (int at = static_cast<int>(threadIdx.x); at < kChunk * kFewColumns; at += kProductThreads) {
      const int column = at % kFewColumns;
      const int64_t k = first + at / kFewColumns;
      const float* const from = column < n && k < terms ? b.at(b.row(column), k) : nullptr;
      chunk[at] = from ? *from : 0.0f;
    }
    __syncthreads();
    const int count = terms - first < kChunk ? static_cast<int>(terms - first) : kChunk;
    for (int k = 0; k < count; ++k) {
      const float* const from = a.at(row, first + k);
      const float x = from ? *from : 0.0f;
#pragma unroll
      for (int j = 0; j < kFewColumns; ++j) sums[j] += x * chunk[k * kFewColumns + j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int j = 0; j < kFewColumns; ++j)
    if (i < m && j < n) to(i, j, sums[j]);
}

// ---- Either ----

// `parts` of the terms apart, which `to` tells by blockIdx.z.
template <class A, class B, class To>
void product(cudaStream_t stream, Arithmetic arithmetic, const A& a, const B& b, const To& to, int64_t m,
             int64_t n, int64_t terms, int64_t parts = 1) {
  if (m <= 0 || n <= 0) return;
  const auto cut = [](int64_t size, int64_t by) { return static_cast<unsigned>((size + by - 1) / by); };
  if (n <= kFewColumns && m >= kManyRows && parts == 1)
    return launch(stream, narrow_kernel<A, B, To>, dim3(cut(m, kProductThreads)), kProductThreads, a, b, to,
                  m, static_cast<int>(n), terms);
  const auto run = [&](auto kernel) {
    launch(stream, kernel, dim3(cut(m, kTile) * cut(n, kTile), 1, static_cast<unsigned>(parts)),
           kProductThreads, a, b, to, m, n, terms, (terms + parts - 1) / parts);
  };
  switch (arithmetic) {
    case Arithmetic::float32:
      return run(product_kernel<SumsInFloat32, A, B, To>);
    case Arithmetic::tf32:
      return run(product_kernel<SumsInTf32, A, B, To>);
    case Arithmetic::bf16:
      return run(product_kernel<SumsInBf16, A, B, To>);
  }
}

}  // namespace cnnfast::cuda
