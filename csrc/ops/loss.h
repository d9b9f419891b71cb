// The end of a training or evaluation program: loss, its gradient, and metrics.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

struct LossPlan {
  Loss loss;
  bool from_logits;  // the value is not yet a probability
  std::vector<Metric> metrics;
};

// Decides what the loss reads. A softmax or sigmoid at the end of the network is merged: the loss then works
// on its input, which is exact and cheaper. Throws Error{value} where loss and network do not fit.
LossPlan plan_loss(Draft& draft, Loss loss, bool from_logits, std::vector<Metric> metrics);

// Appends the steps; with a gradient, the value's gradient is there afterwards.
void lower_loss(Builder& b, int value, const LossPlan& plan, const std::vector<Regularizer>& regularizers);

}  // namespace cnnfast
