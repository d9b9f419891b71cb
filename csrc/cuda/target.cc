// What a device program is made of: the table of ops, and the steps that belong to none.
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "graph/results.h"

namespace cnnfast::cuda {

namespace {

const Op* op_of(const Node& node) {
  // In the order of Attrs.
  static const Op* const ops[] = {&kInput,  &kConv,       &kPool,     &kDense,    &kFlatten,    &kDropout,
                                  &kAdd,    &kActivation, nullptr,    &kWeightOp, &kConstant,   &kReshapeOp,
                                  &kLoss,   &kMetric,     &kAssignOp, &kMove,     &kBatchNorm,  &kFormula,
                                  &kReduce, &kMatmul,     &kGather,   &kOrder,    &kGradientOp, nullptr,
                                  &kResize, &kSample};
  static_assert(std::variant_size_v<Attrs> == std::size(ops));
  return ops[node.attrs.index()];
}

// In runs that Transfers describe: the caller's arrays are not the device's.
void lower_outputs(Builder& b, const std::vector<int>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Node& node = b.node(outputs[i]);
    const int64_t floats = floats_of(node, b.n);
    const Buffer out = b.output(outputs[i]);
    Step& step = launch(b, node, "output", {out},
                        [=](const Context& c) { cuda::copy(stream_of(c), c.made, c.at(out), floats); });
    step.transfers.made = floats;
    step.transfers.at = [=](const Run& run) { return run.outputs[i]; };
  }
}

void lower_given_gradient(Builder& b, const Node& node, size_t number, Buffer grad) {
  const int64_t floats = floats_of(node, b.n);
  Step& step = launch(b, node, "given gradient", {grad},
                      [=](const Context& c) { cuda::copy(stream_of(c), c.at(grad), c.given, floats); });
  step.transfers.given = floats;
  step.transfers.gather = [=](const Run& run, float* to) {
    std::copy_n(run.grad_outputs[number], floats, to);
  };
}

Step& lower_fill(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
                 const Where& to, int64_t floats, float value) {
  return launch(b, node, direction, uses,
                [=](const Context& c) { fill(stream_of(c), to(c), floats, value); });
}

Step& lower_copy(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
                 const Where& from, const Where& to, int64_t floats) {
  return launch(b, node, direction, uses,
                [=](const Context& c) { copy(stream_of(c), to(c), from(c), floats); });
}

Step& lower_add(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
                const Where& x, const Where& y, const Where& to, int64_t floats) {
  return launch(b, node, direction, uses,
                [=](const Context& c) { add(stream_of(c), to(c), x(c), y(c), floats); });
}

void lower_activation_gradient(Builder& b, const Node& node, Buffer out, Buffer after, Buffer before) {
  launch(b, node, "activation gradient", {out, after, before},
         [=, kind = node.activation, floats = floats_of(node, b.n)](const Context& c) {
           activate_grad(stream_of(c), kind, c.at(before), c.at(out), c.at(after), floats);
         });
}

}  // namespace

const Target kCudaTarget{
    "CUDA",       false,      op_of,      lower_outputs, lower_given_gradient,      lower_results,
    lower_update, lower_fill, lower_copy, lower_add,     lower_activation_gradient, place_sources};

// The loss, then sums of metrics.
void lower_results(Builder& b, const std::vector<int>& outputs, const Objective& objective,
                   const UpdatePlan& update) {
  struct Sum {
    Buffer from;
    int64_t rows, cols;
    double factor;
  };
  const size_t losses = objective.losses.size();
  std::vector<Sum> sums;
  std::vector<Buffer> uses;
  for (size_t i = 0; i < losses + objective.metrics.size(); ++i) {
    const Node& node = b.node(outputs[i]);
    uses.push_back(b.output(outputs[i]));
    const bool is_loss = i < losses;
    const Objective::Term term = is_loss ? objective.losses[i] : Objective::Term{};
    sums.push_back(
        {uses.back(), b.rows(node), node.elems(), is_loss ? term.factor / divisor_of(term, node, b.n) : 1.0});
  }
  const std::vector<Penalty> penalties = penalties_of(b, update);
  int64_t parts = 0;
  for (const Penalty& p : penalties) parts += moved_parts(p.size);
  const Buffer scratch = parts > 0 ? b.buffer(2 * parts) : Buffer{};
  if (scratch) uses.push_back(scratch);
  Step& step = launch(b, b.node(outputs[0]), "results", uses, [=](const Context& c) {
    auto* to = reinterpret_cast<double*>(c.made);
    for (size_t i = 0; i < losses; ++i)
      add_up(stream_of(c), c.at(sums[i].from), sums[i].rows * sums[i].cols, sums[i].factor, to, i > 0);
    MovedParams punished;
    for (const Penalty& p : penalties) {
      Moved& moved = punished.emplace_back();
      moved.values = c.values(p.param), moved.n = p.size;
      moved.l1 = p.regularizer.l1, moved.l2 = p.regularizer.l2;
    }
    if (scratch) add_penalties(stream_of(c), punished, c.as<double>(scratch), to);
    ++to;
    for (size_t i = losses; i < sums.size(); to += sums[i++].cols)
      add_columns(stream_of(c), c.at(sums[i].from), sums[i].rows, sums[i].cols, to);
  });
  step.transfers.made = 2 * results_of(objective);
  step.transfers.at = [](const Run& run) { return reinterpret_cast<float*>(run.results); };
}

}  // namespace cnnfast::cuda
