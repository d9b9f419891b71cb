// The shape rule of reductions: axes go, and the batch's with them if asked. Axes that are apart are brought
// together first.
#include <algorithm>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "core/sizes.h"

namespace cnnfast {

namespace {

// The given axes before all others if `first`, else behind them.
std::vector<int> brought_together(const std::vector<bool>& reduced, bool first) {
  std::vector<int> order(reduced.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::stable_partition(order.begin(), order.end(),
                        [&](int axis) { return reduced[static_cast<size_t>(axis)] == first; });
  return order;
}

}  // namespace

int Graph::reduce(int src, Reduction kind, const std::vector<int>& axes, bool batch,
                  const std::string& name) {
  const Dims dims = node(src).dims;
  if (batch && node(src).rows == 0)
    fail(name, ": there is one value for the whole batch, of shape ", to_string(dims),
         ", and no batch axis that could be reduced.");
  std::vector<bool> reduced(dims.size());
  for (const int axis : axes) {
    if (axis < 0 || axis >= static_cast<int>(dims.size()) || reduced[static_cast<size_t>(axis)])
      fail(name, ": the axes to reduce must be different ones of 0 to ", static_cast<int>(dims.size()) - 1,
           " of one sample, of shape ", to_string(dims), "; got ", axis, ".");
    reduced[static_cast<size_t>(axis)] = true;
  }
  const auto count = static_cast<int>(axes.size()), all = static_cast<int>(dims.size());
  int first = static_cast<int>(std::find(reduced.begin(), reduced.end(), true) - reduced.begin());
  const bool together =
      std::count(reduced.begin() + first, reduced.begin() + std::min(first + count, all), true) == count;
  if (count > 0 && (!together || (batch && first > 0))) {
    src = permute(src, brought_together(reduced, batch), name + "/permute");
    first = batch ? 0 : all - count;
  }
  Node made{.name = name,
            .attrs = ReduceAttrs{kind, batch ? -1 : first, batch ? count : first + count},
            .inputs = {src},
            .rows = batch ? 0 : node(src).rows};
  for (size_t axis = 0; axis < dims.size(); ++axis)
    if (!reduced[axis]) made.dims.push_back(dims[axis]);
  made.stops_gradient = kind == Reduction::argmax || kind == Reduction::argmin;
  return push(std::move(made));
}

}  // namespace cnnfast
