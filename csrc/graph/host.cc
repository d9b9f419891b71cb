// Describing functions that are not the core's.
#include <algorithm>

#include "cnnfast/graph.h"
#include "core/sizes.h"

namespace cnnfast {

int Graph::host(std::shared_ptr<HostFunction> function, const std::vector<int>& srcs, const Dims& dims,
                const std::string& name) {
  if (!function || srcs.empty()) fail(name, ": a function, and at least one value for it, are needed.");
  int rows = 0;
  for (const int src : srcs) {
    const Node& from = node(src);
    if (from.rows > 1)
      fail(name, ": values must have one row a sample, or one for the batch, got ", from.rows, " rows.");
    rows = std::max(rows, from.rows);
  }
  checked_size(product(dims), kMostOfSample, name, ": the number of what one sample becomes");
  return push(
      {.name = name, .attrs = HostAttrs{std::move(function)}, .inputs = srcs, .dims = dims, .rows = rows});
}

}  // namespace cnnfast
