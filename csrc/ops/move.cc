// Moves: boxes of cells copied from other values, in the user's order or, where whole lanes move, in 16-lane
// layouts. Backward the cells go back, and those that were read several times add up.
#include "ops/move.h"

#include <algorithm>

#include "ops/op.h"

namespace cnnfast {

namespace {

size_t channel_axis(const Node& node) {
  return node.format == DataFormat::channels_first ? 0 : node.dims.size() - 1;
}

// How a value lies: a unit is a row, or a block of sixteen rows where these are lanes.
struct Place {
  Dims steps;  // floats from cell to cell along each axis; along channels in blocks, from block to block
  int64_t unit, lanes;
};

Place place_of(const Node& node) {
  Place place{Dims(node.dims.size()), 1, node.layout == Layout::plain ? 1 : kLanes};
  const size_t channel = node.layout == Layout::plain ? node.dims.size() : channel_axis(node);
  int64_t step = place.lanes;
  for (size_t axis = node.dims.size(); axis-- > 0;) {
    if (axis == channel) continue;
    place.steps[axis] = step;
    step *= node.dims[axis];
  }
  if (channel < node.dims.size()) {
    place.steps[channel] = step;
    step *= node.layout == Layout::blocked ? ceil_div(node.dims[channel], kLanes) : node.dims[channel];
  }
  place.unit = step;
  return place;
}

int64_t units_of(const Node& node, int n) {
  return node.layout == Layout::lanes ? ceil_div(rows_of(node, n), kLanes) : rows_of(node, n);
}

Box box_of(const MovePiece& piece, const Node& src, const Node& dst) {
  const Place from = place_of(src), to = place_of(dst);
  const bool blocked = dst.layout == Layout::blocked;
  const size_t channel = blocked ? channel_axis(dst) : dst.dims.size();
  Box box;
  box.input = piece.input;
  for (size_t axis = 0; axis < piece.axes.size(); ++axis) {
    const MoveAxis& a = piece.axes[axis];
    const int64_t by = axis == channel ? kLanes : 1,
                  step = a.from < 0 ? 0 : from.steps[static_cast<size_t>(a.from)];
    box.axes.push_back({ceil_div(a.count, by), a.src_step * step, a.step * to.steps[axis]});
    box.src += a.src_begin / by * step;
    box.dst += a.begin / by * to.steps[axis];
  }
  box.axes.push_back({to.lanes, 1, 1});
  std::stable_sort(box.axes.begin(), box.axes.end(),
                   [](const StridedAxis& a, const StridedAxis& b) { return a.dst > b.dst; });
  box.axes = joined(box.axes);
  return box;
}

// Boxes as tasks of one unit: large ones are cut along their first axis, small ones share a task.
std::vector<Boxes> cut(const Boxes& boxes) {
  std::vector<Boxes> tasks(1);
  int64_t floats = 0;
  for (const Box& box : boxes) {
    const int64_t size = box.axes.empty() ? 1 : box.axes[0].size;
    const int64_t parts = std::min(ceil_div(box.floats(), kFlatTask), size);
    for (int64_t part = 0; part < parts; ++part) {
      Box some = box;
      const int64_t begin = part * size / parts, end = (part + 1) * size / parts;
      if (!some.axes.empty()) {
        some.axes[0].size = end - begin;
        some.src += begin * some.axes[0].src;
        some.dst += begin * some.axes[0].dst;
      }
      if (floats > 0 && floats + some.floats() > kFlatTask) tasks.emplace_back(), floats = 0;
      floats += some.floats();
      tasks.back().push_back(std::move(some));
    }
  }
  return tasks;
}

int64_t floats_of(const Boxes& boxes) {
  int64_t all = 0;
  for (const Box& box : boxes) all += box.floats();
  return all;
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t unit = place_of(node).unit;
  const float fill = node.as<MoveAttrs>()->fill;
  Boxes boxes = boxes_of(b, node);
  const bool fills = floats_of(boxes) < unit;
  std::erase_if(boxes, [&](const Box& box) {
    return b.is_inside(node.inputs[static_cast<size_t>(box.input)], value, box.dst);
  });
  if (boxes.empty()) return;
  const std::vector<Boxes> tasks = fills ? std::vector<Boxes>{boxes} : cut(boxes);
  const Buffer to = b.output(value);
  std::vector<Buffer> from, uses{to};
  std::vector<int64_t> units;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    from.push_back(b.output(node.inputs[i]));
    units.push_back(place_of(b.source(node, static_cast<int>(i))).unit);
    uses.push_back(from.back());
  }
  const auto count = static_cast<int64_t>(tasks.size());
  b.step(node, "forward", units_of(node, b.n) * count, uses, [=](const Context& c, int64_t task) {
    const int64_t at = task / count;
    float* const dst = c.at(to) + at * unit;
    if (fills) std::fill_n(dst, unit, fill);
    for (const Box& box : tasks[static_cast<size_t>(task % count)]) {
      const auto i = static_cast<size_t>(box.input);
      copy_strided(box.axes, c.at(from[i]) + at * units[i] + box.src, dst + box.dst);
    }
  });
}

void backward_input(Builder& b, int value, int input, Buffer grad) {
  const Node& node = b.node(value);
  const Node& src = b.source(node, input);
  const int64_t unit = place_of(node).unit, src_unit = place_of(src).unit;
  Boxes boxes;
  for (const Box& box : boxes_of(b, node))
    if (box.input == input) boxes.push_back(box.turned());
  const int64_t floats = floats_of(boxes);
  // Pieces of one input reach as many cells as it has, each once; or some of them, in one piece; or some of
  // them several times.
  const bool all = floats == src_unit, once = all || (boxes.size() == 1 && floats < src_unit);
  const std::vector<Boxes> tasks = all ? cut(boxes) : std::vector<Boxes>{boxes};
  const Buffer to = b.new_grad(node.inputs[static_cast<size_t>(input)]);
  const auto count = static_cast<int64_t>(tasks.size());
  b.step(node, "backward", units_of(node, b.n) * count, {grad, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task / count;
    const float* const from = c.at(grad) + at * unit;
    float* const dst = c.at(to) + at * src_unit;
    if (!all) std::fill_n(dst, src_unit, 0.0f);
    for (const Box& box : tasks[static_cast<size_t>(task % count)])
      (once ? copy_strided : add_strided)(box.axes, from + box.src, dst + box.dst);
  });
}

void backward(Builder& b, int value) {
  const Buffer grad = b.grad(value);
  const std::vector<int>& inputs = b.node(value).inputs;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (b.needs_grad(inputs[i])) backward_input(b, value, static_cast<int>(i), grad);
}

// Whether a range of channels is of whole blocks, or of a last one that is a last one on both sides.
bool moves_blocks(const MoveAxis& a, int64_t src_channels, int64_t dst_channels) {
  if (a.step != 1 || a.src_step != 1 || a.begin % kLanes != 0 || a.src_begin % kLanes != 0) return false;
  return a.count % kLanes == 0 ||
         (a.begin + a.count == dst_channels && a.src_begin + a.count == src_channels);
}

}  // namespace

Boxes boxes_of(const Builder& b, const Node& node) {
  Boxes boxes;
  for (const MovePiece& piece : node.as<MoveAttrs>()->pieces)
    boxes.push_back(box_of(piece, b.source(node, piece.input), node));
  return boxes;
}

void place_sources(Builder& b, int value) {
  const Node& node = b.node(value);
  if (!node.as<MoveAttrs>()) return;
  const Boxes boxes = boxes_of(b, node);
  if (units_of(node, b.n) != 1 || floats_of(boxes) < place_of(node).unit) return;
  for (const Box& box : boxes) {
    const int src = node.inputs[static_cast<size_t>(box.input)];
    const bool is_run = box.axes.size() == 1 && box.axes[0].src == 1 && box.axes[0].dst == 1;
    const bool is_whole = is_run && box.src == 0 && box.axes[0].size == floats_of(b.node(src), b.n);
    const bool is_made = !b.node(src).inputs.empty();  // not what lies elsewhere: inputs and weights
    if (is_whole && is_made && box.dst % kLanes == 0) b.place_inside(src, value, box.dst);
  }
}

bool keeps_axes(const Node& move) {
  for (const MovePiece& piece : move.as<MoveAttrs>()->pieces)
    for (size_t axis = 0; axis < piece.axes.size(); ++axis)
      if (piece.axes[axis].from != static_cast<int>(axis)) return false;
  return true;
}

bool moves_in(const Node& move, const std::vector<const Node*>& sources, Layout layout) {
  if (layout == Layout::plain) return true;
  if (!move.has_channels() || !keeps_axes(move)) return false;
  if (layout == Layout::lanes) return true;
  const size_t channel = channel_axis(move);
  const MoveAttrs& attrs = *move.as<MoveAttrs>();
  for (const MovePiece& piece : attrs.pieces) {
    const Node& src = *sources[static_cast<size_t>(piece.input)];
    if (!moves_blocks(piece.axes[channel], src.dims[channel], move.dims[channel])) return false;
  }
  return attrs.fill == 0 || move.dims[channel] % kLanes == 0;  // lanes of no channel stay harmless
}

const Op kMoveOp{"move", forward, backward};

}  // namespace cnnfast
