// Products of matrices, one or many.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/product.cuh"

namespace cnnfast::cuda {

namespace {

// Axes of which one matrix is told: from cell to cell its steps.
struct Steps {
  int axes = 0;
  int64_t size[kMostProductAxes] = {}, step[kMostProductAxes] = {};

  Steps(const ProductAxes& of, const int64_t (&steps)[kMostProductAxes]) {
    for (int axis = 0; axis < of.axes; ++axis)
      if (of.size[axis] > 1) size[axes] = of.size[axis], step[axes++] = steps[axis];
  }
  template <class Cell>
  __device__ int64_t offset(Cell cell) const {
    int64_t offset = 0;
#pragma unroll
    for (int axis = kMostProductAxes - 1; axis >= 0; --axis)
      if (axis < axes) {
        const auto of_axis = static_cast<Cell>(size[axis]);
        offset += cell % of_axis * step[axis];
        cell /= of_axis;
      }
    return offset;
  }
  bool are_fours() const {
    for (int axis = 0; axis < axes; ++axis)
      if (step[axis] % 4 != 0) return false;
    return true;
  }
};

// A matrix for each cell of the kept axes; its terms are `terms` for each cell of the summed ones.
struct Matrices {
  struct Row {
    const float* data;
  };
  using Term = int;
  const float* data;
  int64_t row_step, term_step;
  int terms;
  Steps kept, summed;
  bool near;

  Matrices(const float* data, int64_t row_step, int64_t term_step, int64_t terms, const Steps& kept,
           const Steps& summed)
      : data(data),
        row_step(row_step),
        term_step(term_step),
        terms(static_cast<int>(terms)),
        kept(kept),
        summed(summed),
        near(row_step == 1) {}

  __device__ Row row(int64_t cell, int64_t i) const { return {data + kept.offset(cell) + i * row_step}; }
  __device__ Term term(int64_t k) const { return static_cast<Term>(k); }
  __device__ void advance(Term& at, int by) const { at += by; }
  __device__ const float* at(const Row& row, Term at) const {
    if (summed.axes == 0) return row.data + at * term_step;
    return row.data + summed.offset(at / terms) + at % terms * term_step;
  }

  // Whether four are side by side in the way, and all fours that the product reads begin at 16 bytes.
  bool comes(Access access, int64_t rows) const {
    const bool by_rows = access == Access::by_rows;
    const int64_t inside = by_rows ? row_step : term_step, outside = by_rows ? term_step : row_step;
    return inside == 1 && outside % 4 == 0 && (by_rows ? rows : terms) % 4 == 0 && kept.are_fours() &&
           summed.are_fours() && begins_at_16(data);
  }
};

struct ToMatrices {
  Product p;
  Steps kept;
  bool near = false;
  __device__ int64_t row(int64_t cell, int64_t i) const { return kept.offset(cell) + i * p.dst_row; }
  __device__ void give(int64_t row, int, int64_t column, float sum) const {
    if (p.bias) sum += p.bias[column];
    p.dst[row + column] = activated(p.activation, sum);
  }
};

int64_t cells_of(const ProductAxes& axes) {
  int64_t cells = 1;
  for (int axis = 0; axis < axes.axes; ++axis) cells *= axes.size[axis];
  return cells;
}

ProductSize size_of(const Product& p, const ProductAxes& kept, const ProductAxes& summed) {
  return {p.m, p.n, p.k * cells_of(summed), cells_of(kept)};
}

}  // namespace

int64_t multiply_scratch(const Product& p, const ProductAxes& kept, const ProductAxes& summed) {
  return product_scratch(size_of(p, kept, summed));
}

void multiply(cudaStream_t stream, const Product& p, const ProductAxes& kept, const ProductAxes& summed,
              float* scratch) {
  const Matrices a(p.a, p.a_row, p.a_col, p.k, {kept, kept.a}, {summed, summed.a});
  const Matrices b(p.b, p.b_col, p.b_row, p.k, {kept, kept.b}, {summed, summed.b});
  const ToMatrices to{p, {kept, kept.dst}};
  const ProductSize size = size_of(p, kept, summed);
  const bool a_by_terms = a.comes(Access::by_terms, p.m), a_by_rows = a.comes(Access::by_rows, p.m);
  const bool b_by_terms = b.comes(Access::by_terms, p.n), b_by_rows = b.comes(Access::by_rows, p.n);
  if (a_by_terms && b_by_rows)
    product<Access::by_terms, Access::by_rows>(stream, p.arithmetic, a, b, to, size, scratch);
  else if (a_by_terms && b_by_terms)
    product<Access::by_terms, Access::by_terms>(stream, p.arithmetic, a, b, to, size, scratch);
  else if (a_by_rows && b_by_rows)
    product<Access::by_rows, Access::by_rows>(stream, p.arithmetic, a, b, to, size, scratch);
  else  // both turned, too: nobody asks for it often
    product<Access::singly, Access::singly>(stream, p.arithmetic, a, b, to, size, scratch);
}

}  // namespace cnnfast::cuda
