// Which cells of its source a node takes, as axes that source and indices step along.
#pragma once
#include <vector>

#include "graph/builder.h"

namespace cnnfast {

// An axis of the output, and how far source and indices step along it.
struct GatherAxis {
  int64_t size, src, index;
};

// The first axis is that of rows of the source, the last one is a line.
struct Gather {
  std::vector<GatherAxis> axes;
  int64_t cells, step;  // of the axis that indices tell
  const GatherAxis& line() const { return axes.back(); }
  int64_t lines() const {  // of one row
    int64_t all = 1;
    for (size_t i = 1; i + 1 < axes.size(); ++i) all *= axes[i].size;
    return all;
  }
};

Gather gather_of(const Builder& b, const Node& node);

}  // namespace cnnfast
