// Positions in sorted rows: a word of its own, and how gradients that meet in one cell are added up in the
// order of those who give them, without atomics. The cells that givers name are sorted by position; who owns
// a cell then finds its givers side by side.
//
// Runs of a few numbers are sorted by counting, then pairs of runs become longer ones, a number a thread:
// each finds its place by how many of the other run come before it, so that nothing depends on who is first.
// What comes before is told by before(row of keys, position i, position j), a total order.
#pragma once
#include "cuda/kernels/kernels.h"
#include "cuda/launch.h"

namespace cnnfast::cuda {

// int32 that sorted_positions takes as scratch, 4 bytes as a float.
inline int64_t sorting_scratch(int64_t rows, int64_t cols) {
  return 2 * rows * cols;
}

constexpr int64_t kRun = 32;  // sorted by counting

// How many of a sorted run come before a key: is_before(position) tells.
template <class IsBefore>
__device__ int64_t count_before(const int32_t* run, int64_t size, const IsBefore& is_before) {
  int64_t low = 0, high = size;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (is_before(run[middle]))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

template <class Key, class Before>
void sort_runs(cudaStream_t stream, const Key* keys, int64_t rows, int64_t cols, Before before, int32_t* to) {
  each(stream, rows * cols, [=] __device__(int64_t at) {
    const int64_t i = at % cols, first = at - i, begin = i / kRun * kRun;
    const int64_t end = begin + kRun < cols ? begin + kRun : cols;
    int64_t place = begin;
    for (int64_t j = begin; j < end; ++j)
      place += before(keys + first, static_cast<int32_t>(j), static_cast<int32_t>(i));
    to[first + place] = static_cast<int32_t>(i);
  });
}

// Runs of `size` to runs of twice that.
template <class Key, class Before>
void merge_runs(cudaStream_t stream, const Key* keys, int64_t rows, int64_t cols, int64_t size, Before before,
                const int32_t* from, int32_t* to) {
  each(stream, rows * cols, [=] __device__(int64_t at) {
    const int64_t i = at % cols, first = at - i, pair = i / (2 * size) * (2 * size), middle = pair + size;
    const int64_t end = pair + 2 * size < cols ? pair + 2 * size : cols;
    const bool is_left = i < middle;
    const int64_t other = is_left ? middle : pair;
    const int64_t size_of_other = is_left ? (end > middle ? end - middle : 0) : size;
    const int32_t own = from[at];
    const int64_t others = count_before(from + first + other, size_of_other, [&](int32_t position) {
      return before(keys + first, position, own);
    });
    to[first + (is_left ? i : i - size) + others] = own;
  });
}

// The positions [0, cols) of each row's keys, in order, somewhere in the scratch. At most 2^31 - 1 columns.
template <class Key, class Before>
const int32_t* sorted_positions(cudaStream_t stream, const Key* keys, int64_t rows, int64_t cols,
                                Before before, int32_t* scratch) {
  int32_t *from = scratch, *to = scratch + rows * cols;
  sort_runs(stream, keys, rows, cols, before, from);
  for (int64_t size = kRun; size < cols; size *= 2) {
    merge_runs(stream, keys, rows, cols, size, before, from, to);
    int32_t* const sorted = to;
    to = from, from = sorted;
  }
  return from;
}

// ---- Who names a cell ----

// Rows of the cells that givers name, below 0 for none, and the givers in the order of these.
struct Givers {
  const int32_t *cells, *sorted;
  int64_t cols;
};

// `scratch` beside the cells: sorting_scratch.
inline Givers sorted_givers(cudaStream_t stream, const int32_t* cells, int64_t rows, int64_t cols,
                            int32_t* scratch) {
  const auto before = [] __device__(const int32_t* row, int32_t i, int32_t j) {
    return row[i] < row[j] || (row[i] == row[j] && i < j);
  };
  return {cells, sorted_positions(stream, cells, rows, cols, before, scratch), cols};
}

// The sum of term(giver) over all givers of a row that name the cell, in their order.
template <class Term>
__device__ float sum_of_givers(const Givers& givers, int64_t row, int32_t cell, const Term& term) {
  const int32_t* const cells = givers.cells + row * givers.cols;
  const int32_t* const sorted = givers.sorted + row * givers.cols;
  int64_t k = count_before(sorted, givers.cols, [&](int32_t giver) { return cells[giver] < cell; });
  float sum = 0;
  for (; k < givers.cols && cells[sorted[k]] == cell; ++k) sum += term(sorted[k]);
  return sum;
}

}  // namespace cnnfast::cuda
