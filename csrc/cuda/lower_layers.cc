// Layers with weights, and pooling.
#include "cnnfast/error.h"
#include "cuda/images.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/batch_norm.h"
#include "ops/conv/conv.h"
#include "ops/dense_product.h"
#include "ops/matmul.h"
#include "ops/operand.h"
#include "ops/pool.h"

namespace cnnfast::cuda {

namespace {

// ---- Products of matrices ---------------------------------------------------------------------------------

// m x n sums of k terms, by the steps of a and b; dst is dense.
Product product_of(const Builder& b, int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_col,
                   int64_t b_row, int64_t b_col) {
  Product p{};
  p.m = m, p.n = n, p.k = k;
  p.a_row = a_row, p.a_col = a_col, p.b_row = b_row, p.b_col = b_col, p.dst_row = n;
  p.arithmetic = arithmetic_of(b);
  return p;
}

// Products of these sizes, whose matrices `place` tells.
Step& lower_product(Builder& b, const Node& node, const char* direction, std::vector<Buffer> uses,
                    const Product& sizes, const std::function<void(const Context&, Product&)>& place,
                    const ProductAxes& kept = {}, const ProductAxes& summed = {}) {
  const Buffer scratch = b.buffer(multiply_scratch(sizes, kept, summed));
  uses.push_back(scratch);
  return launch(b, node, direction, uses, [=](const Context& c) {
    Product product = sizes;
    place(c, product);
    multiply(stream_of(c), product, kept, summed, c.at(scratch));
  });
}

void dense_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t in = b.source(node).dims.back(), out = node.as<DenseAttrs>()->units;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const ParamPlace kernel = b.place(node.params[0]);
  const ParamPlace bias = node.as<DenseAttrs>()->use_bias ? b.place(node.params[1]) : ParamPlace{};
  Product sizes = product_of(b, dense_rows(b, node), out, in, in, 1, out, 1);
  sizes.activation = node.activation;
  lower_product(b, node, "forward", {from, to}, sizes, [=](const Context& c, Product& p) {
    p.a = c.at(from), p.b = c.values(kernel), p.dst = c.at(to);
    if (bias) p.bias = c.values(bias);
  });
}

void dense_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t in = b.source(node).dims.back(), out = node.as<DenseAttrs>()->units,
                rows = dense_rows(b, node);
  const Buffer grad = b.grad_before_activation(value), src = b.output(node.inputs[0]);
  const ParamPlace kernel = b.place(node.params[0]);
  if (b.needs_grad(node.inputs[0])) {
    const Buffer to = b.new_grad(node.inputs[0]);
    lower_product(
        b, node, "backward data", {grad, to}, product_of(b, rows, in, out, out, 1, 1, out),
        [=](const Context& c, Product& p) { p.a = c.at(grad), p.b = c.values(kernel), p.dst = c.at(to); });
  }
  if (b.trainable(node.params[0]))
    lower_product(
        b, node, "backward weights", {src, grad}, product_of(b, in, out, rows, 1, in, out, 1),
        [=](const Context& c, Product& p) { p.a = c.at(src), p.b = c.at(grad), p.dst = c.grad(kernel); });
  if (node.params.size() > 1 && b.trainable(node.params[1]))
    lower_channel_sums(b, node, {out, 1, rows * out}, grad, b.place(node.params[1]));
}

ProductAxes axes_of(const Node& node, const std::vector<ProductAxis>& axes) {
  ProductAxes made{};
  check_axes(node.name, axes.size(), kMostProductAxes);
  for (const ProductAxis& axis : axes) {
    made.size[made.axes] = axis.size, made.a[made.axes] = axis.a;
    made.b[made.axes] = axis.b, made.dst[made.axes++] = axis.dst;
  }
  return made;
}

void lower_products(Builder& b, const Node& node, const char* direction, const Products& p,
                    const Operand& left, const Operand& right, Buffer to) {
  const Gemm& g = p.g;
  Product sizes = product_of(b, g.m, g.n, g.k, g.a_row, g.a_col, g.b_row, g.b_col);
  sizes.dst_row = g.dst_row;
  Step& step = lower_product(
      b, node, direction, {to}, sizes,
      [=](const Context& c, Product& one) { one.a = left.at(c), one.b = right.at(c), one.dst = c.at(to); },
      axes_of(node, p.kept), axes_of(node, p.summed));
  left.declare(step), right.declare(step);
}

void matmul_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  lower_products(b, node, "forward", forward_products(b, node), {b, node.inputs[0]}, {b, node.inputs[1]},
                 b.output(value));
}

void matmul_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  if (b.needs_grad(node.inputs[0]))
    lower_products(b, node, "backward data", left_products(b, node), {b, node, grad}, {b, node.inputs[1]},
                   b.new_grad(node.inputs[0]));
  if (b.needs_grad(node.inputs[1]))
    lower_products(b, node, "backward weights", right_products(b, node), {b, node.inputs[0]}, {b, node, grad},
                   b.new_grad(node.inputs[1]));
}

// What all steps of a normalization know.
struct NormStep {
  NormParams params;
  Channels channels;
  BatchNormAttrs attrs;
  Buffer vectors;

  Norm at(const Context& c) const {
    return {channels,
            params.gamma ? c.values(params.gamma) : nullptr,
            params.beta ? c.values(params.beta) : nullptr,
            c.values(params.mean),
            c.values(params.variance),
            attrs.momentum,
            attrs.epsilon,
            c.at(vectors)};
  }
};

NormStep norm_step(const Builder& b, const Node& node, Buffer vectors) {
  return {norm_params(b, node), channels_of(node, b.rows(node)), *node.as<BatchNormAttrs>(), vectors};
}

// ---- Convolution ------------------------------------------------------------------------------------------

Image read_image(const Node& src, DataFormat format) {
  Node read = src;
  read.format = format;
  return read.image();
}

Convolution convolution_of(const Builder& b, const Node& node) {
  const ConvProblem p = conv_problem(b.source(node), node, b.n);
  const ConvAttrs& a = p.a;
  return {p.n,
          p.in.c,
          p.out.c,
          a.groups,
          {p.in.d, p.in.h, p.in.w},
          {p.out.d, p.out.h, p.out.w},
          {a.kernel.d, a.kernel.h, a.kernel.w},
          {a.stride.d, a.stride.h, a.stride.w},
          {a.padding.front, a.padding.top, a.padding.left},
          {a.dilation.d, a.dilation.h, a.dilation.w},
          images_of(p.in, node.format),
          images_of(p.out, node.format),
          arithmetic_of(b)};
}

// From the source of the node to its output, or, where its problem is the mirror image, the other way round.
// `uses` are the buffers of the epilogue.
void lower_pass(Builder& b, const Node& node, const char* direction, bool backward, Buffer from, Buffer to,
                std::vector<Buffer> uses, const std::function<Epilogue(const Context&)>& epilogue) {
  const Convolution conv = convolution_of(b, node);
  const Buffer scratch = b.buffer(backward ? conv_backward_scratch(conv) : conv_forward_scratch(conv));
  uses.insert(uses.end(), {from, to, scratch});
  launch(b, node, direction, uses, [=, kernel = b.place(node.params[0])](const Context& c) {
    const auto run = backward ? conv_backward : conv_forward;
    run(stream_of(c), conv, c.at(from), c.values(kernel), epilogue(c), c.at(scratch), c.at(to));
  });
}

// The normalization that a convolution took in.
NormStep folded_norm(Builder& b, const Node& node) {
  const ConvAttrs& a = *node.as<ConvAttrs>();
  Node norm = node;
  norm.attrs = *a.norm;
  norm.params.erase(norm.params.begin(), norm.params.begin() + (a.use_bias ? 2 : 1));
  return norm_step(b, norm, b.buffer(kNormVectors * node.image().c));
}

void conv_op_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ConvAttrs& a = *node.as<ConvAttrs>();
  const ParamPlace bias = a.use_bias ? b.place(node.params[1]) : ParamPlace{};
  const Buffer addend = node.inputs.size() > 1 ? b.output(node.inputs[1]) : Buffer{};
  std::vector<Buffer> uses;
  if (addend) uses.push_back(addend);
  const auto added = [=](const Context& c) { return addend ? c.at(addend) : nullptr; };
  std::function<Epilogue(const Context&)> epilogue = [=, kind = node.activation](const Context& c) {
    return Epilogue{nullptr, bias ? c.values(bias) : nullptr, added(c), kind};
  };
  if (a.norm) {
    const NormStep norm = folded_norm(b, node);
    launch(b, node, "fold normalization", {norm.vectors}, [=](const Context& c) {
      norm_by_moving(stream_of(c), norm.at(c), bias ? c.values(bias) : nullptr);
    });
    uses.push_back(norm.vectors);
    epilogue = [=, kind = node.activation](const Context& c) {
      return epilogue_of(norm.at(c), added(c), kind);
    };
  }
  lower_pass(b, node, "forward", a.transposed, b.output(node.inputs[0]), b.output(value), uses, epilogue);
}

void conv_op_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ConvAttrs& a = *node.as<ConvAttrs>();
  const Buffer grad = b.grad_before_activation(value), src = b.output(node.inputs[0]);
  if (node.inputs.size() > 1 && b.needs_grad(node.inputs[1])) b.share_grad(node.inputs[1], grad);
  if (b.needs_grad(node.inputs[0]))
    lower_pass(b, node, "backward data", !a.transposed, grad, b.new_grad(node.inputs[0]), {},
               [](const Context&) { return Epilogue{}; });
  if (b.trainable(node.params[0])) {
    const Convolution conv = convolution_of(b, node);
    const Buffer in = a.transposed ? grad : src, out = a.transposed ? src : grad;
    const Buffer scratch = b.buffer(conv_weights_scratch(conv));
    launch(b, node, "backward weights", {src, grad, scratch},
           [=, kernel = b.place(node.params[0])](const Context& c) {
             conv_weights(stream_of(c), conv, c.at(in), c.at(out), c.at(scratch), c.grad(kernel));
           });
  }
  if (a.use_bias && b.trainable(node.params[1]))
    lower_channel_sums(b, node, channels_of(node, b.rows(node)), grad, b.place(node.params[1]));
}

// ---- Pooling ----------------------------------------------------------------------------------------------

Pooling pooling_of(const Builder& b, const Node& node) {
  const PoolAttrs& a = *node.as<PoolAttrs>();
  const Image in = read_image(b.source(node), node.format), out = node.image();
  return {pool_geometry(a, in, out),   b.rows(node), out.c, images_of(in, node.format),
          images_of(out, node.format), a.maximum};
}

void pool_op_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  std::vector<Buffer> uses{from, to};
  Buffer index;
  if (node.as<PoolAttrs>()->maximum && b.differentiates())
    uses.push_back(index = b.saved(value, "index") = b.buffer(floats_of(node, b.n)));
  launch(b, node, "forward", uses,
         [=, pooling = pooling_of(b, node), kind = node.activation](const Context& c) {
           pool_forward(stream_of(c), pooling, c.at(from), kind, c.at(to),
                        index ? c.as<int32_t>(index) : nullptr);
         });
}

void pool_op_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad_before_activation(value), to = b.new_grad(node.inputs[0]);
  const Buffer index = b.saved(value, "index");
  std::vector<Buffer> uses{grad, to};
  if (index) uses.push_back(index);
  launch(b, node, "backward", uses, [=, pooling = pooling_of(b, node)](const Context& c) {
    pool_backward(stream_of(c), pooling, c.at(grad), index ? c.as<int32_t>(index) : nullptr, c.at(to));
  });
}

// ---- Batch normalization ----------------------------------------------------------------------------------

void norm_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Channels channels = channels_of(node, b.rows(node));
  const Buffer vectors = b.saved(value, "vectors") = b.buffer(kNormVectors * channels.channels);
  const NormStep norm = norm_step(b, node, vectors);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const Buffer addend = node.inputs.size() > 1 ? b.output(node.inputs[1]) : Buffer{};
  const Buffer scratch = b.buffer(channel_scratch(norm.channels));
  const bool by_batch = sees_batch(b, node, norm.params), moves = b.mode == Mode::train;
  launch(b, node, "statistics", {from, norm.vectors, scratch}, [=](const Context& c) {
    if (by_batch)
      norm_by_batch(stream_of(c), norm.at(c), c.at(from), c.at(scratch), moves);
    else
      norm_by_moving(stream_of(c), norm.at(c), nullptr);
  });
  std::vector<Buffer> uses{from, norm.vectors, to};
  if (addend) uses.push_back(addend);
  launch(b, node, "forward", uses, [=, kind = node.activation](const Context& c) {
    normalize(stream_of(c), norm.at(c), kind, c.at(from), addend ? c.at(addend) : nullptr, c.at(to));
  });
}

void norm_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const NormStep norm = norm_step(b, node, b.saved(value, "vectors"));
  const Buffer grad = b.grad_before_activation(value), from = b.output(node.inputs[0]);
  if (node.inputs.size() > 1 && b.needs_grad(node.inputs[1])) b.share_grad(node.inputs[1], grad);
  const Buffer scratch = b.buffer(channel_scratch(norm.channels));
  const auto trained = [&](ParamPlace p) { return p && b.trainable(p.position) ? p : ParamPlace{}; };
  const ParamPlace gamma = trained(norm.params.gamma), beta = trained(norm.params.beta);
  const bool by_batch = sees_batch(b, node, norm.params);
  launch(b, node, "backward sums", {from, grad, norm.vectors, scratch}, [=](const Context& c) {
    norm_sums(stream_of(c), norm.at(c), by_batch, c.at(from), c.at(grad), c.at(scratch),
              gamma ? c.grad(gamma) : nullptr, beta ? c.grad(beta) : nullptr);
  });
  for (const ParamPlace moving : {trained(norm.params.mean), trained(norm.params.variance)})
    if (moving)  // which no gradient moves
      b.options.target.fill(b, node, "backward sums", {}, grad_of(moving), norm.channels.channels, 0);
  if (!b.needs_grad(node.inputs[0])) return;
  const Buffer to = b.new_grad(node.inputs[0]);
  launch(b, node, "backward", {from, grad, norm.vectors, to},
         [=](const Context& c) { norm_grad(stream_of(c), norm.at(c), c.at(from), c.at(grad), c.at(to)); });
}

}  // namespace

void lower_channel_sums(Builder& b, const Node& node, const Channels& channels, Buffer from, ParamPlace to) {
  const Buffer scratch = b.buffer(channel_scratch(channels));
  launch(b, node, "backward bias", {from, scratch}, [=](const Context& c) {
    sum_channels(stream_of(c), channels, c.at(from), c.at(scratch), c.grad(to));
  });
}

const Op kMatmul{"matmul", matmul_forward, matmul_backward};
const Op kDense{"dense", dense_forward, dense_backward};
const Op kConv{"conv2d", conv_op_forward, conv_op_backward};
const Op kPool{"pool", pool_op_forward, pool_op_backward};
const Op kBatchNorm{"batch normalization", norm_forward, norm_backward};

}  // namespace cnnfast::cuda
