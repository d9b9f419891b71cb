// Dense layers: one matrix product in each of the three directions.
#include "ops/op.h"

namespace cnnfast {

namespace {

// Rows of a task: enough to pay for packing the other operand, and a multiple of no tile in particular.
constexpr int64_t kRowTask = 256;
constexpr int64_t kColTask = 64;
// One sample reads every weight once: below this many weights a second thread costs more than it brings.
constexpr int64_t kRowVectorTask = 512;

struct Operands {
  std::function<const float*(const Context&)> a, b;
  std::function<float*(const Context&)> dst;
  int64_t bias = -1;
};

// dst (m x n) in tasks of whole tiles.
void lower(Builder& b, const Node& node, const char* direction, Gemm g, std::vector<Buffer> uses,
           Operands at) {
  const int64_t col_task = g.m == 1 ? kRowVectorTask : kColTask;
  const int64_t rows = ceil_div(g.m, kRowTask), cols = ceil_div(g.n, col_task);
  const auto gemm = b.k.gemm;
  Step& step = b.step(node, direction, rows * cols, std::move(uses), [=](const Context& c, int64_t task) {
    const int64_t m0 = task / cols * g.m / rows, m1 = (task / cols + 1) * g.m / rows;
    const int64_t n0 = task % cols * col_task, n1 = std::min<int64_t>(g.n, n0 + col_task);
    Gemm one = g;
    one.a = at.a(c) + m0 * g.a_row;
    one.b = at.b(c) + n0 * g.b_col;
    one.bias = at.bias < 0 ? nullptr : c.run.params + at.bias + n0;
    one.dst = at.dst(c) + m0 * g.dst_row + n0;
    one.scratch = c.scratch;
    one.m = static_cast<int32_t>(m1 - m0), one.n = static_cast<int32_t>(n1 - n0);
    gemm(one);
  });
  step.scratch = b.k.gemm_scratch;
  step.info.algorithm = "gemm";
  step.info.bytes += sizeof(float) * static_cast<double>(b.param(node.params[0]).size());
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int in = static_cast<int>(b.source(node).elems()), out = node.as<DenseAttrs>()->units;
  const Buffer src = b.output(node.inputs[0]), dst = b.output(value);
  const int64_t kernel = b.param(node.params[0]).offset;
  Gemm g{};
  g.m = b.n, g.n = out, g.k = in;
  g.a_row = in, g.a_col = 1, g.b_row = out, g.b_col = 1, g.dst_row = out;
  g.activation = node.activation;
  Operands at{[=](const Context& c) { return c.at(src); },
              [=](const Context& c) { return c.run.params + kernel; },
              [=](const Context& c) { return c.at(dst); }};
  if (node.as<DenseAttrs>()->use_bias) at.bias = b.param(node.params[1]).offset;
  lower(b, node, "forward", g, {src, dst}, std::move(at));
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int in = static_cast<int>(b.source(node).elems()), out = node.as<DenseAttrs>()->units;
  const Buffer src = b.output(node.inputs[0]), grad = b.grad_before_activation(value);
  const int64_t kernel = b.param(node.params[0]).offset;
  if (b.trainable(node.params[0])) {
    Gemm g{};
    g.m = in, g.n = out, g.k = b.n;
    g.a_row = 1, g.a_col = in, g.b_row = out, g.b_col = 1, g.dst_row = out;
    lower(b, node, "backward weights", g, {src, grad},
          {[=](const Context& c) { return c.at(src); }, [=](const Context& c) { return c.at(grad); },
           [=](const Context& c) { return c.run.grads + kernel; }});
  }
  if (node.params.size() > 1 && b.trainable(node.params[1])) {
    const int64_t bias = b.param(node.params[1]).offset, rows = b.n;
    const auto sum_rows = b.k.sum_rows;
    b.step(node, "backward bias", 1, {grad},
           [=](const Context& c, int64_t) { sum_rows(c.at(grad), rows, out, c.run.grads + bias, out); });
  }
  if (b.needs_grad(node.inputs[0])) {
    const Buffer grad_src = b.new_grad(node.inputs[0]);
    Gemm g{};
    g.m = b.n, g.n = in, g.k = out;
    g.a_row = out, g.a_col = 1, g.b_row = 1, g.b_col = out, g.dst_row = in;
    lower(b, node, "backward data", g, {grad, grad_src},
          {[=](const Context& c) { return c.at(grad); },
           [=](const Context& c) { return c.run.params + kernel; },
           [=](const Context& c) { return c.at(grad_src); }});
  }
}

}  // namespace

const Op kDenseOp{"dense", forward, backward};

}  // namespace cnnfast
