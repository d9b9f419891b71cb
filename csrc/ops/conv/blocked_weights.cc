// Direct convolution with channels in lanes, gradient of the weights.
#include <memory>

#include "ops/conv/blocked.h"

namespace cnnfast {

namespace {

// One sample of few pixels: each weight's gradient is one sum, written where the user wants it.
constexpr int kInPlacePixels = 256;
constexpr int kInPlaceChannels = 64;  // of the inputs, a task
constexpr int64_t kSumRows = 32;      // of the partial sums, a task

struct WeightPass {
  const ConvProblem& p;
  Buffer from, grad_out;
  Place src, dst;
};

bool is_flat(const ConvProblem& p) {
  return p.in.d == 1 && p.out.d == 1 && p.a.kernel.d == 1 && p.a.padding.front == 0;
}

// Else two rectangles share a tap.
bool has_rect_per_tap(const WeightPass& pass) {
  return !pass.src.runs && is_flat(pass.p);
}

// With whole blocks each kernel position has a rectangle: one long loop over all outputs that see it.
Rects weight_rects(const WeightPass& pass) {
  const Place& src = pass.src;
  const int ic = pass.p.ic();
  if (!src.runs) return tap_rects(pass.p.axes(), src.steps, pass.dst.steps);
  Rects rects = forward_rects(pass.p.axes(), src.steps, pass.dst.steps, channel_taps(src, ic));
  join_runs(rects, src, ic, [&](int position, int piece) { return position * ic + piece * src.side; });
  return rects;
}

ConvBlockedWgrad whole_gradient(const WeightPass& pass, const Rects& rects) {
  ConvBlockedWgrad a{};
  a.src_block = pass.src.next, a.dst_block = pass.dst.next;
  a.ic = a.tap_rows = pass.p.ic();
  a.rows = pass.p.out.d * pass.p.out.h, a.cols = pass.p.out.w;
  a.accumulate = !has_rect_per_tap(pass);
  a.rects = rects.rects.data(), a.n_rects = static_cast<int32_t>(rects.rects.size());
  return a;
}

bool writes_in_place(const WeightPass& pass) {
  const ConvProblem& p = pass.p;
  return p.n == 1 && p.out.pixels() <= kInPlacePixels && has_rect_per_tap(pass) && p.out.c % kLanes == 0;
}

void write_in_place(Builder& b, const Node& node, const WeightPass& pass) {
  const ConvProblem& p = pass.p;
  const auto rects = std::make_shared<Rects>(weight_rects(pass));
  const int64_t group_tasks = ceil_div(p.ic(), kInPlaceChannels), group_blocks = blocks_of(p.oc());
  const int64_t kernel_at = b.param(node.params[0]).offset;
  const int64_t bias_at = p.a.use_bias ? b.param(node.params[1]).offset : -1;
  const int64_t src_group = pass.src.group;
  const Buffer from = pass.from, grad_out = pass.grad_out;
  ConvBlockedWgrad a = whole_gradient(pass, *rects);
  a.weights_row = p.out.c, a.weights_block = kLanes;
  a.blocks = static_cast<int32_t>(group_blocks);
  const auto wgrad = b.k.conv_blocked_wgrad;
  Step& step = b.step(node, "backward weights", group_tasks * p.a.groups, {from, grad_out},
                      [=, rects = rects](const Context& c, int64_t task) {
                        const int64_t g = task / group_tasks, channel = task % group_tasks * kInPlaceChannels;
                        const int64_t block = g * group_blocks;
                        ConvBlockedWgrad one = a;
                        one.ic = static_cast<int32_t>(std::min<int64_t>(kInPlaceChannels, a.ic - channel));
                        one.src = c.at(from) + g * src_group + channel / kLanes * a.src_block;
                        one.grad_dst = c.at(grad_out) + block * a.dst_block;
                        one.grad_weights = c.run.grads + kernel_at + channel * a.weights_row + block * kLanes;
                        if (bias_at >= 0 && channel == 0)
                          one.grad_bias = c.run.grads + bias_at + block * kLanes;
                        wgrad(one);
                      });
  step.info.algorithm = "blocked";
}

void sum_samples(Builder& b, const Node& node, const WeightPass& pass, const Partials& partial, Buffer sums) {
  const ConvProblem& p = pass.p;
  const auto rects = std::make_shared<Rects>(weight_rects(pass));
  const int64_t group_blocks = partial.blocks / p.a.groups, task_blocks = b.k.wgrad_blocks;
  const int64_t group_tasks = ceil_div(group_blocks, task_blocks), tasks = group_tasks * p.a.groups;
  const int64_t n = p.n, src_sample = pass.src.sample, src_group = pass.src.group,
                dst_sample = pass.dst.sample;
  const Buffer from = pass.from, grad_out = pass.grad_out;
  ConvBlockedWgrad a = whole_gradient(pass, *rects);
  a.weights_row = kLanes, a.weights_block = partial.block_floats;
  const auto wgrad = b.k.conv_blocked_wgrad;
  Step& step = b.step(node, "backward weights", partial.parts * tasks, {from, grad_out, sums},
                      [=, rects = rects](const Context& c, int64_t task) {
                        const int64_t part = task / tasks, g = task % tasks / group_tasks;
                        const int64_t in_group = task % group_tasks * task_blocks,
                                      block = g * group_blocks + in_group;
                        ConvBlockedWgrad one = a;
                        one.blocks = static_cast<int32_t>(std::min(task_blocks, group_blocks - in_group));
                        one.grad_weights = c.at(sums) + part * partial.floats + block * partial.block_floats;
                        one.grad_bias = one.grad_weights + partial.rows * kLanes;
                        if (one.accumulate)
                          std::fill_n(one.grad_weights, one.blocks * partial.block_floats, 0.0f);
                        const int64_t end = (part + 1) * n / partial.parts;
                        for (int64_t sample = part * n / partial.parts; sample < end; ++sample) {
                          one.src = c.at(from) + sample * src_sample + g * src_group;
                          one.grad_dst = c.at(grad_out) + sample * dst_sample + block * a.dst_block;
                          wgrad(one);
                          one.accumulate = 1;
                        }
                      });
  step.info.algorithm = "blocked";
}

}  // namespace

void add_partials(Builder& b, const Node& node, const ConvProblem& p, const Partials& partial, Buffer sums) {
  const int64_t all_oc = p.out.c, kernel_at = b.param(node.params[0]).offset;
  const int64_t bias_at = p.a.use_bias ? b.param(node.params[1]).offset : -1;
  const auto sum_rows = b.k.sum_rows;
  Step& step =
      b.step(node, "sum partial gradients", ceil_div(partial.rows + 1, kSumRows), {sums},
             [=](const Context& c, int64_t task) {
               const int64_t first = task * kSumRows;
               const int64_t count = std::min(kSumRows, partial.rows + 1 - first);
               for (int64_t block = 0; block < partial.blocks; ++block) {
                 const float* from = c.at(sums) + block * partial.block_floats + first * kLanes;
                 sum_rows(from, partial.parts, partial.floats, c.scratch, count * kLanes);
                 const int64_t channels = std::min<int64_t>(kLanes, all_oc - block * kLanes);
                 for (int64_t i = 0; i < count; ++i) {
                   const int64_t row = first + i;
                   const int64_t to = row < partial.rows ? kernel_at + row * all_oc : bias_at;
                   if (to >= 0)
                     std::copy_n(c.scratch + i * kLanes, channels, c.run.grads + to + block * kLanes);
                 }
               }
             });
  step.scratch = kSumRows * kLanes;
}

void blocked_backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Node &node = b.node(value), &source = b.source(node);
  if (skips_pixels(p, source))
    return blocked_backward_weights(b, value, of_read_pixels(p), gather_pixels(b, node, p, from), grad_out);
  if (pads_image(p, source))
    return blocked_backward_weights(b, value, of_padded_image(p), pad_image(b, node, p, from), grad_out);
  const WeightPass pass{p, from, grad_out, place_of(source, p.in, p.ic()), blocked_place(p.out, p.oc())};
  if (writes_in_place(pass)) return write_in_place(b, node, pass);
  const Partials partial(p, p.n);
  const Buffer sums = b.buffer(partial.parts * partial.floats);
  sum_samples(b, node, pass, partial, sums);
  add_partials(b, node, p, partial, sums);
}

}  // namespace cnnfast
