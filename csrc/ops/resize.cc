// One axis in another size, in any layout: a value seen as [outer][cells][inner]. The gradient goes back by
// the transposed weights, so nothing is scattered.
#include "ops/resize.h"

#include "ops/op.h"

namespace cnnfast {

namespace {

size_t channel_axis(const Node& node) {
  return node.format == DataFormat::channels_first ? 0 : node.dims.size() - 1;
}

struct Cut {
  int64_t outer, inner;
};

Cut cut_of(const Node& node, int n) {
  const auto axis = static_cast<size_t>(node.as<ResizeAttrs>()->axis);
  const bool plain = node.layout == Layout::plain;
  Cut cut = plain ? Cut{rows_of(node, n), 1} : Cut{planes_of(node, n), kLanes};
  for (size_t i = 0; i < node.dims.size(); ++i)
    if (i != axis && (plain || i != channel_axis(node))) (i < axis ? cut.outer : cut.inner) *= node.dims[i];
  return cut;
}

// A step that blends the cells of `from` of each outer index into those of `to`.
void blend_step(Builder& b, const Node& node, const char* direction, Resized axis, Buffer from, Buffer to) {
  const auto [outer, inner] = cut_of(node, b.n);
  const auto cells = static_cast<int64_t>(axis.blending.cells.size());
  const int64_t some = std::clamp<int64_t>(kFlatTask / inner, 1, outer * cells);
  b.step(node, direction, ceil_div(outer * cells, some), {from, to},
         [=, inner = inner, outer = outer, axis = std::move(axis), blend = b.k.blend](const Context& c,
                                                                                      int64_t task) {
           const int64_t end = std::min(outer * cells, (task + 1) * some);
           for (int64_t at = task * some; at < end;) {
             const int64_t cell = at % cells, n = std::min(cells - cell, end - at);
             blend({c.at(from) + at / cells * axis.size * inner, c.at(to) + at * inner,
                    axis.blending.cells.data() + cell, axis.blending.weights.data(), inner,
                    static_cast<int32_t>(n)});
             at += n;
           }
         });
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  blend_step(b, node, "forward", resized(b, node), b.output(node.inputs[0]), b.output(value));
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  blend_step(b, node, "backward", resized_back(b, node), grad, b.new_grad(node.inputs[0]));
}

int64_t cells_of(const Node& node, const Node& resize) {
  return node.dims[static_cast<size_t>(resize.as<ResizeAttrs>()->axis)];
}

}  // namespace

bool resizes_in(const Node& resize, Layout layout) {
  return layout == Layout::plain ||
         (resize.has_channels() &&
          static_cast<size_t>(resize.as<ResizeAttrs>()->axis) != channel_axis(resize));
}

Resized resized(const Builder& b, const Node& resize) {
  const int64_t from = cells_of(b.source(resize), resize), to = cells_of(resize, resize);
  return {blending_of(resize.as<ResizeAttrs>()->how, from, to), from};
}

Resized resized_back(const Builder& b, const Node& resize) {
  const auto [blending, from] = resized(b, resize);
  return {transposed(blending, from), cells_of(resize, resize)};
}

const Op kResizeOp{"resize", forward, backward};

}  // namespace cnnfast
