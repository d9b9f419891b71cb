// Tasks of values whose vectors along the last axis are worked on one by one.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

struct VectorTasks {
  int64_t rows, cols, some;  // `some` rows of vectors are one task
  VectorTasks(int64_t rows, int64_t cols)
      : rows(rows), cols(cols), some(std::clamp<int64_t>(kFlatTask / cols, 1, 64)) {}
  int64_t count() const { return ceil_div(rows, some); }
  int64_t begin(int64_t task) const { return task * some; }
  int64_t size(int64_t task) const { return std::min(some, rows - begin(task)); }
};

// All vectors of the node's output.
inline VectorTasks vector_tasks(const Node& node, int n) {
  const int64_t cols = node.dims.back();
  return {rows_of(node, n) * (node.elems() / cols), cols};
}

}  // namespace cnnfast
