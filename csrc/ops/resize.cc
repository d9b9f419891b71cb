// One axis in another size, in any layout: a value seen as [outer][cells][inner]. The gradient goes back by
// the transposed weights, so nothing is scattered.
#include "ops/resize.h"

#include "ops/blending.h"
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

// A step that blends `size` cells of `from` of each outer index into those of `to`.
void blend_step(Builder& b, const Node& node, const char* direction, Blending blending, int64_t size,
                Buffer from, Buffer to) {
  const auto [outer, inner] = cut_of(node, b.n);
  const auto cells = static_cast<int64_t>(blending.cells.size());
  const int64_t some = std::clamp<int64_t>(kFlatTask / inner, 1, outer * cells);
  b.step(node, direction, ceil_div(outer * cells, some), {from, to},
         [=, inner = inner, outer = outer, blending = std::move(blending), blend = b.k.blend](
             const Context& c, int64_t task) {
           const int64_t end = std::min(outer * cells, (task + 1) * some);
           for (int64_t at = task * some; at < end;) {
             const int64_t cell = at % cells, n = std::min(cells - cell, end - at);
             blend({c.at(from) + at / cells * size * inner, c.at(to) + at * inner,
                    blending.cells.data() + cell, blending.weights.data(), inner, static_cast<int32_t>(n)});
             at += n;
           }
         });
}

Blending blending_of(const Builder& b, const Node& node) {
  const auto& attrs = *node.as<ResizeAttrs>();
  const auto axis = static_cast<size_t>(attrs.axis);
  return blending_of(attrs.how, b.source(node).dims[axis], node.dims[axis]);
}

int64_t cells_of(const Node& node, const Node& like) {
  return node.dims[static_cast<size_t>(like.as<ResizeAttrs>()->axis)];
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  blend_step(b, node, "forward", blending_of(b, node), cells_of(b.source(node), node),
             b.output(node.inputs[0]), b.output(value));
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Blending back = transposed(blending_of(b, node), cells_of(b.source(node), node));
  const Buffer grad = b.grad(value);
  blend_step(b, node, "backward", back, cells_of(node, node), grad, b.new_grad(node.inputs[0]));
}

}  // namespace

bool resizes_in(const Node& resize, Layout layout) {
  return layout == Layout::plain ||
         (resize.has_channels() &&
          static_cast<size_t>(resize.as<ResizeAttrs>()->axis) != channel_axis(resize));
}

const Op kResizeOp{"resize", forward, backward};

}  // namespace cnnfast
