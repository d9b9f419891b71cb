// Maximum and average pooling on 16-lane tensors, one plane a task.
#include "ops/pool.h"

#include "ops/op.h"

namespace cnnfast {

namespace {

// Positions in windows of more cells do not fit a byte.
constexpr int64_t kByteCells = 256;

Image source_image(const Builder& b, const Node& node) {
  Node read = b.source(node);
  read.format = node.format;
  return read.image();
}

// The index of one plane, in bytes or words; the other is null.
template <class Index, class Wide>
void set_index(const Context& c, Buffer index, bool wide, int64_t at, Index** narrow, Wide** words) {
  *narrow = index && !wide ? c.as<uint8_t>(index) + at : nullptr;
  *words = index && wide ? c.as<uint32_t>(index) + at : nullptr;
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const PoolAttrs& attrs = *node.as<PoolAttrs>();
  const Image in = source_image(b, node), out = node.image();
  Pool shape{};
  shape.geometry = pool_geometry(attrs, in, out);
  shape.planes = 1, shape.activation = node.activation;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  std::vector<Buffer> uses{from, to};
  const bool wide = attrs.cells() > kByteCells;
  Buffer index;
  if (attrs.maximum && b.differentiates()) {
    const int64_t floats = floats_of(node, b.n);
    index = b.saved(value, "index") = b.buffer(wide ? floats : ceil_div(floats, 4));
    uses.push_back(index);
  }
  const int64_t in_plane = in.pixels() * kLanes, out_plane = out.pixels() * kLanes;
  const auto pool = attrs.maximum ? b.k.max_pool : b.k.average_pool;
  b.step(node, "forward", planes_of(node, b.n), uses, [=](const Context& c, int64_t plane) {
    Pool one = shape;
    one.src = c.at(from) + plane * in_plane;
    one.dst = c.at(to) + plane * out_plane;
    set_index(c, index, wide, plane * out_plane, &one.index, &one.wide_index);
    pool(one);
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const PoolAttrs& attrs = *node.as<PoolAttrs>();
  const Image in = source_image(b, node), out = node.image();
  PoolGrad shape{};
  shape.geometry = pool_geometry(attrs, in, out);
  shape.planes = 1;
  const Buffer grad_out = b.grad_before_activation(value), grad_src = b.new_grad(node.inputs[0]);
  const Buffer index = b.saved(value, "index");
  std::vector<Buffer> uses{grad_out, grad_src};
  if (index) uses.push_back(index);
  const bool wide = attrs.cells() > kByteCells;
  const int64_t in_plane = in.pixels() * kLanes, out_plane = out.pixels() * kLanes;
  const auto pool_grad = attrs.maximum ? b.k.max_pool_grad : b.k.average_pool_grad;
  b.step(node, "backward", planes_of(node, b.n), uses, [=](const Context& c, int64_t plane) {
    PoolGrad one = shape;
    one.grad_dst = c.at(grad_out) + plane * out_plane;
    one.grad_src = c.at(grad_src) + plane * in_plane;
    set_index(c, index, wide, plane * out_plane, &one.index, &one.wide_index);
    pool_grad(one);
  });
}

}  // namespace

PoolGeometry pool_geometry(const PoolAttrs& a, const Image& in, const Image& out) {
  const Padding& p = a.padding;
  const bool adaptive = a.adaptive();
  return {{in.d, out.d, a.window.d, a.stride.d, a.dilation.d, p.front, p.back, adaptive},
          {in.h, out.h, a.window.h, a.stride.h, a.dilation.h, p.top, p.bottom, adaptive},
          {in.w, out.w, a.window.w, a.stride.w, a.dilation.w, p.left, p.right, adaptive},
          a.count_padding};
}

const Op kPoolOp{"pool", forward, backward};

}  // namespace cnnfast
