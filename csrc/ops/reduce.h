// What reductions of the CPU and of devices know of a node.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

// The source as [outer][length][inner].
struct ReduceCut {
  int64_t outer = 1, length = 1, inner = 1;
};
ReduceCut reduce_cut(const Builder& b, const Node& node);
float reduce_factor(const Node& node, const ReduceCut& cut);  // of the sum

}  // namespace cnnfast
