// What formulas of the CPU and of devices know of a node.
#pragma once
#include <vector>

#include "graph/builder.h"

namespace cnnfast {

// Floats between neighbours of a source in the user's order along each axis of the output as the user sees
// it, rows first; 0 along those that it lacks.
std::vector<int64_t> plain_strides(const Node& out, const Node& src);
bool lies_as(const Node& out, const Node& src);
// The gradients of those inputs that need one, told from the output where no full-size input is needed then.
// Its inputs are the node's, the gradient of the output and, where there is one more, the output.
Formula backward_formula(const Builder& b, const Node& node);

}  // namespace cnnfast
