// Positions of the numbers of each vector along the last axis, sorted.
#include <cmath>

#include "ops/op.h"
#include "ops/rows.h"

namespace cnnfast {

namespace {

// Whether the number at i comes before that at j: NaN is above all, and of equals the first comes first.
struct Before {
  const float* x;
  bool descending;
  bool operator()(int32_t i, int32_t j) const {
    const float a = descending ? x[j] : x[i], b = descending ? x[i] : x[j];
    if (a < b || (std::isnan(b) && !std::isnan(a))) return true;
    if (a > b || (std::isnan(a) && !std::isnan(b))) return false;
    return i < j;
  }
};

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const bool descending = node.as<OrderAttrs>()->descending;
  const int64_t count = node.dims.back();
  const VectorTasks tasks = vector_tasks(b.source(node), b.n);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  Step& step = b.step(node, "forward", tasks.count(), {from, to}, [=](const Context& c, int64_t task) {
    auto* const positions = reinterpret_cast<int32_t*>(c.scratch);
    for (int64_t row = tasks.begin(task); row < tasks.begin(task) + tasks.size(task); ++row) {
      for (int64_t i = 0; i < tasks.cols; ++i) positions[i] = static_cast<int32_t>(i);
      std::partial_sort(positions, positions + count, positions + tasks.cols,
                        Before{c.at(from) + row * tasks.cols, descending});
      for (int64_t i = 0; i < count; ++i) c.at(to)[row * count + i] = static_cast<float>(positions[i]);
    }
  });
  step.scratch = tasks.cols;
}

void no_gradient(Builder&, int) {}

}  // namespace

const Op kOrderOp{"order", forward, no_gradient};

}  // namespace cnnfast
