// Matrix products cut into tasks, which follow from shapes alone.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

// Columns of a task begin where every ISA's tiles do.
constexpr int64_t kColumnUnit = 32;

// A product cut into rows x columns tasks.
struct Tasks {
  int64_t rows, columns;
  int64_t count() const { return rows * columns; }
};

// An even number, for two threads, unless one part is enough.
inline int64_t parts_of(int64_t n, int64_t size) {
  return n <= size / 2 ? 1 : 2 * ceil_div(n, 2 * size);
}

// The part of a product that one task computes; its operands are still to be found at m0 and n0.
struct Block {
  Gemm g;
  int64_t m0, n0;
};

inline Block block_of(const Gemm& g, const Tasks& tasks, int64_t task) {
  const int64_t row = task / tasks.columns, column = task % tasks.columns, units = ceil_div(g.n, kColumnUnit);
  const int64_t m0 = row * g.m / tasks.rows, m1 = (row + 1) * g.m / tasks.rows;
  const int64_t n0 = column * units / tasks.columns * kColumnUnit;
  const int64_t n1 = std::min<int64_t>(g.n, (column + 1) * units / tasks.columns * kColumnUnit);
  Block block{g, m0, n0};
  block.g.m = static_cast<int32_t>(m1 - m0), block.g.n = static_cast<int32_t>(n1 - n0);
  return block;
}

inline int64_t dst_floats(const Block& block) {
  return ceil_div(int64_t{block.g.m} * block.g.n, kLanes) * kLanes;
}

inline int64_t most_scratch(const Gemm& g, const Tasks& tasks, const GemmKernels& k, bool with_dst) {
  int64_t most = 0;
  for (int64_t task = 0; task < tasks.count(); ++task) {
    const Block block = block_of(g, tasks, task);
    most = std::max(most, k.scratch(block.g) + (with_dst ? dst_floats(block) : 0));
  }
  return most;
}

}  // namespace cnnfast
