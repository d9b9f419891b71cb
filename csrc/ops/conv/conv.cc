// The convolution op: what its algorithms share.
#include "ops/conv/conv.h"

#include "ops/op.h"

namespace cnnfast {

namespace {

const ConvAlgorithm& algorithm_of(const Node& conv) {
  return *find_conv_algorithm(conv.as<ConvAttrs>()->algorithm);
}

// The full-size gradient under a fused pooling: each pooled gradient goes to the winner of its window.
Buffer unpool(Builder& b, int value, const ConvProblem& p, Buffer pooled) {
  const Node& node = b.node(value);
  const Image small = node.image();
  const int planes = static_cast<int>(planes_of(node, b.n));
  const Buffer full = b.buffer(planes * p.out.pixels() * kLanes), index = b.saved(value, "pool_index");
  PoolGrad g{};
  g.planes = 1;
  g.ih = p.out.h, g.iw = p.out.w, g.oh = small.h, g.ow = small.w;
  g.kh = g.kw = g.stride_h = g.stride_w = 2;
  const int64_t full_plane = p.out.pixels() * kLanes, small_plane = small.pixels() * kLanes;
  const auto max_pool_grad = b.k.max_pool_grad;
  b.step(node, "backward pooling", planes, {pooled, index, full}, [=](const Context& c, int64_t task) {
    PoolGrad one = g;
    one.grad_dst = c.at(pooled) + task * small_plane;
    one.index = c.as<uint8_t>(index) + task * small_plane;
    one.grad_src = c.at(full) + task * full_plane;
    max_pool_grad(one);
  });
  return full;
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ConvProblem p = conv_problem(b.source(node), node, b.n);
  algorithm_of(node).forward(b, value, p);
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ConvProblem p = conv_problem(b.source(node), node, b.n);
  const Buffer grad_out = b.grad_before_activation(value);
  bool weights = false;
  for (const int position : node.params) weights = weights || b.trainable(position);
  if (weights)
    find_conv_algorithm(node.as<ConvAttrs>()->weights_algorithm)->backward_weights(b, value, p, grad_out);
  if (!b.needs_grad(node.inputs[0])) return;
  const Buffer full = p.a.pool ? unpool(b, value, p, grad_out) : grad_out;
  algorithm_of(node).backward_data(b, value, p, full);
}

}  // namespace

const Op kConvOp{"conv2d", forward, backward};

ConvProblem conv_problem(const Node& src, const Node& conv, int n) {
  Node read = src;
  read.format = conv.format;
  ConvProblem p{read.image(), conv.image(), *conv.as<ConvAttrs>(), n};
  if (p.a.pool) {  // undo the pooling: the output the convolution itself has
    const auto size = [](int in, int kernel, int stride, int dilation) {
      return (in - (kernel - 1) * dilation - 1) / stride + 1;
    };
    p.out.h = size(p.in.h, p.a.kernel.h, p.a.stride.h, p.a.dilation.h);
    p.out.w = size(p.in.w, p.a.kernel.w, p.a.stride.w, p.a.dilation.w);
  }
  return p;
}

int64_t partial_sums(int64_t units, int64_t floats) {
  constexpr int64_t kMost = 16;                  // enough tasks for any machine that one batch can feed
  constexpr int64_t kFloats = int64_t{1} << 22;  // 16 MB of partial sums at most
  return std::max<int64_t>(1, std::min({units, kMost, kFloats / std::max<int64_t>(1, floats)}));
}

}  // namespace cnnfast
