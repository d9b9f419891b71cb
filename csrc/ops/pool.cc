// Maximum and average pooling on 16-lane tensors, one plane a task.
#include "ops/op.h"

namespace cnnfast {

namespace {

template <class Args>
Args geometry(const PoolAttrs& a, const Image& in, const Image& out) {
  Args g{};
  g.planes = 1;
  g.ih = in.h, g.iw = in.w, g.oh = out.h, g.ow = out.w;
  g.kh = a.window.h, g.kw = a.window.w, g.stride_h = a.stride.h, g.stride_w = a.stride.w;
  g.pad_top = a.padding.top, g.pad_left = a.padding.left;
  g.pad_bottom = a.padding.bottom, g.pad_right = a.padding.right;
  g.count_padding = a.count_padding;
  return g;
}

Image source_image(const Builder& b, const Node& node) {
  Node read = b.source(node);
  read.format = node.format;
  return read.image();
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const PoolAttrs& attrs = *node.as<PoolAttrs>();
  const Image in = source_image(b, node), out = node.image();
  Pool g = geometry<Pool>(attrs, in, out);
  g.activation = node.activation;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  std::vector<Buffer> uses{from, to};
  Buffer index;
  if (attrs.maximum && b.differentiates()) {
    index = b.saved(value, "index") = b.buffer(ceil_div(floats_of(node, b.n), 4));
    uses.push_back(index);
  }
  const int64_t in_plane = in.pixels() * kLanes, out_plane = out.pixels() * kLanes;
  const auto pool = attrs.maximum ? b.k.max_pool : b.k.average_pool;
  b.step(node, "forward", planes_of(node, b.n), uses, [=](const Context& c, int64_t plane) {
    Pool one = g;
    one.src = c.at(from) + plane * in_plane;
    one.dst = c.at(to) + plane * out_plane;
    one.index = index ? c.as<uint8_t>(index) + plane * out_plane : nullptr;
    pool(one);
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const PoolAttrs& attrs = *node.as<PoolAttrs>();
  const Image in = source_image(b, node), out = node.image();
  const PoolGrad g = geometry<PoolGrad>(attrs, in, out);
  const Buffer grad_out = b.grad_before_activation(value), grad_src = b.new_grad(node.inputs[0]);
  const Buffer index = b.saved(value, "index");
  std::vector<Buffer> uses{grad_out, grad_src};
  if (index) uses.push_back(index);
  const int64_t in_plane = in.pixels() * kLanes, out_plane = out.pixels() * kLanes;
  const auto pool_grad = attrs.maximum ? b.k.max_pool_grad : b.k.average_pool_grad;
  b.step(node, "backward", planes_of(node, b.n), uses, [=](const Context& c, int64_t plane) {
    PoolGrad one = g;
    one.grad_dst = c.at(grad_out) + plane * out_plane;
    one.index = index ? c.as<uint8_t>(index) + plane * out_plane : nullptr;
    one.grad_src = c.at(grad_src) + plane * in_plane;
    pool_grad(one);
  });
}

}  // namespace

const Op kPoolOp{"pool2d", forward, backward};

}  // namespace cnnfast
