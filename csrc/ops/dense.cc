// Dense layers, of each vector along the last axis: one matrix product in each of the three directions.
// Training moves the weights where their gradient is finished, while it is in cache.
#include "ops/dense_product.h"
#include "ops/op.h"
#include "ops/product_tasks.h"

namespace cnnfast {

namespace {

// Rows and columns of a task: its packed operands fit the second-level cache.
constexpr int64_t kRowTask = 256, kColumnTask = 128;
// Few samples read each weight once, at memory's speed if pieces of rows are long.
constexpr int64_t kLongColumnTask = 1024;
// Of a weight gradient: long rows, so that the optimizer reads memory in long pieces.
constexpr int64_t kGradRowTask = 128, kGradColumnTask = 1024;
constexpr int64_t kBiasTask = 512;

// Floats of one column of b as `pack` writes it.
int64_t packed_depth(const GemmKernels& k, const Gemm& g) {
  return ceil_div(g.k, k.per_float);
}

int64_t packed_floats(const GemmKernels& k, const Gemm& g) {
  return ceil_div(g.n, kColumnUnit) * kColumnUnit * packed_depth(k, g);
}

// Columns [begin, end) of the product's b, as tasks read them.
void pack_columns(const GemmKernels& k, Gemm g, const float* b, int64_t begin, int64_t end, float* packed) {
  g.n = static_cast<int32_t>(end - begin);
  g.b = b + begin;
  k.pack(g, packed + begin * packed_depth(k, g));
}

// The weights as the product reads them, once for many predictions. Training packs inside of its tasks: one
// pass over memory less in each step. A task's pieces of rows are long, few to a page.
Buffer pack_weights(Builder& b, const Node& node, const GemmKernels& k, const Gemm& g) {
  const int64_t parts = parts_of(g.n, kLongColumnTask);
  const int64_t columns = ceil_div(ceil_div(g.n, kColumnUnit), parts) * kColumnUnit;
  return b.pack(node, packed_floats(k, g),
                {b.place(node.params[0]), g.k, g.n, columns,
                 [=](const PackRows& r) { pack_columns(k, g, r.from, r.begin, r.end, r.to); }});
}

// The gradient as the products read it: each task reads all of it.
Buffer pack_gradient(Builder& b, const Node& node, const GemmKernels& k, const Gemm& g, Buffer grad) {
  const Buffer packed = b.buffer(packed_floats(k, g));
  b.step(node, "pack gradient", ceil_div(g.n, kColumnTask), {grad, packed},
         [=](const Context& c, int64_t task) {
           const int64_t begin = task * kColumnTask, end = std::min<int64_t>(g.n, begin + kColumnTask);
           pack_columns(k, g, c.at(grad), begin, end, c.at(packed));
         });
  return packed;
}

// One row of the product a sample. The weights are `packed`, or lie as the user has them.
void lower_samples(Builder& b, const Node& node, const char* direction, const Gemm& g, Buffer from, Buffer to,
                   ParamPlace weights, Buffer packed, ParamPlace bias) {
  const Tasks tasks{ceil_div(g.m, kRowTask),
                    parts_of(g.n, g.m < kManySamples ? kLongColumnTask : kColumnTask)};
  const DenseProduct product = dense_product(b, node);
  const int64_t depth = packed_depth(product.kernels, g);
  const auto gemm = product.kernels.run;
  std::vector<Buffer> uses{from, to};
  if (packed) uses.push_back(packed);
  Step& step = b.step(node, direction, tasks.count(), uses, [=](const Context& c, int64_t task) {
    auto [one, m0, n0] = block_of(g, tasks, task);
    one.a = c.at(from) + m0 * g.a_row;
    one.b = packed ? c.at(packed) + n0 * depth : c.values(weights) + n0 * g.b_col;
    one.bias = bias ? c.values(bias) + n0 : nullptr;
    one.dst = c.at(to) + m0 * g.dst_row + n0;
    one.scratch = c.scratch;
    gemm(one);
  });
  step.scratch = most_scratch(g, tasks, product.kernels, false);
  step.info.algorithm = product.algorithm;
  if (!packed) step.info.bytes += sizeof(float) * static_cast<double>(b.param(node.params[0]).size());
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int in = static_cast<int>(b.source(node).dims.back()), out = node.as<DenseAttrs>()->units;
  Gemm g{};
  g.m = dense_rows(b, node), g.n = out, g.k = in;
  g.a_row = in, g.a_col = 1, g.b_row = out, g.b_col = 1, g.dst_row = out;
  g.activation = node.activation;
  const ParamPlace kernel = b.place(node.params[0]);
  Buffer packed;
  const DenseProduct product = dense_product(b, node);
  if (product.keeps_weights) {
    packed = pack_weights(b, node, product.kernels, g);
    g.b_packed = 1;
  }
  lower_samples(b, node, "forward", g, b.output(node.inputs[0]), b.output(value), kernel, packed,
                node.as<DenseAttrs>()->use_bias ? b.place(node.params[1]) : ParamPlace{});
}

void backward_data(Builder& b, int value, Buffer grad) {
  const Node& node = b.node(value);
  const int in = static_cast<int>(b.source(node).dims.back()), out = node.as<DenseAttrs>()->units;
  Gemm g{};
  g.m = dense_rows(b, node), g.n = in, g.k = out;
  g.a_row = out, g.a_col = 1, g.b_row = 1, g.b_col = out, g.dst_row = in;
  lower_samples(b, node, "backward data", g, grad, b.new_grad(node.inputs[0]), b.place(node.params[0]), {},
                {});
}

void backward_weights(Builder& b, int value, Buffer grad) {
  const Node& node = b.node(value);
  const int in = static_cast<int>(b.source(node).dims.back()), out = node.as<DenseAttrs>()->units;
  const Buffer src = b.output(node.inputs[0]);
  const ParamPlace kernel = b.place(node.params[0]);
  Gemm g{};
  g.m = in, g.n = out, g.k = dense_rows(b, node);
  g.a_row = 1, g.a_col = in, g.b_row = out, g.b_col = 1, g.dst_row = out;
  const Tasks tasks{parts_of(in, kGradRowTask), ceil_div(out, kGradColumnTask)};
  const DenseProduct product = dense_product(b, node);
  const Buffer packed = pack_gradient(b, node, product.kernels, g, grad);
  g.b_packed = 1;
  const int64_t depth = packed_depth(product.kernels, g);
  const Update update = b.update_at_once(node.params[0]);
  const auto gemm = product.kernels.run;
  Step& step =
      b.step(node, "backward weights", tasks.count(), {src, packed}, [=](const Context& c, int64_t task) {
        const Block block = block_of(g, tasks, task);
        Gemm one = block.g;
        const int64_t at = block.m0 * out + block.n0;
        one.a = c.at(src) + block.m0;
        one.b = c.at(packed) + block.n0 * depth;
        one.dst = update ? c.scratch : c.grad(kernel) + at;
        one.dst_row = update ? one.n : out;
        one.scratch = update ? c.scratch + dst_floats(block) : c.scratch;
        gemm(one);
        if (!update) return;
        if (one.n == out) return update.move(c, kernel, at, one.dst, int64_t{one.m} * out);
        for (int64_t row = 0; row < one.m; ++row)
          update.move(c, kernel, at + row * out, one.dst + row * one.n, one.n);
      });
  step.scratch = most_scratch(g, tasks, product.kernels, static_cast<bool>(update));
  step.info.algorithm = product.algorithm;
  step.info.bytes +=
      sizeof(float) * static_cast<double>(b.param(node.params[0]).size() * (update ? update.arrays : 1));
}

void backward_bias(Builder& b, int value, Buffer grad) {
  const Node& node = b.node(value);
  const ParamPlace bias = b.place(node.params[1]);
  const int64_t rows = dense_rows(b, node), out = node.as<DenseAttrs>()->units;
  const Update update = b.update_at_once(node.params[1]);
  const auto sum_rows = b.k.sum_rows;
  Step& step =
      b.step(node, "backward bias", ceil_div(out, kBiasTask), {grad}, [=](const Context& c, int64_t task) {
        const int64_t at = task * kBiasTask, n = std::min(kBiasTask, out - at);
        float* sums = update ? c.scratch : c.grad(bias) + at;
        sum_rows(c.at(grad) + at, rows, out, sums, n);
        if (update) update.move(c, bias, at, sums, n);
      });
  step.scratch = kBiasTask;
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad_before_activation(value);
  if (b.needs_grad(node.inputs[0])) backward_data(b, value, grad);  // before the weights move
  if (b.trainable(node.params[0])) backward_weights(b, value, grad);
  if (node.params.size() > 1 && b.trainable(node.params[1])) backward_bias(b, value, grad);
}

}  // namespace

const Op kDenseOp{"dense", forward, backward};

}  // namespace cnnfast
