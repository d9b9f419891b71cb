// The product of two matrices that are read through functions, so that images are matrices where they lie: a
// block of threads makes a tile of it, in steps of some terms that come into shared memory asynchronously
// while the terms before are multiplied. In float32, or on tensor cores in TF32 or bfloat16; sums are
// float32's, in an order that shapes tell. Many products of one kind (groups, batches) are one grid: each is
// a `cell`.
//
// A matrix is an object with
//   Row row(int64_t cell, int64_t i)   what is to be known of row i of a, or of column i of b
//   Term term(int64_t k)               and of term k,
//   void advance(Term&, int by)        from which a thread goes on without divisions, which are dear
//   const float* at(const Row&, const Term&)   the number, or null for 0
//   bool near                          neighbouring rows, not terms, are side by side in memory
// and what takes the product one with
//   int64_t row(int64_t cell, int64_t i)       where row i goes
//   void give(int64_t row, int cell, int64_t column, float sum)
//   bool near                          neighbouring rows, not columns, are side by side in memory
#pragma once
#include <stdexcept>
#include <string>

#include "cuda/kernels/sum.cuh"
#include "cuda/kernels/sums.cuh"

namespace cnnfast::cuda {

// Products of m x n, each a sum of so many terms.
struct ProductSize {
  int64_t m, n, terms, cells;
};

// What one thread brings of a matrix, step by step: copies of kNumbers side by side. What is to be known of
// rows lies in shared memory, for registers are short.
template <class Matrix, Access kAccess, int kSize, int kThreads>
class Bringer {
 public:
  using Rows = SharedArray<typename Matrix::Row, kSize>;

  __device__ Bringer(const Matrix& matrix, Rows& rows, int64_t begin)
      : matrix_(matrix), rows_(rows), term_(matrix.term(begin + term_of(0))) {}

  // Rows from `first` on, of `all`. Of one that is not there nobody takes the sums.
  static __device__ void see_rows(const Matrix& matrix, Rows& rows, int64_t cell, int64_t first,
                                  int64_t all) {
    for (int i = static_cast<int>(threadIdx.x); i < kSize; i += kThreads)
      rows[i] = matrix.row(cell, first + i < all ? first + i : 0);
  }

  // The terms of a step, of which those from `end` on are 0, to a stage of `to` that begins there. Step by
  // step from the first one on.
  template <class Numbers>
  __device__ void bring(Numbers& to, int stage, int step, int end) {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const typename Matrix::Row row = rows_[row_of(i)];
      const bool is_term = step * kTerms + term_of(i) < end;
      copy_async<kNumbers>(to, stage + Floats::place(row_of(i), term_of(i)),
                           is_term ? matrix_.at(row, term_) : nullptr);
      const int next = i + 1 < kCopies ? term_of(i + 1) : kTerms + term_of(0);
      if (next != term_of(i)) matrix_.advance(term_, next - term_of(i));
    }
  }

  // What this thread brought and waited for, rounded.
  template <class Numbers, class Rounded>
  __device__ void round(Numbers& from, int stage, Rounded& to, int to_stage) const {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int at = stage + Floats::place(row_of(i), term_of(i));
      const int to_at = to_stage + Bf16s::place(row_of(i), term_of(i));
      if constexpr (kNumbers == 4) {
        const Vector<float, 4> x = read_vector<4>(from, at);
        Vector<__nv_bfloat16, 4> rounded;
#pragma unroll
        for (int j = 0; j < 4; ++j) rounded.x[j] = __float2bfloat16(x.x[j]);
        write_vector(to, to_at, rounded);
      } else {
        to[to_at] = __float2bfloat16(from[at]);
      }
    }
  }

 private:
  using Floats = Lay<float, kAccess, kSize>;
  using Bf16s = Lay<__nv_bfloat16, kAccess, kSize>;
  static constexpr int kNumbers = kAccess == Access::singly ? 1 : 4;
  static constexpr int kCopies = kSize * kTerms / kNumbers / kThreads;
  static_assert(kCopies * kNumbers * kThreads == kSize * kTerms);

  // Row and term of the first number of copy i. Neighbouring threads take what lies side by side; the single
  // terms of a row that a thread takes one after the other share what the GPU reads at once.
  __device__ int row_of(int i) const {
    const int thread = static_cast<int>(threadIdx.x);
    if (kAccess == Access::by_terms) return thread / (kTerms / 4) + i * (kThreads / (kTerms / 4));
    if (kAccess == Access::by_rows) return thread % (kSize / 4) * 4;
    return matrix_.near ? thread % kSize : thread / (kThreads / kSize);
  }
  __device__ int term_of(int i) const {
    const int thread = static_cast<int>(threadIdx.x);
    if (kAccess == Access::by_terms) return thread % (kTerms / 4) * 4;
    if (kAccess == Access::by_rows) return thread / (kSize / 4) + i * (kThreads / (kSize / 4));
    return matrix_.near ? thread / kSize + i * (kThreads / kSize) : thread % (kThreads / kSize) * kCopies + i;
  }

  const Matrix& matrix_;
  Rows& rows_;
  typename Matrix::Term term_;
};

// What a block shares: kStages steps of either matrix, and where its tile is, for which no thread has a
// register left.
template <class Sums, class A, class B>
struct ProductMemory {
  SharedArray<float, Sums::kStages * Sums::OfA::kNumbers> a;
  SharedArray<float, Sums::kStages * Sums::OfB::kNumbers> b;
  typename Sums::Rounded rounded;
  SharedArray<typename A::Row, Sums::Tile::kRows> rows_of_a;
  SharedArray<typename B::Row, Sums::Tile::kColumns> rows_of_b;
  SharedArray<int64_t, Sums::Tile::kRows> places;  // where rows go; below 0: not there
  SharedArray<int64_t, 2> cell_and_column;
};

// The sums of a tile, by way of shared memory, so that neighbouring threads write side by side. Those of a
// part go to `parts`.
template <class Sums, class Memory, class To>
__device__ void give(Memory& memory, const Sums& sums, const To& to, float* parts, int64_t n) {
  using Tile = typename Sums::Tile;
  static_assert(kGiven * Tile::kGivenRow <= Sums::kStages * Sums::OfA::kNumbers);
  __syncthreads();
  const int64_t cell = memory.cell_and_column[0], column = memory.cell_and_column[1];
  const bool near = to.near && !parts;
  for (int part = 0; part < Tile::kRows; part += kGiven) {
    __syncthreads();  // the numbers before were read
    sums.store(memory.a, part);
    __syncthreads();
    for (int at = static_cast<int>(threadIdx.x); at < kGiven * Tile::kColumns; at += Tile::kThreads) {
      const int i = near ? at % kGiven : at / Tile::kColumns, j = near ? at / kGiven : at % Tile::kColumns;
      const int64_t place = memory.places[part + i];
      if (place < 0 || column + j >= n) continue;
      const float sum = memory.a[i * Tile::kGivenRow + j];
      if (parts)
        parts[place + column + j] = sum;
      else
        to.give(place, static_cast<int>(cell), column + j, sum);
    }
  }
}

// Products of m x n. A block a tile, in one axis of the grid, for the second one ends at 65,535; neighbouring
// blocks share rows of a, which is the larger one where kernels are b. The third axis is the part of the
// terms, whose sums lie in `parts` as [part][cell][m][n]; null, where there is but one.
template <class Sums, class A, class B, class To>
__global__ void __launch_bounds__(Sums::Tile::kThreads, Sums::Tile::kBlocks)
    product_kernel(A a, B b, To to, ProductSize size, int64_t of_part, float* parts) {
  using Tile = typename Sums::Tile;
  auto& memory = shared_memory<ProductMemory<Sums, A, B>>();
  const int64_t m = size.m, n = size.n;
  const auto down = static_cast<unsigned>((m + Tile::kRows - 1) / Tile::kRows);
  const auto across = static_cast<unsigned>((n + Tile::kColumns - 1) / Tile::kColumns);
  const unsigned cell = blockIdx.x / across / down;
  const int64_t row = int64_t{blockIdx.x / across % down} * Tile::kRows;
  const int64_t column = int64_t{blockIdx.x % across} * Tile::kColumns;
  const int64_t begin = int64_t{blockIdx.z} * of_part;
  const auto end = static_cast<int>(size.terms - begin < of_part ? size.terms - begin : of_part);
  for (int i = static_cast<int>(threadIdx.x); i < Tile::kRows; i += Tile::kThreads) {
    int64_t place = -1;
    if (row + i < m)
      place = parts ? ((blockIdx.z * size.cells + cell) * m + row + i) * n : to.row(cell, row + i);
    memory.places[i] = place;
  }
  if (threadIdx.x == 0) memory.cell_and_column[0] = cell, memory.cell_and_column[1] = column;
  using BringA = Bringer<A, Sums::kOfA, Tile::kRows, Tile::kThreads>;
  using BringB = Bringer<B, Sums::kOfB, Tile::kColumns, Tile::kThreads>;
  BringA::see_rows(a, memory.rows_of_a, cell, row, m);
  BringB::see_rows(b, memory.rows_of_b, cell, column, n);
  __syncthreads();
  BringA bring_a(a, memory.rows_of_a, begin);
  BringB bring_b(b, memory.rows_of_b, begin);
  const auto bring = [&](int step) {
    bring_a.bring(memory.a, step % Sums::kStages * Sums::OfA::kNumbers, step, end);
    bring_b.bring(memory.b, step % Sums::kStages * Sums::OfB::kNumbers, step, end);
    __pipeline_commit();
  };
  Sums sums;
  for (int step = 0; step < kAhead; ++step) bring(step);
  for (int step = 0; step * kTerms < end; ++step) {
    __pipeline_wait_prior(kAhead - 1);
    sums.round(memory, bring_a, bring_b, step);
    __syncthreads();
    bring(step + kAhead);  // to where nobody reads since the barrier; zeros behind the last step
    sums.add(memory, step);
  }
  __pipeline_wait_prior(0);
  give(memory, sums, to, parts, n);
}

// Into how many parts the terms are cut: so that there are two blocks for every multiprocessor, as long as
// each has terms enough to be worth writing and reading its sums.
inline int64_t parts_of(const ProductSize& size) {
  constexpr int64_t kBlocks = 2 * kMultiprocessors, kFewest = 16 * kTerms;
  const int64_t tiles = tiles_of(size.m, size.n, size.cells);
  return parts_for(size.terms / kFewest, tiles > 0 ? kBlocks / tiles : 0);
}
inline int64_t product_scratch(const ProductSize& size) {  // floats
  const int64_t parts = parts_of(size);
  return parts > 1 ? parts * size.cells * size.m * size.n : 0;
}

template <class Sums, class A, class B, class To>
void launch_product(cudaStream_t stream, const A& a, const B& b, const To& to, const ProductSize& size,
                    int64_t parts, float* scratch) {
  const int64_t tiles = size.cells * count_of<typename Sums::Tile>(size.m, size.n);
  if (tiles > INT32_MAX || size.terms > INT32_MAX)
    throw std::length_error("a product of " + std::to_string(size.m) + " x " + std::to_string(size.n) +
                            " of " + std::to_string(size.terms) + " terms is larger than a grid");
  const int64_t of_part = ((size.terms + parts - 1) / parts + kTerms - 1) / kTerms * kTerms;
  launch<ProductMemory<Sums, A, B>>(stream, product_kernel<Sums, A, B, To>,
                                    dim3(static_cast<unsigned>(tiles), 1, static_cast<unsigned>(parts)),
                                    Sums::Tile::kThreads, a, b, to, size, of_part,
                                    parts > 1 ? scratch : nullptr);
}

// By tiles of this shape. Numbers that come singly take longer to come than to be multiplied in TF32:
// bfloat16 would win nothing.
template <class Tile, Access kOfA, Access kOfB, class A, class B, class To>
void product_of_tiles(cudaStream_t stream, Arithmetic arithmetic, const A& a, const B& b, const To& to,
                      const ProductSize& size, int64_t parts, float* scratch) {
  if (arithmetic == Arithmetic::float32)
    return launch_product<SumsInFloat32<Tile, kOfA, kOfB>>(stream, a, b, to, size, parts, scratch);
  if constexpr (kOfA != Access::singly)
    if (arithmetic == Arithmetic::bf16)
      return launch_product<SumsInBf16<Tile, kOfA, kOfB>>(stream, a, b, to, size, parts, scratch);
  launch_product<SumsInTf32<Tile, kOfA, kOfB>>(stream, a, b, to, size, parts, scratch);
}

// Products of matrices that come in these ways, which must suit them. Scratch: product_scratch(size).
template <Access kOfA, Access kOfB, class A, class B, class To>
void product(cudaStream_t stream, Arithmetic arithmetic, const A& a, const B& b, const To& to,
             const ProductSize& size, float* scratch) {
  if (size.m <= 0 || size.n <= 0 || size.cells <= 0) return;
  const int64_t parts = parts_of(size);
  with_tile(size.m, size.n, size.cells, [&](auto tile) {
    product_of_tiles<decltype(tile), kOfA, kOfB>(stream, arithmetic, a, b, to, size, parts, scratch);
  });
  if (parts == 1) return;
  add_parts(stream, parts, size.cells * size.m * size.n, scratch, [=] __device__(int64_t i, float sum) {
    const int64_t row = i / size.n, cell = row / size.m;
    to.give(to.row(cell, row % size.m), static_cast<int>(cell), i % size.n, sum);
  });
}

}  // namespace cnnfast::cuda
