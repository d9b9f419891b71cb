// The shape rules of what is told by indices, and of what makes such.
#include <algorithm>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "core/sizes.h"
#include "graph/checks.h"
#include "graph/shape.h"
#include "ops/cells.h"

namespace cnnfast {

namespace {

void check_axis(const std::string& name, const Node& src, int axis) {
  if (axis < 0 || static_cast<size_t>(axis) >= src.dims.size())
    fail(name, ": one row of shape ", to_string(src.dims), " has no axis ", axis, ".");
  checked_size(src.dims[static_cast<size_t>(axis)], kMostCells, name, ": cells that indices tell");
}

void check_constant(const Node& src, int axis, const Node& indices) {
  if (const auto* constant = indices.as<ConstantAttrs>())
    for (const float index : *constant->values) check_index(index, src.dims[static_cast<size_t>(axis)]);
}

}  // namespace

int Graph::gather(int src, int indices, int axis, const std::string& name) {
  const Node &from = node(src), &index = node(indices);
  check_axis(name, from, axis);
  check_constant(from, axis, index);
  if (index.rows > 0 && (from.rows > 0 || axis > 0))
    fail(name, ": indices of shape ", shape_of(index), " into ", shape_of(from), " would bring ",
         from.rows > 0 ? "a second axis of the batch" : "the batch's axis behind others",
         ". Take along the axis (take_along_axis), for each sample its own.");
  Dims dims(from.dims.begin(), from.dims.begin() + axis);
  dims.insert(dims.end(), index.dims.begin(), index.dims.end());
  dims.insert(dims.end(), from.dims.begin() + axis + 1, from.dims.end());
  return push({.name = name,
               .attrs = GatherAttrs{axis, false},
               .inputs = {src, indices},
               .dims = std::move(dims),
               .rows = std::max(from.rows, index.rows)});
}

int Graph::gather_along(int src, int indices, int axis, const std::string& name) {
  const Node &from = node(src), &index = node(indices);
  check_axis(name, from, axis);
  check_constant(from, axis, index);
  const Dims cells = sizes_of(from), told = sizes_of(index);
  const auto at = static_cast<size_t>(axis) + (from.rows > 0 ? 1 : 0);
  bool fits = cells.size() == told.size() && told[at] != kBatchAxis &&
              (from.rows == 0 || index.rows == 0 || from.rows == index.rows);
  Dims dims;
  for (size_t i = 0; fits && i < cells.size(); ++i) {
    fits = i == at || cells[i] == told[i] || cells[i] == 1 || told[i] == 1;
    dims.push_back(i == at || cells[i] == 1 ? told[i] : cells[i]);
  }
  if (!fits)
    fail(name, ": indices of shape ", shape_of(index), " into ", shape_of(from), " along axis ", at,
         ": both need as many axes, which must be equal or 1 in one of them except along this one, and the "
         "batch's axis must meet the batch's or 1.");
  if (from.rows > 0 || index.rows > 0) dims.erase(dims.begin());
  return push({.name = name,
               .attrs = GatherAttrs{axis, true},
               .inputs = {src, indices},
               .dims = std::move(dims),
               .rows = std::max(from.rows, index.rows)});
}

int Graph::order(int src, int count, bool descending, const std::string& name) {
  const Node& from = node(src);
  check_axis(name, from, static_cast<int>(from.dims.size()) - 1);
  Dims dims = from.dims;
  if (count < 1 || count > dims.back())
    fail(name, ": the last axis has ", dims.back(), " numbers, of which 1 to all can be asked for; got ",
         count, ".");
  dims.back() = count;
  return push({.name = name,
               .attrs = OrderAttrs{descending},
               .inputs = {src},
               .dims = std::move(dims),
               .rows = from.rows});
}

}  // namespace cnnfast
