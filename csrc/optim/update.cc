#include "optim/update.h"

#include <cmath>

namespace cnnfast {

namespace {

struct Range {  // floats of the flat buffers
  int64_t begin, end;
};

// Trainable parameters, neighbours joined, then cut into tasks. The padding between parameters has zero
// gradients and stays zero under every optimizer.
std::vector<Range> trainable_ranges(const std::vector<Parameter>& params,
                                    const std::vector<bool>& trainable) {
  std::vector<Range> joined;
  for (size_t i = 0; i < params.size(); ++i) {
    if (!trainable[i]) continue;
    const int64_t begin = params[i].offset, end = begin + ceil_div(params[i].size(), kLanes) * kLanes;
    if (!joined.empty() && joined.back().end == begin)
      joined.back().end = end;
    else
      joined.push_back({begin, end});
  }
  std::vector<Range> tasks;
  for (const Range& range : joined)
    for (int64_t begin = range.begin; begin < range.end; begin += kFlatTask)
      tasks.push_back({begin, std::min(begin + kFlatTask, range.end)});
  return tasks;
}

void lower_regularizers(Builder& b, const Node& output, const std::vector<Parameter>& params,
                        const UpdatePlan& plan) {
  for (size_t i = 0; i < params.size(); ++i) {
    const Regularizer r = plan.regularizers[i];
    if (!plan.trainable[i] || (r.l1 == 0 && r.l2 == 0)) continue;
    const int64_t offset = params[i].offset, size = params[i].size();
    b.step(output, "regularize", flat_tasks(size), {}, [=](const Context& c, int64_t task) {
      const float* w = c.run.params + offset + task * kFlatTask;
      float* grad = c.run.grads + offset + task * kFlatTask;
      for (int64_t j = 0, end = flat_size(size, task); j < end; ++j)
        grad[j] += r.l1 * static_cast<float>((w[j] > 0) - (w[j] < 0)) + 2 * r.l2 * w[j];
    });
  }
}

void sgd_task(const OptimizerConfig& o, const Context& c, const Range& range,
              decltype(KernelTable::sgd) sgd) {
  const bool momentum = o.momentum != 0;
  sgd({c.run.params + range.begin, c.run.grads + range.begin,
       momentum ? c.run.slots[0] + range.begin : nullptr, range.end - range.begin,
       static_cast<float>(c.run.learning_rate), static_cast<float>(o.momentum), o.nesterov});
}

void adam_task(const OptimizerConfig& o, const Context& c, const Range& range,
               decltype(KernelTable::adam) adam) {
  const double t = static_cast<double>(c.run.step) + 1;
  const double lr = c.run.learning_rate * std::sqrt(1 - std::pow(o.beta2, t)) / (1 - std::pow(o.beta1, t));
  adam({c.run.params + range.begin, c.run.grads + range.begin, c.run.slots[0] + range.begin,
        c.run.slots[1] + range.begin, range.end - range.begin, static_cast<float>(lr), o.beta1, o.beta2,
        static_cast<float>(o.epsilon)});
}

// One norm for each output unit: over all axes but the last of a kernel, over the whole of a bias vector.
void constrain_norm(float* w, const Dims& dims, const Constraint& constraint) {
  const int64_t cols = dims.size() == 1 ? 1 : dims.back();
  int64_t rows = 1;
  for (const int64_t d : dims) rows *= d;
  rows /= cols;
  for (int64_t col = 0; col < cols; ++col) {
    double sum = 0;
    for (int64_t row = 0; row < rows; ++row)
      sum += static_cast<double>(w[row * cols + col]) * w[row * cols + col];
    const double norm = std::sqrt(sum);
    const double wanted = std::min<double>(std::max<double>(norm, constraint.minimum), constraint.maximum);
    const float scale = static_cast<float>(wanted / (norm + 1e-7));  // Keras' guard against a zero norm
    if (wanted != norm)
      for (int64_t row = 0; row < rows; ++row) w[row * cols + col] *= scale;
  }
}

void lower_constraints(Builder& b, const Node& output, const std::vector<Parameter>& params,
                       const UpdatePlan& plan) {
  for (size_t i = 0; i < params.size(); ++i) {
    const Constraint constraint = plan.constraints[i];
    if (!plan.trainable[i] || constraint.kind == Constraint::Kind::none) continue;
    const Parameter param = params[i];
    b.step(output, "constrain", 1, {}, [=](const Context& c, int64_t) {
      float* w = c.run.params + param.offset;
      if (constraint.kind == Constraint::Kind::norm) return constrain_norm(w, param.dims, constraint);
      for (int64_t j = 0, end = param.size(); j < end; ++j) w[j] = w[j] < 0 ? 0 : w[j];
    });
  }
}

}  // namespace

void lower_update(Builder& b, const Node& output, const std::vector<Parameter>& params,
                  const UpdatePlan& plan) {
  lower_regularizers(b, output, params, plan);
  const std::vector<Range> ranges = trainable_ranges(params, plan.trainable);
  const OptimizerConfig optimizer = plan.optimizer;
  const auto sgd = b.k.sgd;
  const auto adam = b.k.adam;
  Step& step =
      b.step(output, "update", static_cast<int64_t>(ranges.size()), {}, [=](const Context& c, int64_t task) {
        const Range& range = ranges[static_cast<size_t>(task)];
        if (optimizer.kind == OptimizerConfig::Kind::sgd)
          sgd_task(optimizer, c, range, sgd);
        else
          adam_task(optimizer, c, range, adam);
      });
  const int arrays = optimizer.kind == OptimizerConfig::Kind::adam ? 4 : optimizer.momentum != 0 ? 3 : 2;
  for (const Range& range : ranges)
    step.info.bytes += sizeof(float) * static_cast<double>(arrays * (range.end - range.begin));
  lower_constraints(b, output, params, plan);
}

}  // namespace cnnfast
