// Ops that make images of what lies between cells: resize, sample.
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/resize.h"

namespace cnnfast::cuda {

namespace {

// What is made for a program and stays as it is.
template <class T>
std::shared_ptr<const Memory> there(const std::vector<T>& values) {
  auto memory = std::make_shared<const Memory>(sizeof(T) * values.size());
  copy_to_device(memory->data(), values.data(), memory->size());
  return memory;
}

// ---- Resize -----------------------------------------------------------------------------------------------

void lower_blend(Builder& b, const Node& node, const char* direction, const Resized& resized, Buffer from,
                 Buffer to) {
  const auto& [blending, size] = resized;
  const auto axis = static_cast<size_t>(node.as<ResizeAttrs>()->axis);
  Blended blended{nullptr, nullptr, b.rows(node), size, static_cast<int64_t>(blending.cells.size()), 1};
  for (size_t i = 0; i < node.dims.size(); ++i)
    if (i != axis) (i < axis ? blended.outer : blended.inner) *= node.dims[i];
  launch(b, node, direction, {from, to},
         [=, cells = there(blending.cells), weights = there(blending.weights)](const Context& c) {
           Blended by = blended;
           by.cells = static_cast<const BlendedCell*>(cells->data());
           by.weights = static_cast<const float*>(weights->data());
           blend(stream_of(c), by, c.at(from), c.at(to));
         });
}

void resize_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  lower_blend(b, node, "forward", resized(b, node), b.output(node.inputs[0]), b.output(value));
}

void resize_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  lower_blend(b, node, "backward", resized_back(b, node), grad, b.new_grad(node.inputs[0]));
}

// ---- Sample -----------------------------------------------------------------------------------------------

Border border_of(Beyond beyond) {
  switch (beyond) {
    case Beyond::constant:
      return Border::constant;
    case Beyond::nearest:
      return Border::nearest;
    case Beyond::reflect:
      return Border::reflect;
    case Beyond::mirror:
      return Border::mirror;
    case Beyond::wrap:
      break;
  }
  return Border::wrap;
}

Sampled sampled_of(const Builder& b, const Node& node) {
  const auto& attrs = *node.as<SampleAttrs>();
  const Node &src = b.source(node, 0), &at = b.source(node, 1);
  Sampled s{};
  s.nearest = attrs.how.interpolation == Interpolation::nearest;
  s.border = border_of(attrs.how.beyond), s.fill = attrs.how.fill;
  s.axes = static_cast<int>(at.dims.back());
  const bool first = attrs.channels_first;
  for (int i = 0; i < s.axes; ++i) s.sizes[i] = src.dims[static_cast<size_t>(i) + first];
  s.rows = b.rows(node), s.places = at.elems() / s.axes;
  s.channels = first ? src.dims.front() : src.dims.back(), s.cells = src.elems() / s.channels;
  s.cell = first ? 1 : s.channels, s.channel = first ? s.cells : 1;
  s.place = first ? 1 : s.channels, s.place_channel = first ? s.places : 1;
  s.src_row = src.rows > 0 ? src.elems() : 0, s.at_row = at.rows > 0 ? at.elems() : 0;
  return s;
}

void sample_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer from = b.output(node.inputs[0]), at = b.output(node.inputs[1]), to = b.output(value);
  launch(b, node, "forward", {from, at, to}, [=, s = sampled_of(b, node)](const Context& c) {
    sample(stream_of(c), s, c.at(from), c.at(at), c.at(to));
  });
}

void sample_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Sampled s = sampled_of(b, node);
  const Buffer grad = b.grad(value), from = b.output(node.inputs[0]), at = b.output(node.inputs[1]);
  if (b.needs_grad(node.inputs[0])) {
    const Buffer to = b.new_grad(node.inputs[0]), scratch = b.buffer(sample_scratch(s));
    launch(b, node, "backward", {grad, at, scratch, to}, [=](const Context& c) {
      sample_grad(stream_of(c), s, c.at(grad), c.at(at), c.at(scratch), c.at(to));
    });
  }
  if (!b.needs_grad(node.inputs[1])) return;
  const Buffer to = b.new_grad(node.inputs[1]);
  launch(b, node, "backward places", {from, at, grad, to}, [=](const Context& c) {
    sample_grad_places(stream_of(c), s, c.at(from), c.at(grad), c.at(at), c.at(to));
  });
}

}  // namespace

const Op kResize{"resize", resize_forward, resize_backward};
const Op kSample{"sample", sample_forward, sample_backward};

}  // namespace cnnfast::cuda
