// The shape rules of axes in other sizes and of images read anywhere.
#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "core/sizes.h"
#include "graph/shape.h"

namespace cnnfast {

int Graph::resize(int src, int axis, int64_t size, const Resizing& how, const std::string& name) {
  const Node& from = node(src);
  if (axis < 0 || static_cast<size_t>(axis) >= from.dims.size())
    fail(name, ": one row of shape ", to_string(from.dims), " has no axis ", axis, " to resize.");
  if (size < 1) fail(name, ": an axis must have at least 1 cell, got the size ", size, ".");
  Node made{.name = name,
            .attrs = ResizeAttrs{axis, how},
            .inputs = {src},
            .dims = from.dims,
            .rows = from.rows,
            .format = from.format,
            .decider = from.decider};
  int64_t& cells = made.dims[static_cast<size_t>(axis)];
  checked_size(cells, kMostTaps, name, ": the axis to resize");
  checked_size(size, kMostTaps, name, ": the size of the resized axis");
  if (!(how.step >= 0 && static_cast<double>(size) * how.step <= static_cast<double>(cells) + 0.5))
    fail(name, ": ", size, " cells that stand for ", how.step, " each must lie within the ", cells,
         " there are.");
  cells = size;
  return push(std::move(made));
}

int Graph::sample(int src, int at, const Sampling& how, DataFormat format, const std::string& name) {
  const Node &from = node(src), &places = node(at);
  const size_t axes = from.dims.size() - 1;
  if (from.dims.size() < 2 || axes > 3)
    fail(name, ": images of one to three axes and channels are needed, got ", shape_of(from), ".");
  if (places.dims.empty() || static_cast<size_t>(places.dims.back()) != axes)
    fail(name, ": places must have a number for each of ", axes, " axes along their last axis, got ",
         shape_of(places), ".");
  if (places.rows != from.rows && (places.rows != 0 || from.rows == 0))
    fail(name, ": places of shape ", shape_of(places), " in images of shape ", shape_of(from),
         ": each image needs its own places, or all of them the same. Repeat a single image.");
  if (how.interpolation != Interpolation::nearest && how.interpolation != Interpolation::linear)
    fail(name, ": images are read linearly or at the nearest cell. Use one of these.");
  const bool first = format == DataFormat::channels_first;
  Dims dims(places.dims.begin(), places.dims.end() - 1);
  dims.insert(first ? dims.begin() : dims.end(), first ? from.dims.front() : from.dims.back());
  return push({.name = name,
               .attrs = SampleAttrs{how, first},
               .inputs = {src, at},
               .dims = std::move(dims),
               .rows = from.rows,
               .format = format,
               .decider = static_cast<int>(nodes_.size())});
}

}  // namespace cnnfast
