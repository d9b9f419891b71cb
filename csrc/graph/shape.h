// Shapes as the user sees them: (batch, axes...), or (axes...) of what is one for the whole batch.
#pragma once
#include <string>

#include "cnnfast/graph.h"

namespace cnnfast {

constexpr int64_t kBatchAxis = 0;  // in the place of the batch's size

// The batch's axis included where the value has one.
inline Dims sizes_of(const Node& node) {
  Dims sizes = node.dims;
  if (node.rows > 0) sizes.insert(sizes.begin(), kBatchAxis);
  return sizes;
}

std::string shape_of(const Node& node);  // "(None, 3)"

}  // namespace cnnfast
