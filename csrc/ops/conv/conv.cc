// The convolution op: what its algorithms share.
#include "ops/conv/conv.h"

#include "core/sizes.h"
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
  const int64_t planes = planes_of(node, b.n);
  const Buffer full = b.buffer(planes * p.out.pixels() * kLanes), index = b.saved(value, "pool_index");
  PoolGrad g{};
  g.planes = 1;
  g.geometry.h = halved_axis(p.out.h);
  g.geometry.w = halved_axis(p.out.w);
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
  const ConvAttrs& a = *node.as<ConvAttrs>();
  const ConvAlgorithm& algorithm = algorithm_of(node);
  const ConvProblem p = conv_problem(b.source(node), node, b.n);
  ConvPass pass{"forward", b.output(node.inputs[0]), b.output(value), b.place(node.params[0])};
  pass.activation = node.activation;
  if (a.use_bias) pass.bias = b.place(node.params[1]);
  if (a.norm) fold_norm(b, node, p, pass);
  if (node.inputs.size() > 1) pass.residual = b.output(node.inputs[1]);
  pass.pool = a.pool;
  if (p.pools() && b.differentiates())
    pass.pool_index = b.saved(value, "pool_index") = b.buffer(ceil_div(floats_of(node, b.n), 4));
  (a.transposed ? algorithm.backward_data : algorithm.forward)(b, value, p, pass);
}

// The bias of a transposed convolution: sums over the pixels of each plane, then over planes (and lanes).
void backward_bias(Builder& b, int value, Buffer grad_out) {
  const Node& node = b.node(value);
  const Image image = node.image();
  const int64_t planes = planes_of(node, b.n), pixels = image.pixels(), per_batch = planes / image.c;
  const int64_t blocks = ceil_div(image.c, kLanes);
  const ParamPlace to = b.place(node.params[1]);
  const Buffer sums = b.buffer(planes * kLanes);
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "backward bias", planes, {grad_out, sums}, [=](const Context& c, int64_t plane) {
    sum_rows(c.at(grad_out) + plane * pixels * kLanes, pixels, kLanes, c.at(sums) + plane * kLanes, kLanes);
  });
  if (node.layout == Layout::blocked) {
    const int64_t n = b.rows(node);
    b.step(node, "sum bias gradients", blocks, {sums}, [=](const Context& c, int64_t block) {
      float sum[kLanes];
      sum_rows(c.at(sums) + block * kLanes, n, blocks * kLanes, sum, kLanes);
      std::copy_n(sum, std::min<int64_t>(kLanes, image.c - block * kLanes), c.grad(to) + block * kLanes);
    });
    return;
  }
  b.step(node, "sum bias gradients", image.c, {sums}, [=](const Context& c, int64_t channel) {
    float sum[kLanes];
    sum_rows(c.at(sums) + channel * kLanes, per_batch, image.c * kLanes, sum, kLanes);
    sum_rows(sum, kLanes, 1, c.grad(to) + channel, 1);
  });
}

void backward_parameters(Builder& b, int value, const ConvAlgorithm& algorithm, const ConvProblem& p,
                         Buffer grad_out) {
  const Node& node = b.node(value);
  const Buffer src = b.output(node.inputs[0]);
  if (!p.a.transposed) return algorithm.backward_weights(b, value, p, src, grad_out);
  algorithm.backward_weights(b, value, p, grad_out, src);
  if (node.as<ConvAttrs>()->use_bias) backward_bias(b, value, grad_out);
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ConvProblem p = conv_problem(b.source(node), node, b.n);
  const Buffer grad_out = b.grad_before_activation(value);
  if (node.inputs.size() > 1 && b.needs_grad(node.inputs[1])) b.share_grad(node.inputs[1], grad_out);
  bool weights = false;
  for (const int position : node.params) weights = weights || b.trainable(position);
  Buffer unpooled = p.pools() ? Buffer{} : grad_out;
  const auto full = [&] { return unpooled ? unpooled : unpooled = unpool(b, value, p, grad_out); };
  const ConvAlgorithm& by = *find_conv_algorithm(p.a.weights_algorithm);
  if (weights) backward_parameters(b, value, by, p, by.unpools ? grad_out : full());
  if (!b.needs_grad(node.inputs[0])) return;
  const ConvAlgorithm& algorithm = algorithm_of(node);
  ConvPass pass{"backward data", full(), {}, b.place(node.params[0])};
  if (algorithm.adds_residual) pass.residual = b.take_share(node.inputs[0]);
  pass.to = b.new_grad(node.inputs[0]);
  (p.a.transposed ? algorithm.forward : algorithm.backward_data)(b, value, p, pass);
}

}  // namespace

const Op kConvOp{"conv2d", forward, backward};

ConvProblem conv_problem(const Node& src, const Node& conv, int n) {
  Node read = src;
  read.format = conv.format;
  ConvProblem p{read.image(), conv.image(), *conv.as<ConvAttrs>(), rows_of(conv, n)};
  if (p.a.transposed) {
    std::swap(p.in, p.out);
    p.a.use_bias = false;
  }
  if (p.pools()) {  // undo the pooling: the output the convolution itself has
    const auto size = [](int padded, int kernel, int stride, int dilation) {
      return (padded - (kernel - 1) * dilation - 1) / stride + 1;
    };
    const Padding& pad = p.a.padding;
    p.out.h = size(pad.top + p.in.h + pad.bottom, p.a.kernel.h, p.a.stride.h, p.a.dilation.h);
    p.out.w = size(pad.left + p.in.w + pad.right, p.a.kernel.w, p.a.stride.w, p.a.dilation.w);
  }
  return p;
}

bool ConvProblem::counts_taps(int channels) const {
  return product(count_taps(axes()), channels) <= kMostTaps;
}

std::string to_string(const ConvProblem& p) {
  const auto spatial = [](const Spatial& s) { return to_string(Dims{s.d, s.h, s.w}); };
  const Padding& pad = p.a.padding;
  std::string text = to_string(p.precision);
  text += p.training ? ", training, batch " : ", inference, batch ";
  text += std::to_string(p.n);
  text += ", channels, depth, height and width " + to_string(Dims{p.in.c, p.in.d, p.in.h, p.in.w});
  text += " to " + to_string(Dims{p.out.c, p.out.d, p.out.h, p.out.w});
  text += ", kernel " + spatial(p.a.kernel) + ", strides " + spatial(p.a.stride);
  text += ", padding " + to_string(Dims{pad.front, pad.back, pad.top, pad.bottom, pad.left, pad.right});
  text += ", dilation " + spatial(p.a.dilation);
  text += ", groups " + std::to_string(p.a.groups);
  text += p.a.transposed ? ", transposed" : "";
  return text;
}

int64_t partial_sums(int64_t units, int64_t floats) {
  constexpr int64_t kMost = 16;                  // enough tasks for any machine that one batch can feed
  constexpr int64_t kFloats = int64_t{1} << 22;  // 16 MB of partial sums at most
  return std::max<int64_t>(1, std::min({units, kMost, kFloats / std::max<int64_t>(1, floats)}));
}

}  // namespace cnnfast
